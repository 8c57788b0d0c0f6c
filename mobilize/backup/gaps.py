"""Gaps: minutes of which the database knows nothing, because it was put back from a copy, or failed over.

Workers write a heartbeat. One that is minutes old, or of another database than this one, opens a gap, and so
does `flask restore`. While a gap is open nothing leaves but codes queued since, and emergencies and
confirmations of opt-outs about texts that came in since: what may have left in those minutes is looked up
first (`mobilize.texts.recovery`), and what was taken away in them is taken away again
(`mobilize.backup.journal`). Then it closes by itself.

All moments here are the database's own: hosts whose clocks differ by an hour see no gap between them.
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Select, String, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from mobilize.database import Model, atomic, db, insert, is_postgres
from mobilize.fast.versions import LineVersion
from mobilize.observability.findings import Finding, finding

# Longer than any task may hang, and than workers need to start again: without a restore, nobody waits.
SILENCE = timedelta(seconds=180)
WRITTEN_EVERY = timedelta(seconds=20)
WORKERS = "workers"
# Changes to one line in the minutes that were lost.
VERSIONS_LOST_AT_MOST = 1_000_000
# The finding of each `trouble` that somebody can do something about.
_HELD_BY = {
    "log_unreadable": "held.log_unreadable",
    "journal_unreadable": "held.journal_unreadable",
}

_log = logging.getLogger(__name__)


class GapReason(StrEnum):
    """How a gap was noticed. `silence`: the last heartbeat is minutes old. `moved`: it is of another database
    (a replica that took over, a copy in its place). `restored`: a command has put a backup back."""

    SILENCE = "silence"
    MOVED = "moved"
    RESTORED = "restored"


class Heartbeat(Model):
    """The last moment at which workers were alive, and in which database."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(24), primary_key=True)
    at: Mapped[datetime]
    identity: Mapped[str] = mapped_column(String(80))


class RecoveryGap(Model):
    """Minutes that the database may know nothing of: from `from_at`, its last heartbeat, to `opened_at`.

    `log_read_at`: the carriers' logs were read for them. `replayed_at`: so was the journal. `trouble` is why
    that has not happened yet: the journal's first, since the logs are read after it. `log_given_up_at`:
    somebody has said that the logs will not be read, whatever the trouble is. `is_loss`: something was done
    in them that is not in this database.
    """

    __tablename__ = "recovery_gaps"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    reason: Mapped[GapReason]
    from_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    log_read_at: Mapped[datetime | None]
    replayed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    trouble: Mapped[str | None] = mapped_column(String(40))
    log_given_up_at: Mapped[datetime | None]
    is_loss: Mapped[bool] = mapped_column(default=False)


@dataclass(frozen=True)
class OpenGap:
    """A gap that is not closed yet, and its age."""

    id: uuid.UUID
    reason: GapReason
    from_at: datetime
    opened_at: datetime
    age: timedelta
    is_replayed: bool
    is_given_up: bool


@dataclass(frozen=True)
class _Moment:
    """What the database says of itself: its time, and what tells it from a copy put in its place."""

    at: datetime
    identity: str


def look() -> OpenGap | None:
    """The gap that is open; one is opened here when the last heartbeat is minutes old, or another database's.

    Where there is none, this is a heartbeat, written every 20 s at most. Safe to run twice and at once.
    """
    session: Session = db.session()
    moment = _moment(session)
    if gap := _open(session, moment):
        return gap
    last = session.get(Heartbeat, WORKERS, populate_existing=True)
    if last and last.identity == moment.identity and abs(moment.at - last.at) < WRITTEN_EVERY:
        return None
    with atomic() as session:
        moment = _moment(session)
        last = session.get(Heartbeat, WORKERS, with_for_update=True, populate_existing=True)
        if last and (reason := _reason(last, moment)) and not _open(session, moment):
            _log.warning("minutes of the database may be lost (%s): only codes and emergencies leave", reason)
            is_loss = reason is GapReason.MOVED
            row = RecoveryGap(reason=reason, from_at=last.at, opened_at=moment.at, is_loss=is_loss)
            session.add(row)
            session.flush()
            if is_loss:
                _change_lines(session)
        _write(session, moment)
        return _open(session, moment)


def mark_restored(from_at: datetime) -> uuid.UUID:
    """A backup of `from_at` was put back: opens a gap from then on, or widens the one that is open in it."""
    with atomic() as session:
        moment = _moment(session)
        gap = session.scalar(_of_open())
        if gap is None:
            gap = RecoveryGap(from_at=from_at)
            session.add(gap)
        gap.reason, gap.from_at, gap.opened_at = GapReason.RESTORED, min(gap.from_at, from_at), moment.at
        gap.log_read_at = gap.replayed_at = gap.trouble = gap.log_given_up_at = None
        gap.is_loss = True
        _change_lines(session)
        _write(session, moment)
        return gap.id


def open_gap() -> OpenGap | None:
    """The gap that is open, of those that were noticed."""
    session = db.session()
    return _open(session, _moment(session)) if session.scalar(_of_open()) else None


def open_gaps(_now: datetime | None = None):  # type: ignore[no-untyped-def]
    """SELECT of the gaps that are open."""
    return select(RecoveryGap.id).where(RecoveryGap.closed_at.is_(None))


def note_trouble(gap_id: uuid.UUID, why: str) -> None:
    """Why it cannot be closed yet; tried again soon."""
    with atomic() as session:
        session.get_one(RecoveryGap, gap_id, with_for_update=True).trouble = why[:40]


