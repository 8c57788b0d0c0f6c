"""The forms of exports, legal holds, forgetting, and the member's page."""

import uuid

from wtforms import BooleanField, SelectChoice, SelectField, StringField
from wtforms.validators import AnyOf

from mobilize.accounts.access.scope import Scope
from mobilize.database import parse_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.privacy.models import ExportFormat, ExportKind
from mobilize.roster.models import Site
from mobilize.web.page_form import PageForm


class OptInForm(PageForm):
    """A number, and a box that nobody has ticked yet; its label is the words that are agreed to."""

    phone = StringField(default="")
    agree = BooleanField(default=False)


class ExportForm(PageForm):
    """`kind` offers what this scope may ask for; for the chapter of `site` its report on paper as well."""

    kind = SelectField()
    format = SelectField()
    reason = StringField(default="")
    site = StringField(default="")

    def offer(self, scope: Scope, site: Site | None = None) -> "ExportForm":
        kinds = [(ExportKind.COUNTS, _("numbers only")), (ExportKind.NAMES, _("names"))]
        kinds.append((ExportKind.HOURS, _("duty and hours by member, for strike pay")))
        if scope.is_organizer:
            kinds.append((ExportKind.PHONES, _("names and phone numbers")))
        labels = {"kind": _("What"), "format": _("File"), "reason": _("What for")}
        for name, label in labels.items():
            self[name].label.text = label
        self.kind_words = {kind.value: words for kind, words in kinds}
        self.kind.choices = [SelectChoice(kind, words) for kind, words in self.kind_words.items()]
        formats = {ExportFormat.XLSX: "Excel (.xlsx)", ExportFormat.CSV: "CSV"}
        if site is not None:
            formats = {ExportFormat.PDF: _("PDF, to print"), **formats}
            self.site.data = str(site.id)
            if not self.is_submitted():
                self.kind.data = ExportKind.NAMES.value
        formats |= _programs()
        self.format.choices = [SelectChoice(format.value, words) for format, words in formats.items()]
        return self


def _programs() -> dict[ExportFormat, str]:
    """The programs for which there is a file, as they are called."""
    return {
        ExportFormat.ACTION_BUILDER: "Action Builder (CSV)",
        ExportFormat.ACTION_NETWORK: "Action Network (CSV)",
        ExportFormat.BROADSTRIPES: _("Broadstripes check-offs (CSV)"),
        ExportFormat.NATIONBUILDER: "NationBuilder (CSV)",
        ExportFormat.VAN: _("VAN or EveryAction signups (CSV)"),
        ExportFormat.OSDI: "OSDI 1.2 (JSON)",
        ExportFormat.PAYROLL: _("Payroll (CSV), with duty and hours"),
    }


class HoldForm(PageForm):
    """A legal hold: on one action or on all of them, and why."""

    action = StringField(default="")
    reason = StringField(default="")

    @property
    def action_id(self) -> uuid.UUID | None:
        """The chosen action, None for all of them. Refused: "no_action"."""
        chosen = parse_id(self.action.data)
        if chosen is None and self.action.data != "all":
            raise Refused("no_action", _("Choose an action, or all of them."), status=422)
        return chosen


class ForgetForm(PageForm):
    """Valid with its box ticked."""

    sure = StringField(validators=[AnyOf(["yes"])])


class PreferencesForm(PageForm):
    """What a member decides, one button each: the others are None."""

    language = StringField()
    urgent = StringField()
    texts = StringField()
    links = StringField()


class DeleteForm(PageForm):
    """`stop_texts`: also never text this phone again."""

    stop_texts = BooleanField()
