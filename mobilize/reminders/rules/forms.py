"""The forms on the page of an action's reminders."""

from typing import Any, NamedTuple

from werkzeug.datastructures import MultiDict
from wtforms import Field, IntegerField, StringField, TimeField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.rules.kinds import SPECS
from mobilize.web.page_form import PageForm


class ChangeForm(PageForm):
    """The button that was pressed, and to how many segments somebody agreed who saw their price."""

    do = StringField(default="")
    agreed_segments = IntegerField(default=0)


class Setting(NamedTuple):
    """The field on the page that sets one column of a rule."""

    name: str
    field: type[Field]
    validators: tuple[Any, ...]


# By column. A step of the question for the count that is left empty stays as it was.
FIELDS = {
    "at_local": Setting("at_local", TimeField, (InputRequired(),)),
    "minutes_before": Setting("minutes_before", IntegerField, (InputRequired(), NumberRange(15, 240))),
    "reason": Setting("reason", StringField, (Length(max=200),)),
    "minutes_after_start": Setting("minutes", IntegerField, (InputRequired(), NumberRange(0, 240))),
    "again_after_minutes": Setting("again_after", IntegerField, (Optional(), NumberRange(0, 240))),
    "call_after_minutes": Setting("call_after", IntegerField, (Optional(), NumberRange(0, 240))),
}


def form_for(
    kind: RuleKind, rule: ReminderRule | None = None, prepared: MultiDict[str, str] | None = None
) -> PageForm:
    """The form with the settings of this kind: those of `rule`, or without one what was sent. `prepared`:
    what a program has typed into some of them. The page has several, so its fields have ids of their own."""
    fields, values = {}, {}
    for column, label in SPECS[kind].settings.items():
        setting = FIELDS[column]
        fields[setting.name] = setting.field(label, validators=setting.validators)
        values[setting.name] = getattr(rule, column, None)
    options = {"data": values, "formdata": prepared or None} if rule else {}
    form: PageForm = type("RuleForm", (PageForm,), fields)(**options)
    for name, field in form._fields.items():
        field.id = field.label.field_id = f"{kind}-{name}"
    return form


def typed_settings(kind: RuleKind, form: PageForm) -> dict[str, Any]:
    """The settings typed into the form, by column; without those left empty."""
    typed = {column: form[FIELDS[column].name].data for column in SPECS[kind].settings}
    return {column: value for column, value in typed.items() if value not in (None, "")}
