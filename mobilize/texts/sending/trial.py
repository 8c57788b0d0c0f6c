"""The trial: until the office has gone live, texts reach people with a role alone, fifty a day.

The claim asks here, beside the other limits, whatever has queued a text: a rule, a broadcast, a move, an
answer. What may not leave is settled as not sent when it is due, and never leaves later. What no pause holds
is not counted, codes with which people with a role sign in first of all: budgets bound it, and nobody is
locked out.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, false, func, literal_column, select, update
from sqlalchemy.orm import Session

import config
from mobilize import clock, settings, stored_settings
from mobilize.observability import metrics
from mobilize.texts.models import Attempt, OutboxText, Priority, TextState

TEXTS_A_DAY = 50
# Why a text was not sent.
NOT_STAFF, DAY_IS_FULL = REASONS = "trial", "trial_full"

# SQL: somebody with a role signs in with the number behind this column. Passed in by the workers, since a
# room above knows.
IsStaff = Callable[[SQLColumnExpression[bytes], datetime], ColumnElement[bool]]


def nobody(_phone_index: SQLColumnExpression[bytes], _now: datetime) -> ColumnElement[bool]:
    """SQL: no number is that of somebody with a role."""
    return false()


def runs() -> bool:
    """Whether a service whose settings say that it is not live is in its trial indeed: they may be some
    seconds old, so the database is asked."""
    return config.LIVE_AT not in stored_settings.read()


def settle_due(session: Session, is_staff: IsStaff, now: datetime) -> int:
    """Part of a claim during a trial: settle as not sent what is due and may not leave. Returns how many more
    texts may leave today, aside from what is not counted."""
    left = max(0, TEXTS_A_DAY - _count_today(session, now))
    _settle(session, NOT_STAFF, ~is_staff(OutboxText.phone_index, now), now)
    if left == 0:
        _settle(session, DAY_IS_FULL, OutboxText.priority.not_in(Priority.UNHELD), now)
    return left


def _count_today(session: Session, now: datetime) -> int:
    """The texts handed over on the union's day so far that are counted."""
    today = clock.on_local_day(now, settings().union_timezone, 0, datetime.min.time())
    query = select(func.count(Attempt.outbox_id.distinct())).join(
        OutboxText, OutboxText.id == Attempt.outbox_id
    )
    handed_over = Attempt.started_at >= today, OutboxText.priority.not_in(Priority.UNHELD)
    return session.scalar(query.where(*handed_over)) or 0


def _settle(session: Session, reason: str, which: ColumnElement[bool], now: datetime) -> None:
    # A literal, so that the partial index is used.
    due = and_(OutboxText.state == literal_column("'waiting'"), OutboxText.next_try_at <= now)
    settled = session.execute(
        update(OutboxText)
        .where(due, which)
        .values(state=TextState.DROPPED, reason=reason, settled_at=now)
        .execution_options(synchronize_session=False)
    )
    metrics.TEXTS_DROPPED.labels(reason).inc(settled.rowcount)  # type: ignore[attr-defined]
