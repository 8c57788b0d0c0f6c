"""Forms of campaigns, actions and events."""

import hashlib
import uuid
from collections.abc import Sequence
from itertools import chain
from typing import Any

from flask_babel import lazy_gettext as _
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
from mobilize.actions.events.shifts import MOST_SHIFTS, ShiftTimes
from mobilize.actions.models import ActionKind
from mobilize.actions.operations import LONGEST_NAME
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.database import new_id, parse_id
from mobilize.errors import Refused
from mobilize.languages import DEFAULT, name_of
from mobilize.web.page_form import PageForm
from mobilize.web.translated_field import TranslatedField

EVERY_SITE = "every-site"
SOME_AREAS = "areas"

# Under which field a refusal is shown; any other stands above the form.
_FIELD_OF = {
    "no_name": "name",
    "no_venue": "venue",
    "bad_day": "day",
    "in_the_past": "day",
    "too_long": "end",
    "no_such_time": "start",
    "two_such_times": "second_hour",
}


class RoomForm(PageForm):
    """A form of this package."""

    def refuse(self, refusal: Refused) -> None:
        """Show a refusal at the field to correct."""
        field = self._fields.get(_FIELD_OF.get(refusal.code, ""))
        if isinstance(field, TranslatedField):
            field.refuse(refusal.message)
            return
        where = field.errors if field is not None else self.form_errors
        where.append(refusal.message)


def _name_in(code: str) -> StringField:
    if code == DEFAULT:
        needed = [InputRequired(_("Give it a name.")), Length(max=LONGEST_NAME)]
        return StringField(_("Name"), validators=needed)
    called = {"language": name_of(code)}
    return StringField(
        _("Name in %(language)s", **called),
        description=_("Without it, the English one is on the %(language)s half of posters too.", **called),
        validators=[Length(max=LONGEST_NAME)],
    )


def _demands_in(code: str) -> TextAreaField:
    if code != DEFAULT:
        label = _("Demands in %(language)s", language=name_of(code))
        return TextAreaField(label, validators=[Length(max=2000)])
    return TextAreaField(
        _("Demands"),
        description=_("Why we are out: one demand a line. They are on every poster and receipt."),
        validators=[Length(max=2000)],
    )


class NamedForm(RoomForm):
    """A name in every language; in English it is required."""

    name = TranslatedField(_name_in)


class CampaignForm(NamedForm):
    """`form_id` becomes the campaign's id: a double tap makes one."""

    form_id = HiddenField(default=new_id)
    demands = TranslatedField(_demands_in)

    @property
    def id(self) -> uuid.UUID:
        return _id(self.form_id.data)


class WhenForm(RoomForm):
    """Day and hours on the clock of where it happens."""

    day = DateField(_("Day"), validators=[InputRequired(_("Choose a day."))])
    start = TimeField(_("Starts at"), validators=[InputRequired(_("Enter when it starts."))])
    end = TimeField(_("Ends at"), validators=[InputRequired(_("Enter when it ends."))])
    second_hour = RadioField(
        _("The clock shows this time twice that night. Which one?"),
        choices=[
            SelectChoice("first", _("The first, before clocks go back")),
            SelectChoice("second", _("The second, an hour later")),
        ],
        validators=[Optional()],
    )

    @property
    def span(self) -> LocalTimeRange:
        which = {"first": False, "second": True}.get(self.second_hour.data or "")
        return LocalTimeRange(self.day.data, self.start.data, self.end.data, which)

    @property
    def asks_which_hour(self) -> bool:
        """Whether the time comes twice that night; the field is shown only then."""
        return bool(self.second_hour.errors or self.second_hour.data)