def note_given_up(gap_id: uuid.UUID) -> None:
    """Somebody has said that the carriers' logs cannot be read, and will not be. Twice is once."""
    with atomic() as session:
        gap = session.get_one(RecoveryGap, gap_id, with_for_update=True, populate_existing=True)
        gap.log_given_up_at = gap.log_given_up_at or _moment(session).at
        gap.trouble = None  # the journal's is noted again with the next look


def note_log_read(gap_id: uuid.UUID, *, is_loss: bool) -> None:
    """The carriers' logs were read and adopted; closes the gap when the journal was replayed too."""
    with atomic() as session:
        gap = session.get_one(RecoveryGap, gap_id, with_for_update=True, populate_existing=True)
        gap.log_read_at = _moment(session).at
        if is_loss and not gap.is_loss:
            gap.is_loss = True
            _change_lines(session)
        _close(session, gap)


def note_replayed(gap_id: uuid.UUID) -> None:
    """The journal was replayed; closes the gap when the carriers' logs were read too."""
    with atomic() as session:
        gap = session.get_one(RecoveryGap, gap_id, with_for_update=True, populate_existing=True)
        gap.replayed_at, gap.trouble = _moment(session).at, None
        _close(session, gap)


def latest_gap() -> RecoveryGap | None:
    """The newest gap, open or closed."""
    newest = select(RecoveryGap).order_by(RecoveryGap.opened_at.desc()).limit(1)
    return db.session.scalar(newest.execution_options(populate_existing=True))


def losses_between(start: datetime, end: datetime) -> Sequence[RecoveryGap]:
    """The gaps in which something was lost and that touch this span, the first one first."""
    touches = RecoveryGap.from_at < end, RecoveryGap.opened_at > start, RecoveryGap.is_loss.is_(True)
    return db.session.scalars(select(RecoveryGap).where(*touches).order_by(RecoveryGap.from_at)).all()


def any_since(moment: datetime) -> bool:
    """Whether a gap was noticed since then."""
    return (
        db.session.scalar(select(RecoveryGap.id).where(RecoveryGap.opened_at > moment).limit(1)) is not None
    )


def latest_loss() -> Select[uuid.UUID]:
    """SELECT of the newest gap in which something was lost: the epoch of this database."""
    lost = select(RecoveryGap.id).where(RecoveryGap.is_loss.is_(True))
    return lost.order_by(RecoveryGap.opened_at.desc()).limit(1)


def latest_open() -> RecoveryGap | None:
    """The row of the gap that is open, for pages."""
    return db.session.scalar(_of_open())


def held_by(gap: RecoveryGap) -> Finding:
    """The doctor's finding of a gap that is open: one for each `trouble` that it has."""
    return finding(_HELD_BY.get(gap.trouble or "", "texts.held"))


def _reason(last: Heartbeat, moment: _Moment) -> GapReason | None:
    if last.identity != moment.identity:
        return GapReason.MOVED
    return GapReason.SILENCE if moment.at - last.at > SILENCE else None


def _open(session: Session, moment: _Moment) -> OpenGap | None:
    gap = session.scalar(_of_open())
    if gap is None:
        return None
    age = moment.at - gap.opened_at
    is_replayed, is_given_up = gap.replayed_at is not None, gap.log_given_up_at is not None
    return OpenGap(gap.id, gap.reason, gap.from_at, gap.opened_at, age, is_replayed, is_given_up)


def _of_open():  # type: ignore[no-untyped-def]
    is_open = select(RecoveryGap).where(RecoveryGap.closed_at.is_(None)).order_by(RecoveryGap.opened_at)
    return is_open.limit(1).execution_options(populate_existing=True)


def _close(session: Session, gap: RecoveryGap) -> None:
    if gap.log_read_at and gap.replayed_at:
        gap.closed_at, gap.trouble = max(gap.log_read_at, gap.replayed_at), None
        _log.warning("what may have left in lost minutes was looked up: texts leave again")


def _change_lines(session: Session) -> None:
    """Every line looks different to its phones, and to processes that remember versions which were lost."""
    session.execute(update(LineVersion).values(n=LineVersion.n + VERSIONS_LOST_AT_MOST))


def _write(session: Session, moment: _Moment) -> None:
    row = insert(Heartbeat).values(name=WORKERS, at=moment.at, identity=moment.identity)
    changed = {"at": row.excluded.at, "identity": row.excluded.identity}
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_=changed))


def _moment(session: Session) -> _Moment:
    if is_postgres():
        at, identity = session.execute(_POSTGRES_MOMENT).one()
        return _Moment(at.astimezone(UTC), identity)
    at = datetime.fromisoformat(str(session.scalar(_SQLITE_MOMENT)))
    return _Moment(at.astimezone(UTC), _file_of(db.engine.url.database))


def _file_of(database: str | None) -> str:
    """The file's number, another one when a copy was put in its place."""
    file = Path(database or "")
    return str(file.stat().st_ino) if file.is_file() else "memory"


# A database that is made anew has another number, and a replica that takes over begins another timeline.
_POSTGRES_MOMENT = text(
    "SELECT clock_timestamp(), oid || ':' || left(pg_walfile_name(pg_current_wal_lsn()), 8)"
    " FROM pg_database WHERE datname = current_database()"
)
_SQLITE_MOMENT = select(func.strftime("%Y-%m-%dT%H:%M:%f+00:00", "now"))
