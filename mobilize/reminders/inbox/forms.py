"""The forms of the inbox. The page has each of them once for every text."""

from wtforms import RadioField, SelectChoice, SelectField, TextAreaField
from wtforms.validators import Length

from mobilize.languages import _
from mobilize.reminders.inbox.corrections import Reading
from mobilize.reminders.inbox.operations import LONGEST_ANSWER
from mobilize.web.page_form import PageForm

HOURS_ON_DUTY = (4, 8, 12)


class AnswerForm(PageForm):
    """The answer to one text. What is missing or too long the operation says."""

    answer = TextAreaField(validators=[Length(max=10 * LONGEST_ANSWER)])


class DutyForm(PageForm):
    """The hours of a shift; 0 ends it."""

    hours = SelectField(choices=[SelectChoice(hours) for hours in (0, *HOURS_ON_DUTY)], coerce=int, default=0)


class ReadingForm(PageForm):
    """What a text means after all: one button each."""

    reading = RadioField(choices=[SelectChoice(one.value) for one in Reading], coerce=Reading)


class WrongNumberForm(PageForm):
    """The number back to the member, or the member without it."""

    do = RadioField(choices=[SelectChoice("give_back"), SelectChoice("leave")])


def reading_words(reading: Reading) -> str:
    """The label of its button."""
    return {
        Reading.COMING: _("Coming"),
        Reading.NOT_COMING: _("Not coming"),
        Reading.HERE: _("Check-in"),
        Reading.COUNT: _("Head count"),
        Reading.EMERGENCY: _("Emergency"),
        Reading.NOTHING: _("None of these"),
        Reading.WRONG_NUMBER: _("Wrong number"),
        Reading.STOP: _("No more texts"),
    }[reading]
