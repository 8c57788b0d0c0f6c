"""What comes in through the composer."""

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import Form, RadioField, SelectChoice, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from mobilize.reminders.composing import Written
from mobilize.reminders.models import Audience

LONGEST_TYPED = 600  # four segments of plain letters


class BroadcastForm(Form):
    """A text in both languages, and to whom it goes."""

    text_en = TextAreaField(
        _("In English"), validators=[InputRequired(_("Write it in English.")), Length(max=LONGEST_TYPED)]
    )
    text_es = TextAreaField(
        _("In Spanish"), validators=[InputRequired(_("Write it in Spanish.")), Length(max=LONGEST_TYPED)]
    )
    audience = RadioField(
        _("To whom?"),
        choices=[
            SelectChoice(Audience.MEMBERS.value, _("The members of these chapters")),
            SelectChoice(Audience.CHAIRS.value, _("Their chairs, co-chairs and vice chairs")),
        ],
        default=Audience.MEMBERS.value,
    )
    urgent = StringField(
        _("Urgent? Say why"),
        description=_(
            "Only in an emergency: it then leaves at any hour, and only to members who agreed to that."
        ),
        validators=[Length(max=200)],
    )

    @property
    def written(self) -> Written:
        return Written(_clean(self.text_en), _clean(self.text_es))


def _clean(field: Any) -> str:
    """What was typed, on one line, without what PostgreSQL cannot store."""
    return " ".join((field.data or "").replace("\0", "").split())
