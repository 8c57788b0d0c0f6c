"""What comes in through the page of an action's reminders."""

from wtforms import Form, IntegerField, TimeField
from wtforms.validators import InputRequired, NumberRange

from mobilize.languages import _


class ReminderForm(Form):
    """The day-before reminder. Its two buttons say `do` = on or off."""

    at_local = TimeField(validators=[InputRequired()])


class CountQuestionForm(Form):
    """The question to the chairs."""

    minutes = IntegerField(validators=[InputRequired(), NumberRange(0, 240)])


def label(form: Form) -> Form:
    """The form with its words in this person's language."""
    if isinstance(form, ReminderForm):
        form.at_local.label.text = _("Time, on the day before, where the event is")
    else:
        form.minutes.label.text = _("Minutes after the start")
    return form
