"""What a program plans: an event of one site, another time or place."""

from typing import Any

from pydantic import Field, create_model

from mobilize import clock
from mobilize.actions.operations import LONGEST_NAME
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.api.fields import Line, Moment, RequestBody
from mobilize.errors import Refused
from mobilize.languages import DEFAULT, LANGUAGES, Translated, _

_NAME: dict[str, Any] = {"min_length": 1, "max_length": LONGEST_NAME}
_BY_LANGUAGE: dict[str, Any] = {
    code: (Line, Field(..., **_NAME)) if code == DEFAULT else (Line | None, Field(None, **_NAME))
    for code in LANGUAGES
}
NewTexts: type[RequestBody] = create_model("NewTexts", __base__=RequestBody, **_BY_LANGUAGE)


class NothingMore(RequestBody):
    """All is said by the address: {}."""


class _TimesAndPlace(RequestBody):
    starts_at: Moment
    ends_at: Moment
    meet_at: Line = Field("", description="Where people meet.")

    def span(self, zone: str) -> LocalTimeRange:
        """The same on the clock of the place. Refused: bad_time, where no such clock shows it."""
        start, end = (clock.local(at, zone) for at in (self.starts_at, self.ends_at))
        span = LocalTimeRange(start.date(), start.time(), end.time(), bool(start.fold))
        if span.moments(zone) != (self.starts_at, self.ends_at):
            message = _("That would end before it starts, or last over 16 hours. Check the times.")
            raise Refused("bad_time", message)
        return span


class NewEvent(_TimesAndPlace):
    """An event at one site."""

    name: NewTexts  # type: ignore[valid-type]

    @property
    def translated(self) -> Translated:
        """Its name, by language."""
        return Translated(self.name.model_dump(exclude_none=True))  # type: ignore[attr-defined]


class NewTime(_TimesAndPlace):
    """Another time or place of an event; what is left out is emptied, but for a rally's venue."""

    venue: Line = Field("", description="Of a rally.")
