"""How often one number is texted about one event."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import aliased

from mobilize.texts.models import OutboxText, TextClass, TextState

A_DAY = timedelta(hours=24)
MEMBER_TEXTS_A_DAY = 3
_LEFT = (
    TextState.CLAIMED,
    TextState.UNKNOWN,
    TextState.ACCEPTED,
    TextState.SENT,
    TextState.DELIVERED,
)


def under_cap(now: datetime) -> ColumnElement[bool]:
    """SQL, for the claim: fewer than three texts of the class `member` about this event have gone to this
    number within 24 hours, those ahead of it in the same queue included. One over the cap waits, and is
    dropped when it has become useless."""
    other = aliased(OutboxText)
    ahead = and_(other.state == TextState.WAITING, other.next_try_at <= now, other.id < OutboxText.id)
    before = (
        select(func.count())
        .where(
            other.phone_bix == OutboxText.phone_bix,
            other.due_at > now - A_DAY,
            other.event_id == OutboxText.event_id,
            other.klass == TextClass.MEMBER,
            other.id != OutboxText.id,
            or_(other.state.in_(_LEFT), ahead),
        )
        .correlate(OutboxText)
        .scalar_subquery()
    )
    free = or_(OutboxText.klass != TextClass.MEMBER, OutboxText.event_id.is_(None))
    return or_(free, before < MEMBER_TEXTS_A_DAY)
