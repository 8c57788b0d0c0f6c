"""Cost of texts, and the spending breaker: above the hourly limit nothing leaves until a person looks.

The limit is a setting, plus what somebody who saw the price has confirmed. The hour is the clock's. What no
pause holds (codes, emergencies, confirmations of opt-outs) costs money and is counted, but neither opens the
breaker nor waits for it: budgets bound it (`lanes.py`, `accounts/sign_in/code_budgets.py`).
"""

import math
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, false, func, not_, select, update
from sqlalchemy.orm import Session

from mobilize import clock, settings
from mobilize.database import atomic, db, insert, new_id
from mobilize.texts.models import Allowance, OutboxText, Sender, SpendingHour, TextClass, TextState
from mobilize.texts.sending import limits
from mobilize.texts.sending.pauses import MAIN_SENDER, pause_sending, resume_sending

SPENDING = "spending"  # why the sender stands still


def cost_cents(segments: int) -> int:
    """The cost of so many segments in whole cents, rounded up."""
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


def lower_allowance(ref: str, cents: int) -> None:
    """No more than this of what was confirmed is spent after all; nothing where nothing was."""
    with atomic() as session:
        session.execute(update(Allowance).where(Allowance.ref == ref).values(cents=cents))


def note_spent(session: Session, segments: int, *, now: datetime, code_segments: int = 0) -> None:
    """Part of a claim: count what is about to leave, and stop the sender when `segments` are over the limit.

    What this claim has taken still leaves; the next one takes nothing but what no pause
    holds, whose segments (`code_segments`) count apart.
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
    """The spending limit in the hour of `now`: the setting, and what was confirmed for it."""
    hour = _hour(now)
    confirmed = db.session.scalar(
        select(func.sum(Allowance.cents)).where(
            Allowance.until_at > hour, Allowance.from_at < hour + timedelta(hours=1)
        )
    )
    return int(settings().spending_limit_cents_an_hour) + int(confirmed or 0)


def spent_this_hour_cents(now: datetime) -> int:
    """The spending in the hour of `now`, codes included."""
    return _spent_since(_hour(now))


def spent_today_cents(now: datetime) -> int:
    """The spending on the union's day so far, codes included."""
    return _spent_since(_today(now))


def left_today(now: datetime) -> float:
    """The segments the sender may still hand over on the union's day; infinite where a day has no limit."""
    cap = settings().segments_a_day
    return cap - _segments_since(_today(now)) if cap else math.inf


def finishing_time(
    starts_at: datetime, segments: int, *, text_class: TextClass, tz: str, urgent: bool = False
) -> datetime:
    """When the last of so many segments leaves, at the sender's rate from `starts_at` on; what a day has no
    room for leaves on the next, from the hour on at which such a text may."""
    left = left_today(starts_at)
    while segments > left:
        segments -= max(0, int(left))
        tomorrow = clock.on_local_day(starts_at, settings().union_timezone, 1, datetime.min.time())
        starts_at = limits.opens_at(text_class, tz, tomorrow, urgent=urgent)
        left = settings().segments_a_day or math.inf
    return starts_at + timedelta(seconds=segments / settings().segments_per_second)


def segments_ahead(
    priority: int, starts_at: datetime, now: datetime, *, besides: ColumnElement[bool] | None = None
) -> int:
    """The segments that leave from `starts_at` on before a text of this priority that is due then: of what
    waits now and is as urgent or more, what the sender does not get through until then. `besides`: SQL, texts
    that are not counted."""
    what = OutboxText.text_class, OutboxText.tz, OutboxText.urgent, OutboxText.next_try_at
    rows = db.session.execute(
        select(*what, func.sum(OutboxText.segments))
        .where(OutboxText.state == TextState.WAITING, OutboxText.priority <= priority)
        .where(OutboxText.next_try_at <= starts_at, OutboxText.expires_at > now)
        .where(not_(false() if besides is None else besides))
        .group_by(*what)
    )
    opening = [
        (limits.opens_at(text_class, tz, max(now, at), urgent=urgent), int(segments))
        for text_class, tz, urgent, at, segments in rows
    ]
    before = sorted(one for one in opening if one[0] <= starts_at)
    rate, through_at = settings().segments_per_second, now
    for opens_at, segments in before:
        through_at = max(through_at, opens_at) + timedelta(seconds=segments / rate)
    late = round((through_at - starts_at).total_seconds() * rate)
    if settings().segments_a_day:
        late = max(late, sum(segments for _at, segments in before) - _room_until(starts_at, now))
    return max(0, late)


def _room_until(moment: datetime, now: datetime) -> int:
    """The segments that the limits of the union's days before that of `moment` leave."""
    days = round((_today(moment) - _today(now)) / timedelta(days=1))
    return max(0, int(left_today(now))) + (settings().segments_a_day or 0) * (days - 1) if days else 0


def resume_after_a_look(*, by: str, now: datetime) -> None:
    """Send again. Where spending had stopped it, as much again is allowed in this hour as was spent in it."""
    with atomic() as session:
        sender = session.get(Sender, MAIN_SENDER, with_for_update=True, populate_existing=True)
        if sender and sender.paused_reason == SPENDING:
            spent, until = _spent_since(_hour(now), codes=False), _hour(now) + timedelta(hours=1)
            allow_spending(f"resume:{new_id()}", spent, until_at=until, by=by, now=now)
        resume_sending()


def _spent_since(moment: datetime, *, codes: bool = True) -> int:
    return cost_cents(_segments_since(moment, codes=codes))


def _segments_since(moment: datetime, *, codes: bool = True) -> int:
    counted = SpendingHour.segments + SpendingHour.code_segments if codes else SpendingHour.segments
    segments = db.session.scalar(select(func.sum(counted)).where(SpendingHour.hour_at >= moment))
    return int(segments or 0)


def _today(now: datetime) -> datetime:
    """The beginning of the union's day."""
    return clock.on_local_day(now, settings().union_timezone, 0, datetime.min.time())


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
