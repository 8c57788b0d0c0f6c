"""The forms of setting up: the first admin, the union, areas."""

from flask_babel import lazy_gettext as _
from wtforms import ColorField, SelectField, StringField, TelField, TextAreaField

from mobilize import settings
from mobilize.errors import Refused
from mobilize.setup.union_settings import LONGEST_NAME
from mobilize.web.page_form import PageForm

# Of the North American plan of numbers, by which phones are read; any other that is set stays on offer.
ZONES = {
    "America/New_York": _("Eastern time"),
    "America/Chicago": _("Central time"),
    "America/Denver": _("Mountain time"),
    "America/Phoenix": _("Arizona time"),
    "America/Los_Angeles": _("Pacific time"),
    "America/Anchorage": _("Alaska time"),
    "Pacific/Honolulu": _("Hawaii time"),
    "America/Puerto_Rico": _("Puerto Rico time"),
}


class FirstAdminForm(PageForm):
    name = StringField(_("Your name"))
    phone = TelField(_("Your mobile number"))


class UnionForm(PageForm):
    """Each field is named like its setting, in lower case."""

    union_name = StringField(_("Name of the union"), render_kw={"maxlength": LONGEST_NAME, "required": True})
    union_timezone = SelectField(_("Time zone"), validate_choice=False)
    union_colour = ColorField(_("Color"))
    help_number = TelField(_("Help number"))

    def offer(self) -> "UnionForm":
        zones = {**ZONES}
        zones.setdefault(settings().union_timezone, settings().union_timezone)
        self.union_timezone.choices = list(zones.items())
        return self

    def values(self) -> dict[str, str]:
        """What was typed, by the names of the settings."""
        return {name.upper(): str(field.data or "") for name, field in self._fields.items()}

    def refuse(self, refusal: Refused) -> None:
        """Show a refusal at the field to correct."""
        field = self._fields.get({"zone_day": "union_timezone"}.get(refusal.code, refusal.code))
        if field is None:
            self.form_errors.append(refusal.message)
        else:
            field.errors = [*field.errors, refusal.message]


class AreasForm(PageForm):
    names = TextAreaField(_("Areas to add, one on each line"), render_kw={"rows": 6})
