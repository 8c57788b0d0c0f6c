"""What comes in through the doors of holds and exports."""

from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectField, StringField

from mobilize.accounts.scope import Scope
from mobilize.languages import _
from mobilize.privacy.models import ExportFormat, ExportKind
from mobilize.roster.models import Site


class ExportForm(FlaskForm):
    """`kind` offers what this scope may ask for; for the chapter of `site` its report on paper as well."""

    class Meta:
        csrf = False  # the door asks for the token of every signed-in form

    kind = SelectField()
    format = SelectField()
    reason = StringField()
    site = StringField()

    def offer(self, scope: Scope, site: Site | None = None) -> "ExportForm":
        kinds = [(ExportKind.COUNTS, _("numbers only")), (ExportKind.NAMES, _("names"))]
        kinds.append((ExportKind.HOURS, _("duty and hours by member, for strike pay")))
        if scope.is_organizer:
            kinds.append((ExportKind.PHONES, _("names and phone numbers")))
        self.kind_words = {kind.value: words for kind, words in kinds}
        self.kind.choices = [SelectChoice(kind, words) for kind, words in self.kind_words.items()]
        formats = {ExportFormat.XLSX: "Excel (.xlsx)", ExportFormat.CSV: "CSV"}
        if site is not None:
            formats = {ExportFormat.PDF: _("PDF, to print"), **formats}
            self.site.data = str(site.id)
            if not self.is_submitted():
                self.kind.data = ExportKind.NAMES.value
        self.format.choices = [SelectChoice(format.value, words) for format, words in formats.items()]
        return self
