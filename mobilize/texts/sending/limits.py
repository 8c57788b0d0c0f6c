"""Limits of sending: hours of a class of texts, texts to one number about one event, pauses of campaigns.

Hours are those of the member's own zone: `asked` always; `duty` from 5:30, accepted with the role; `notice`
8-21; `member` 9-20. An urgent text, to somebody who agreed to those, leaves at any hour. A demo has no hours,
and says so where it shows them.
"""

from datetime import UTC, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from mobilize import clock, settings
from mobilize.texts.enums import MAYBE_WITH_CARRIER
from mobilize.texts.models import OutboxText, PausedEvent, TextClass, TextState

WINDOWS: dict[TextClass, tuple[time, time]] = {
    TextClass.DUTY: (time(5, 30), time(21)),
    TextClass.NOTICE: (time(8), time(21)),
    TextClass.MEMBER: (time(9), time(20)),
}
A_DAY = timedelta(hours=24)
MEMBER_TEXTS_A_DAY = 3


def is_open(text_class: TextClass, tz: str, now: datetime, *, urgent: bool = False) -> bool:
    """Whether a text of this class may leave now for somebody in `tz`."""
    if _always(text_class, urgent):
        return True
    opens, closes = WINDOWS[text_class]
    return opens <= clock.local(now, tz).time() < closes


def closes_at(text_class: TextClass, tz: str, now: datetime, *, urgent: bool = False) -> datetime | None:
    """The UTC moment at which the window that is open now shuts; None where there is none."""
    if _always(text_class, urgent):
        return None
    return clock.on_local_day(now, tz, 0, WINDOWS[text_class][1])


def opened_at(text_class: TextClass, tz: str, now: datetime, *, urgent: bool = False) -> datetime | None:
    """The UTC moment since which the window is open, long ago where there is none; None while it is shut."""
    if not is_open(text_class, tz, now, urgent=urgent):
        return None
    if _always(text_class, urgent):
        return datetime.min.replace(tzinfo=UTC)
    return clock.on_local_day(now, tz, 0, WINDOWS[text_class][0])


def opens_at(text_class: TextClass, tz: str, moment: datetime, *, urgent: bool = False) -> datetime:
    """`moment` itself when the window is open then, else the UTC moment of its next opening."""
    if is_open(text_class, tz, moment, urgent=urgent):
        return moment
    opens = WINDOWS[text_class][0]
    today = clock.on_local_day(moment, tz, 0, opens)
    return today if today > moment else clock.on_local_day(moment, tz, 1, opens)


def open_zones(text_class: TextClass, zones: list[str], now: datetime) -> list[str]:
    """The zones of these in which this class may leave now."""
    return [tz for tz in zones if is_open(text_class, tz, now)]


def validity_s(
    text_class: TextClass, tz: str, expires_at: datetime, now: datetime, *, urgent: bool = False
) -> int:
    """Whole seconds the carrier may hold a text: until it is useless or its window shuts; 1 to 36,000."""
    shuts = closes_at(text_class, tz, now, urgent=urgent)
    until = min(expires_at, shuts) if shuts else expires_at
    return max(1, min(36_000, int((until - now) / timedelta(seconds=1))))


def under_cap(now: datetime) -> ColumnElement[bool]:
    """SQL, for the claim: fewer than three texts of the class `member` about this event have gone to this
    number within 24 hours, those ahead of it in the same queue included. One over the cap waits, and is
    dropped when it has become useless."""
    other = aliased(OutboxText)
    ahead = and_(other.state == TextState.WAITING, other.next_try_at <= now, other.id < OutboxText.id)
    before = (
        select(func.count())
        .where(
            other.phone_index == OutboxText.phone_index,
            other.due_at > now - A_DAY,
            other.event_id == OutboxText.event_id,
            other.text_class == TextClass.MEMBER,
            or_(other.state.in_(MAYBE_WITH_CARRIER), ahead),
        )
        .correlate(OutboxText)
        .scalar_subquery()
    )
    return or_(OutboxText.text_class != TextClass.MEMBER, before < MEMBER_TEXTS_A_DAY)


def _always(text_class: TextClass, urgent: bool) -> bool:
    return urgent or text_class is TextClass.REQUESTED or settings().is_demo


def is_not_paused() -> ColumnElement[bool]:
    """SQL: no pause of a campaign holds it."""
    paused = exists().where(PausedEvent.event_id == OutboxText.event_id)
    return or_(OutboxText.text_class != TextClass.MEMBER, ~paused)
