"""A copy of every row, put back later: what a restore does, without its programs."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from mobilize.backup.gaps import Heartbeat, RecoveryGap
from mobilize.database import Model, atomic, db
from mobilize.privacy.replay import replay
from mobilize.texts import recovery
from mobilize.texts.sending.delivery import drain, sweep
from mobilize.texts.sending.reconciling import reconcile

Copy = dict[str, list[dict[str, Any]]]
MINUTES = timedelta(minutes=7)


def copy_of_everything() -> Copy:
    """Every row of every table, as a backup has them."""
    db.session.rollback()
    tables = Model.metadata.sorted_tables
    return {t.name: [dict(row) for row in db.session.execute(select(t)).mappings()] for t in tables}


def put_back(copy: Copy, *, age: timedelta = MINUTES) -> None:
    """Replace everything by the copy, whose workers were last alive so long ago."""
    with atomic() as session:
        for table in reversed(Model.metadata.sorted_tables):
            session.execute(delete(table))
        for table in Model.metadata.sorted_tables:
            if copy[table.name]:
                session.execute(insert(table), copy[table.name])
    db.session.expire_all()
    age_heartbeat(age)


def age_heartbeat(by: timedelta = MINUTES) -> None:
    """As if the workers had last been alive so long ago."""
    with atomic() as session:
        for at in session.scalars(select(Heartbeat.at)).all():
            session.execute(update(Heartbeat).values(at=at - by))


def a_round(now: datetime) -> None:
    """What the workers' tasks do, in the timetable's order."""
    drain(now=now)
    sweep(now=now)
    reconcile(now=now)
    replay(now=now)
    recovery.recover(now=now)


def let_logs_be_whole() -> None:
    """Three minutes pass, for the gap that is open."""
    with atomic() as session:
        for gap in session.scalars(select(RecoveryGap).where(RecoveryGap.closed_at.is_(None))):
            gap.opened_at -= recovery.LOGS_ARE_WHOLE_AFTER
