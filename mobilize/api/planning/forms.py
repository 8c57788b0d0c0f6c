"""The bodies of requests that plan: campaigns, actions, events, shifts, texts; another time or place."""

import uuid
from datetime import time
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Field, create_model

from mobilize import clock
from mobilize.actions.events.shifts import MOST_GATES, MOST_SHIFTS, ShiftTimes
from mobilize.actions.models import ActionKind
from mobilize.actions.operations import LONGEST_NAME
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.api.fields import AS_INT, Line, Moment, RequestBody, Whole, example
from mobilize.errors import Refused
from mobilize.languages import DEFAULT, LANGUAGES, Translated, _
from mobilize.reminders.broadcasts.forms import LONGEST_TYPED
from mobilize.reminders.models import Audience, AudienceFilter, RuleKind

MOST_AREAS, MOST_PLACES, MOST_MINUTES = 20, 1000, 1440
_MORNING = {"starts_at": "2035-03-06T07:00:00-08:00", "ends_at": "2035-03-06T07:45:00-08:00"}
_NAME = {"en": "Walk-in", "es": "Entrada"}
_SHIFTS = [{"start": "07:00", "end": "07:45"}]
# Words of several lines, without any other control character.
_Lines = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]
# The limits stand before the validator, else the document does not say them where it may be null, too.
_Minutes = Annotated[int, Field(ge=0, le=MOST_MINUTES), AS_INT]
_TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class TextsIn(RequestBody):
    """A text by language."""

    @property
    def translated(self) -> Translated:
        """The same as operations take it."""
        return Translated(self.model_dump(exclude_none=True))


def _by_language(name: str, kind: Any, *, needed: bool, **limits: Any) -> Any:
    fields: dict[str, Any] = {
        code: (kind, Field(..., **limits))
        if needed and code == DEFAULT
        else (kind | None, Field(None, **limits))
        for code in LANGUAGES
    }
    return create_model(name, __base__=TextsIn, **fields)


if TYPE_CHECKING:
    NewTexts: TypeAlias = TextsIn
    DemandTexts: TypeAlias = TextsIn
    WrittenTexts: TypeAlias = TextsIn
else:
    NewTexts = _by_language("NewTexts", Line, needed=True, min_length=1, max_length=LONGEST_NAME)
    DemandTexts = _by_language("DemandTexts", _Lines, needed=False)
    WrittenTexts = _by_language("WrittenTexts", _Lines, needed=False, max_length=LONGEST_TYPED)


class NothingMore(RequestBody, json_schema_extra=example({})):
    """All is said by the address: {}."""


class CampaignPlan(
    RequestBody,
    json_schema_extra=example(
        {
            "name": {"en": "A fair contract", "es": "Un contrato justo"},
            "demands": {"en": "Smaller classes\nA nurse in every school"},
        }
    ),
):
    """A campaign. Its demands stand on posters and receipts, one a line."""

    name: NewTexts
    demands: DemandTexts = Field(default_factory=DemandTexts)


class _Times(RequestBody):
    starts_at: Moment
    ends_at: Moment

    def span(self, zone: str) -> LocalTimeRange:
        """The same on the clock of the place. Refused: bad_time, where no such clock shows it."""
        start, end = (clock.local(at, zone) for at in (self.starts_at, self.ends_at))
        span = LocalTimeRange(start.date(), start.time(), end.time(), bool(start.fold))
        if span.moments(zone) != (self.starts_at, self.ends_at):
            message = _("That would end before it starts, or last over 16 hours. Check the times.")
            raise Refused("bad_time", message)
        return span


class _TimesAndPlace(_Times):
    meet_at: Line = Field("", description="Where people meet.")


class ActionPlan(
    _Times, json_schema_extra=example({"name": _NAME, "kind": "picket", "target_percent": 80, **_MORNING})
):
    """An action at many sites, or a rally. Its times are on the clock of the union; at every site it is at
    that time of day."""

    name: NewTexts
    kind: ActionKind = ActionKind.PICKET
    campaign_id: uuid.UUID | None = None
    area_ids: list[uuid.UUID] | None = Field(
        None, min_length=1, max_length=MOST_AREAS, description="Whose chapters; null: every site."
    )
    venue: Line = Field("", description="Of a rally.")
    target_percent: Whole = Field(75, ge=1, le=100)
    elsewhere_ok: bool = Field(True, description="Members may stand on another site's line.")
    drill: bool = Field(False, description="A rehearsal, which enters no total.")