class ActionForm(WhenForm, NamedForm):
    """An action at many sites, or a rally. `form_id` becomes its id: a double tap makes one."""

    form_id = HiddenField(default=new_id)
    campaign = SelectField(_("Campaign"), default="")
    kind = RadioField(_("What kind of action?"), default=ActionKind.PICKET.value)
    where = RadioField(_("Which chapters?"), validators=[InputRequired(_("Choose one."))])
    areas = SelectMultipleField(
        _("Which areas?"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    venue = StringField(_("Where is the rally?"), validators=[Length(max=200)])
    target_percent = IntegerField(
        _("Target: share of members who turn out"),
        default=75,
        validators=[
            InputRequired(_("Enter a number.")),
            NumberRange(1, 100, _("Between 1 and 100 percent.")),
        ],
    )
    elsewhere_ok = BooleanField(_("Members may stand on another site's line"), default=True)
    drill = BooleanField(_("This is a drill: a rehearsal that never enters a total"))
    # What was asked about before something large was made: see `question_key`.
    sure = StringField(default="")

    @property
    def question_key(self) -> str:
        """What the last question was about: another day, kind or area is asked about anew."""
        about = (self.kind.data, self.where.data, *sorted(self.areas.data or []), self.span)
        return hashlib.blake2b(repr(about).encode(), digest_size=8).hexdigest()

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


class ShiftsForm(PageForm):
    """The shifts of a day, as pairs `start-0`, `end-0` and so on, and the gates of a site, a line each."""

    gates = TextAreaField(
        _("Gates"),
        description=_("One on each line, where people stand apart: heads are then counted gate by gate."),
    )

    @classmethod
    def of(cls, times: Sequence[ShiftTimes], gates: Sequence[str] = ()) -> "ShiftsForm":
        """The form, begun with these."""
        begun = {f"start-{n}": one.start for n, one in enumerate(times)}
        begun |= {f"end-{n}": one.end for n, one in enumerate(times)}
        return cls(data={**begun, "gates": "\n".join(gates)})

    @property
    def rows(self) -> list[tuple[TimeField, TimeField]]:
        return [(self[f"start-{n}"], self[f"end-{n}"]) for n in range(MOST_SHIFTS)]

    @property
    def times(self) -> list[ShiftTimes]:
        """The shifts; empty rows are left out. Raises `Refused` for half a row."""
        typed = [(start.data, end.data) for start, end in self.rows if start.data or end.data]
        if not self.validate() or None in chain(*typed):
            raise Refused("bad_time", _("Enter when each shift starts and when it ends."))
        return [ShiftTimes(*row) for row in typed]


for _n in range(MOST_SHIFTS):
    setattr(ShiftsForm, f"start-{_n}", TimeField(_("Shift %(n)s from", n=_n + 1), validators=[Optional()]))
    setattr(ShiftsForm, f"end-{_n}", TimeField(_("to"), validators=[Optional()]))


class PostersForm(PageForm):
    """Posters of an action: `area` narrows them, `each` asks for a file of each place."""

    area = StringField(default="")
    each = StringField(default="")

    @property
    def area_id(self) -> uuid.UUID | None:
        return parse_id(self.area.data or "")


class NewCodeForm(PageForm):
    """`leaked` is the code the page showed: pressed twice, it is replaced once."""

    leaked = HiddenField(default="")


class LabelForm(PageForm):
    """Whose phone, or which screen, a link is for."""

    label = StringField(default="")


class OpenLineForm(PageForm):
    """`page` names one showing of a link's page: pressed twice, it opens one phone."""

    page = HiddenField()


class MoveForm(WhenForm):
    """Another time or place for an event; `venue` only for one without a site."""

    venue = StringField(_("Where is the rally?"), validators=[Length(max=200)])
    meet_at = StringField(_("Where to meet"), validators=[Length(max=200)])


def written(field: StringField) -> str:
    """The stripped value, without NUL characters, which PostgreSQL cannot store."""
    return (field.data or "").replace("\0", "").strip()


def _id(typed: Any) -> uuid.UUID:
    return parse_id(str(typed)) or new_id()
