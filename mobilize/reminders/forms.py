"""What comes in through the page of an action's reminders."""

from wtforms import Form, IntegerField, StringField, TimeField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from mobilize.languages import _
from mobilize.reminders.models import RuleKind


class ReminderForm(Form):
    """The day-before reminder. Its two buttons say `do` = on or off."""

    at_local = TimeField(validators=[InputRequired()])


class CountQuestionForm(Form):
    """The question to the chairs, and what follows when nobody answers. A step left empty stays as it was."""

    minutes = IntegerField(validators=[InputRequired(), NumberRange(0, 240)])
    again_after = IntegerField(validators=[Optional(), NumberRange(0, 240)])
    call_after = IntegerField(validators=[Optional(), NumberRange(0, 240)])


class BeforeForm(Form):
    """The reminder so many minutes before, and the early call with its reason."""

    minutes_before = IntegerField(validators=[InputRequired(), NumberRange(15, 240)])
    reason = StringField(validators=[Length(max=200)])


class BriefingForm(Form):
    """The chairs' briefing, two days before."""

    at_local = TimeField(validators=[InputRequired()])


class ThanksForm(Form):
    """The thank-you has nothing to set."""


FORM_OF: dict[RuleKind, type[Form]] = {
    RuleKind.DAY_BEFORE: ReminderForm,
    RuleKind.HOUR_BEFORE: BeforeForm,
    RuleKind.EARLY_CALL: BeforeForm,
    RuleKind.BRIEFING: BriefingForm,
    RuleKind.COUNT_QUESTION: CountQuestionForm,
    RuleKind.THANKS: ThanksForm,
}


def label(form: Form, kind: RuleKind) -> Form:
    """The form with its words in this person's language, and ids of its own: the page has several."""
    words = {
        "at_local": _("Time, on the day before, where the event is"),
        "minutes": _("Step 1, minutes after the start: the chair is asked by text"),
        "again_after": _("Step 2, minutes after the start: she is asked again, with those beside her"),
        "call_after": _("Step 3, minutes after the start: the site stands on the organizer's list to call"),
        "minutes_before": _("Minutes before the start"),
        "reason": _("Why so early? It is written down."),
    }
    if isinstance(form, BriefingForm):
        words["at_local"] = _("Time, two days before, where the event is")
    for name, field in form._fields.items():
        field.label.text = words[name]
        field.id = field.label.field_id = f"{kind}-{name}"
    return form