class NewEvent(
    _TimesAndPlace, json_schema_extra=example({"name": _NAME, "meet_at": "Front gate", **_MORNING})
):
    """An event at one site."""

    name: NewTexts


class NewTime(_TimesAndPlace, json_schema_extra=example({"meet_at": "Side gate", **_MORNING})):
    """Another time or place of an event; what is left out is emptied, but for a rally's venue."""

    venue: Line = Field("", description="Of a rally.")


class ShiftPlan(RequestBody):
    """A shift on the clock of the place; one that ends at or before its start ends on the next day."""

    start: _TimeOfDay
    end: _TimeOfDay

    @property
    def times(self) -> ShiftTimes:
        """The same as operations take it."""
        return ShiftTimes(time.fromisoformat(self.start), time.fromisoformat(self.end))


class ShiftsPlan(RequestBody, json_schema_extra=example({"shifts": _SHIFTS})):
    """The shifts of a day, in their order."""

    shifts: list[ShiftPlan] = Field(min_length=1, max_length=MOST_SHIFTS)

    @property
    def times(self) -> list[ShiftTimes]:
        """The same as operations take them."""
        return [one.times for one in self.shifts]


class ShiftsAndGates(
    ShiftsPlan, json_schema_extra=example({"shifts": _SHIFTS, "gates": ["Front", "Parking lot"]})
):
    """The shifts of an event, and the gates of its site, by which heads are counted."""

    gates: list[Line] | None = Field(None, max_length=MOST_GATES, description="Null: as they are.")


class LinesShown(RequestBody, json_schema_extra=example({"show": True})):
    """Whether anybody may look up an action's lines."""

    show: bool


class RuleSwitch(
    RequestBody, json_schema_extra=example({"kind": "day_before", "on": False, "at_local": "18:00"})
):
    """One of an action's reminders, on or off, and when it goes out. Each kind has some of these settings;
    one that is left out, or null, stays as it is."""

    kind: RuleKind
    on: bool
    at_local: _TimeOfDay | None = Field(None, description="On the clock of each place.")
    minutes_before: _Minutes | None = Field(None, description="Before the start.")
    minutes_after_start: _Minutes | None = None
    again_after_minutes: _Minutes | None = Field(None, description="After the start.")
    call_after_minutes: _Minutes | None = Field(None, description="After the start.")
    reason: Line | None = Field(None, description="Why members are texted at an unusual hour.")

    @property
    def settings(self) -> dict[str, Any]:
        """What is set, by column, as operations take it."""
        sent = self.model_dump(exclude={"kind", "on"}, exclude_none=True)
        return sent | ({"at_local": time.fromisoformat(self.at_local)} if self.at_local else {})


class TextPlan(
    RequestBody,
    json_schema_extra=example(
        {
            "text": {"en": "{union}: see you at seven", "es": "{union}: nos vemos a las siete"},
            "members": "missing",
        }
    ),
):
    """A text about an action, in every language that members read, and to whom it goes."""

    text: WrittenTexts
    audience: Audience = Field(Audience.MEMBERS, description="A rehearsal's go to the staff.")
    members: AudienceFilter = Field(
        AudienceFilter.ALL,
        description="`missing`: not in, and not said no; `said_coming`: and not in; `not_seen`: in at no "
        "line; `came_last`: at the campaign's last action.",
    )
    place_ids: list[uuid.UUID] | None = Field(
        None, min_length=1, max_length=MOST_PLACES, description="Areas and sites of it; null: all."
    )
    language: str | None = Field(None, max_length=20, description="Only to those who read this one.")
    urgent_reason: Line = Field(
        "", description="Why it goes out at any hour, to members who agreed to urgent texts alone."
    )
