"""When a text may leave, by its class, on the clock of the member's own zone.

`asked` always; `duty` from 5:30, accepted with the role; `notice` 8-21; `member` 9-20. An urgent text, to
somebody who agreed to those, leaves at any hour. A demo has no windows, and says so where it shows them.
"""

from datetime import datetime, time, timedelta

from mobilize import clock, settings
from mobilize.texts.models import TextClass

WINDOWS: dict[TextClass, tuple[time, time]] = {
    TextClass.DUTY: (time(5, 30), time(21)),
    TextClass.NOTICE: (time(8), time(21)),
    TextClass.MEMBER: (time(9), time(20)),
}


def is_open(klass: TextClass, tz: str, now: datetime, *, urgent: bool = False) -> bool:
    """May a text of this class leave now for somebody in `tz`?"""
    if _always(klass, urgent):
        return True
    opens, closes = WINDOWS[klass]
    return opens <= clock.local(now, tz).time() < closes


def closes_at(klass: TextClass, tz: str, now: datetime, *, urgent: bool = False) -> datetime | None:
    """The UTC moment at which the window that is open now shuts; None where there is none."""
    if _always(klass, urgent):
        return None
    return clock.on_local_day(now, tz, 0, WINDOWS[klass][1])


def opens_at(klass: TextClass, tz: str, moment: datetime, *, urgent: bool = False) -> datetime:
    """`moment` itself when the window is open then, else the UTC moment of its next opening."""
    if is_open(klass, tz, moment, urgent=urgent):
        return moment
    opens = WINDOWS[klass][0]
    today = clock.on_local_day(moment, tz, 0, opens)
    return today if today > moment else clock.on_local_day(moment, tz, 1, opens)


def open_zones(klass: TextClass, zones: list[str], now: datetime) -> list[str]:
    """Those of `zones` where this class may leave now."""
    return [tz for tz in zones if is_open(klass, tz, now)]


def validity_s(
    klass: TextClass, tz: str, useless_after: datetime, now: datetime, *, urgent: bool = False
) -> int:
    """Whole seconds the carrier may hold a text: until it is useless or its window shuts; 1 to 36,000."""
    shuts = closes_at(klass, tz, now, urgent=urgent)
    until = min(useless_after, shuts) if shuts else useless_after
    return max(1, min(36_000, int((until - now) / timedelta(seconds=1))))


def _always(klass: TextClass, urgent: bool) -> bool:
    return urgent or klass is TextClass.ASKED or settings().is_demo
