"""What texts cost, and the breaker: above the hourly limit nothing leaves until a person has looked.

The limit is a setting, plus what somebody who saw the price has confirmed. The hour is the clock's. Codes
cost money and are counted, but neither open the breaker nor wait for it: anybody may ask for one, and their
lanes' budgets bound them (`accounts/code_lanes.py`).
"""

import math
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mobilize import clock, settings
from mobilize.database import atomic, db, insert, new_id
from mobilize.texts.models import Allowance, Sender, SpendingHour
from mobilize.texts.senders import MAIN_SENDER, pause_sending, resume_sending

SPENDING = "spending"  # why the sender stands still


def cost_cents(segments: int) -> int:
    """What so many segments cost, in whole cents, rounded up."""
    # Rounded first: 100 times 1.1 is a hair above 110.
    return math.ceil(round(segments * settings().price_per_segment_cents, 6))


def allow_spending(ref: str, cents: int, *, until_at: datetime, by: str, now: datetime) -> None:
    """Somebody has seen this price and confirmed it: the hourly limit is so much higher until then.

    `ref` names what was confirmed; the same one again replaces what it allowed.
    """
    values = {"cents": cents, "from_at": now, "until_at": until_at, "by": by}
    with atomic() as session:
        row = insert(Allowance).values(id=new_id(), ref=ref, **values)
        session.execute(row.on_conflict_do_update(index_elements=["ref"], set_=values))


def note_spent(session: Session, segments: int, *, now: datetime, code_segments: int = 0) -> None:
    """Part of a claim: count what is about to leave, and stop the sender when `segments` are over the limit.

    What this claim has taken still leaves; the next one takes nothing but codes, whose segments count apart.
    """
    row = insert(SpendingHour).values(hour_at=_hour(now), segments=segments, code_segments=code_segments)
    more = {
        "segments": SpendingHour.segments + row.excluded.segments,
        "code_segments": SpendingHour.code_segments + row.excluded.code_segments,
    }
    so_far = session.scalar(
        row.on_conflict_do_update(index_elements=["hour_at"], set_=more).returning(SpendingHour.segments)
    )
    if cost_cents(int(so_far or 0)) > limit_cents(now):
        pause_sending(SPENDING, now=now)


def limit_cents(now: datetime) -> int:
    """What may be spent in the hour of `now`: the setting, and what was confirmed for it."""
    hour = _hour(now)
    confirmed = db.session.scalar(
        select(func.sum(Allowance.cents)).where(
            Allowance.until_at > hour, Allowance.from_at < hour + timedelta(hours=1)
        )
    )
    return int(settings().spending_limit_cents_an_hour) + int(confirmed or 0)


def spent_this_hour_cents(now: datetime) -> int:
    """What has been spent in the hour of `now`, codes included."""
    return _spent_since(_hour(now))


def spent_today_cents(now: datetime) -> int:
    """What has been spent on the union's day so far, codes included."""
    zone = settings().union_timezone
    return _spent_since(clock.on_local_day(now, zone, 0, datetime.min.time()))


def resume_after_a_look(*, by: str, now: datetime) -> None:
    """Send again. Where spending had stopped it, as much again is allowed in this hour as was spent in it."""
    with atomic() as session:
        sender = session.get(Sender, MAIN_SENDER, with_for_update=True, populate_existing=True)
        if sender and sender.paused_why == SPENDING:
            spent, until = _spent_since(_hour(now), codes=False), _hour(now) + timedelta(hours=1)
            allow_spending(f"resume:{new_id()}", spent, until_at=until, by=by, now=now)
        resume_sending()


def _spent_since(moment: datetime, *, codes: bool = True) -> int:
    counted = SpendingHour.segments + SpendingHour.code_segments if codes else SpendingHour.segments
    segments = db.session.scalar(select(func.sum(counted)).where(SpendingHour.hour_at >= moment))
    return cost_cents(int(segments or 0))


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
