"""What comes in through the doors of holds and exports."""

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField

from mobilize.accounts.scope import Scope
from mobilize.languages import _
from mobilize.privacy.models import ExportFormat, ExportKind


class ExportForm(FlaskForm):
    """`kind` offers what this scope may ask for."""

    class Meta:
        csrf = False  # the door asks for the token of every signed-in form

    kind = SelectField()
    format = SelectField()
    reason = StringField()

    def offer(self, scope: Scope) -> "ExportForm":
        kinds = [(ExportKind.COUNTS, _("numbers only")), (ExportKind.NAMES, _("names"))]
        if scope.is_organizer:
            kinds.append((ExportKind.PHONES, _("names and phone numbers")))
        self.kind.choices = [(kind.value, words) for kind, words in kinds]
        self.format.choices = [(ExportFormat.XLSX.value, "Excel (.xlsx)"), (ExportFormat.CSV.value, "CSV")]
        return self
