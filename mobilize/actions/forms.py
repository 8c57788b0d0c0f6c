"""What comes in through the doors of campaigns, actions and events."""

import uuid
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
    ValidationError,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from mobilize import clock, settings
from mobilize.actions.models import ActionKind
from mobilize.actions.plans import Bilingual
from mobilize.actions.spans import LocalSpan
from mobilize.database import new_id
from mobilize.errors import Refused

EVERY_SITE = "every-site"
SOME_AREAS = "areas"

# Under which field a refusal is shown; any other stands above the form.
_FIELD_OF = {
    "no_name": "name_en",
    "no_venue": "venue",
    "bad_day": "day",
    "in_the_past": "day",
    "too_long": "end",
    "no_such_time": "start",
    "two_such_times": "second_hour",
}


class RoomForm(FlaskForm):
    """A form of this room. The token against forgery is checked for every signed-in page in `rooms`."""

    class Meta:
        csrf = False

    def refuse(self, refusal: Refused) -> None:
        """Show why it was declined, by the field to correct."""
        field = self._fields.get(_FIELD_OF.get(refusal.code, ""))
        where = field.errors if field is not None else self.form_errors
        where.append(refusal.message)


class NamedForm(RoomForm):
    """A name in both languages."""

    name_en = StringField(_("Name"), validators=[InputRequired(_("Give it a name.")), Length(max=120)])
    name_es = StringField(
        _("Name in Spanish"),
        description=_("Without it, the English one stands on the Spanish half of posters too."),
        validators=[Length(max=120)],
    )

    @property
    def name(self) -> Bilingual:
        return Bilingual(written(self.name_en), written(self.name_es))


class CampaignForm(NamedForm):
    """`form_id` becomes the campaign's id: a double tap makes one."""

    form_id = HiddenField(default=new_id)
    demands_en = TextAreaField(
        _("Demands"),
        description=_("Why we are out: one demand a line. They stand on every poster and receipt."),
        validators=[Length(max=2000)],
    )
    demands_es = TextAreaField(_("Demands in Spanish"), validators=[Length(max=2000)])

    @property
    def demands(self) -> Bilingual:
        return Bilingual(written(self.demands_en), written(self.demands_es))

    @property
    def id(self) -> uuid.UUID:
        return _id(self.form_id.data)


class WhenForm(RoomForm):
    """Day and hours on the clock of where it happens."""

    day = DateField(_("Day"), validators=[InputRequired(_("Choose a day."))])
    start = TimeField(_("Starts at"), validators=[InputRequired(_("Say when it starts."))])
    end = TimeField(_("Ends at"), validators=[InputRequired(_("Say when it ends."))])
    second_hour = RadioField(
        _("The clock shows this time twice that night. Which one?"),
        choices=[
            SelectChoice("first", _("The first, before clocks go back")),
            SelectChoice("second", _("The second, an hour later")),
        ],
        validators=[Optional()],
    )

    @property
    def span(self) -> LocalSpan:
        which = {"first": False, "second": True}.get(self.second_hour.data or "")
        return LocalSpan(self.day.data, self.start.data, self.end.data, which)

    @property
    def asks_which_hour(self) -> bool:
        """True once the clock has to be asked about; the field is shown only then."""
        return bool(self.second_hour.errors or self.second_hour.data)


class ActionForm(WhenForm, NamedForm):
    """An action at many sites, or a rally. `form_id` becomes its id: a double tap makes one."""

    form_id = HiddenField(default=new_id)
    campaign = SelectField(_("Campaign"), default="")
    kind = RadioField(_("What kind of action?"), default=ActionKind.PICKET.value)
    where = RadioField(_("Whose chapters?"), validators=[InputRequired(_("Choose one."))])
    areas = SelectMultipleField(
        _("Which areas?"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    venue = StringField(_("Where is the rally?"), validators=[Length(max=200)])
    target_percent = IntegerField(
        _("Target: share of members who turn out"),
        default=75,
        validators=[InputRequired(_("Give a number.")), NumberRange(1, 100, _("Between 1 and 100 percent."))],
    )
    elsewhere_ok = BooleanField(_("Members may stand on another site's line"), default=True)
    drill = BooleanField(_("This is a drill: a rehearsal that never enters a total"))

    def validate_areas(self, field: Any) -> None:
        if self.where.data == SOME_AREAS and not field.data:
            raise ValidationError(_("Choose at least one area."))

    def validate_day(self, field: Any) -> None:
        if field.data and field.data < clock.local(clock.now(), settings().union_timezone).date():
            raise ValidationError(_("That day is over already. Check the day."))

    @property
    def id(self) -> uuid.UUID:
        return _id(self.form_id.data)


class SiteEventForm(WhenForm, NamedForm):
    """A chair's own event: everything is filled in, so that one tap can do."""

    meet_at = StringField(_("Where to meet"), validators=[Length(max=200)])


class MoveForm(WhenForm):
    """Another time or place for an event; `venue` only for one without a site."""

    venue = StringField(_("Where is the rally?"), validators=[Length(max=200)])
    meet_at = StringField(_("Where to meet"), validators=[Length(max=200)])


def written(field: StringField) -> str:
    """What was typed, without what PostgreSQL cannot store and nobody types."""
    return (field.data or "").replace("\0", "").strip()


def _id(typed: Any) -> uuid.UUID:
    try:
        return uuid.UUID(str(typed))
    except ValueError:
        return new_id()
