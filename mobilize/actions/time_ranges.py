"""Local days and times of events: turned into UTC, and formatted for print in each language."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from mobilize import clock
from mobilize.errors import Refused
from mobilize.languages import _, day_in_sentence, hour_of

LONGEST = timedelta(hours=16)
# A year outside these is a typing mistake.
YEARS = range(2000, 2100)

# A line must not break between "7:45" and "am".
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class LocalTimeRange:
    """A span on the clock of wherever it happens. An end at or before the start is on the next day.

    `second_hour` chooses, for a start the clock shows twice on the night it goes back, the second one.
    """

    day: date
    start: time
    end: time
    second_hour: bool | None = None

    def moments(self, zone: str) -> tuple[datetime, datetime]:
        """(starts_at, ends_at) in UTC. Raises `Refused` for a time that does not exist, one that needs a
        choice, and a span nobody would stand."""
        if self.day.year not in YEARS:
            raise Refused("bad_day", _("Check the day: no event is in that year."))
        starts_at = self._moment(self.day, self.start, zone)
        last_day = self.day if self.end > self.start else self.day + timedelta(days=1)
        ends_at = self._moment(last_day, self.end, zone)
        if ends_at - starts_at > LONGEST:
            raise Refused(
                "too_long", _("That would end before it starts, or last over 16 hours. Check the times.")
            )
        return starts_at, ends_at

    def _moment(self, day: date, at: time, zone: str) -> datetime:
        fold = None if self.second_hour is None else int(self.second_hour)
        try:
            return clock.from_local(day, at, zone, fold=fold)
        except clock.NoSuchTime:
            later = (datetime.combine(day, at) + timedelta(hours=1)).strftime("%H:%M")
            raise Refused(
                "no_such_time",
                _(
                    "Clocks go forward that night: this time does not exist. Did you mean %(later)s?",
                    later=later,
                ),
            ) from None
        except clock.TwoSuchTimes:
            raise Refused(
                "two_such_times",
                _("Clocks go back that night: this time comes twice. Say if it is the first or the second."),
            ) from None


def read_span(starts: str, ends: str) -> LocalTimeRange:
    """A span written `2026-03-03T07:00` and `2026-03-03T07:45`, or with only a time as the end.

    Raises `Refused` when it cannot be read, or ends before it starts.
    """
    try:
        start = datetime.fromisoformat(starts)
        end = datetime.fromisoformat(ends) if "T" in ends or "-" in ends else None
        closing = end.time() if end else time.fromisoformat(ends)
    except ValueError:
        raise Refused("bad_time", _("Write times like 2026-03-03T07:00.")) from None
    if start.tzinfo or (end and end.tzinfo):
        raise Refused("bad_time", _("Write local times, without a zone: 2026-03-03T07:00."))
    if end and not timedelta(0) < end - start <= LONGEST:
        raise Refused(
            "too_long", _("That would end before it starts, or last over 16 hours. Check the times.")
        )
    return LocalTimeRange(start.date(), start.time(), closing)


def day_line(starts_at: datetime, language: str, *, year: bool = False) -> str:
    """`Tuesday, December 8` or `Martes 8 de diciembre`; `starts_at` is local."""
    line = day_in_sentence(starts_at, language, year=year)
    return line[:1].upper() + line[1:]


def hours_line(starts_at: datetime, ends_at: datetime, language: str) -> str:
    """`7:00–7:45 am`, `11:30 am–1:00 pm`; both times are local, am and pm are said once if they can."""
    (start, first), (end, last) = hour_of(starts_at, language), hour_of(ends_at, language)
    same = first == last and starts_at.date() == ends_at.date()
    before = start if same else f"{start} {first}".rstrip()
    return f"{before}–{end} {last}".rstrip().replace(" ", _NO_BREAK)
