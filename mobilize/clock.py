"""The clock. All code works with aware UTC; local time exists only where a person reads or types it."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The current time, aware UTC. Views and tasks call it once and pass it on; operations never do."""
    return datetime.now(UTC)


def local(moment: datetime, zone: str) -> datetime:
    """A moment on the clock of `zone` (an IANA name)."""
    return moment.astimezone(ZoneInfo(zone))


class NoSuchTime(ValueError):
    """A time of day that the clock skips (2:30 on the night it goes forward)."""


class TwoSuchTimes(ValueError):
    """A time of day that occurs twice (1:30 on the night the clock goes back)."""


def from_local(day: date, at: time, zone: str, *, fold: int | None = None) -> datetime:
    """The UTC moment at which the clock of `zone` shows `at` on `day`.

    Raises `NoSuchTime` for a time the clock skips, and `TwoSuchTimes` for one it shows twice unless
    `fold` says which is meant (0 the first, 1 the second).
    """
    wall = datetime.combine(day, at).replace(tzinfo=ZoneInfo(zone))
    first, second = wall.replace(fold=0).astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    if first.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != wall.replace(tzinfo=None):
        raise NoSuchTime(f"{at:%H:%M} does not exist on {day}")
    if first != second and fold is None:
        raise TwoSuchTimes(f"{at:%H:%M} happens twice on {day}")
    return second if fold else first


def on_local_day(moment: datetime, zone: str, days: int, at: time) -> datetime:
    """`at` on the local day `days` after (negative: before) the day of `moment`; a skipped hour moves on."""
    day = local(moment, zone).date() + timedelta(days=days)
    try:
        return from_local(day, at, zone, fold=0)
    except NoSuchTime:
        return from_local(day, (datetime.combine(day, at) + timedelta(hours=1)).time(), zone, fold=0)
