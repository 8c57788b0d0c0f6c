"""Backups: how old the newest one is, and when one was last opened as a trial; the archive of PostgreSQL's
log, and the journal beside."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from mobilize import settings
from mobilize.backup import archive
from mobilize.backup import journal as journals
from mobilize.backup.gaps import WORKERS, Heartbeat
from mobilize.database import db, is_postgres
from mobilize.observability import health_checks
from mobilize.observability.findings import Finding, finding
from workers.doctor.machine import POSTGRESQL

OLD, UNTRIED = timedelta(hours=26), timedelta(days=35)
# A piece of the log leaves when it is a minute old.
LATE = timedelta(minutes=10)
_ARCHIVER = text(
    "SELECT current_setting('archive_mode'), last_archived_time, last_failed_time, clock_timestamp()"
    " FROM pg_stat_archiver"
)


def backups(now: datetime) -> Sequence[Finding]:
    """The age of the newest one, and of the last trial."""
    state = archive.state()
    age = state.age(now)
    if age is None:
        # A demo has nothing worth a copy.
        return [] if settings().is_demo else [finding("backups.none", folder=settings().backup_folder)]
    hours = round(age / timedelta(hours=1))
    if age > OLD:
        return [finding("backups.old", hours=hours)]
    if state.verified_at is None or not state.opened or now - state.verified_at > UNTRIED:
        return [finding("backups.untried")]
    return [finding("backups.ok", hours=hours)]


def archive_of_log(_now: datetime) -> Sequence[Finding]:
    """Whether what PostgreSQL writes reaches its archive, where it has one. At rest nothing is written."""
    if not is_postgres():
        return []
    mode, archived_at, failed_at, now = db.session.execute(_ARCHIVER).one()
    if mode == "off":
        return []
    if failed_at and (archived_at is None or failed_at > archived_at):
        return [finding("archive.failing")]
    if archived_at is None:
        return []
    minutes = round((now - archived_at) / timedelta(minutes=1))
    beat = db.session.get(Heartbeat, WORKERS, populate_existing=True)
    is_late = beat is not None and beat.at - archived_at > LATE
    return [finding("archive.late" if is_late else "archive.ok", minutes=minutes)]


def journal(now: datetime) -> Sequence[Finding]:
    """Whether what is taken away can be written down apart from the database, and was."""
    if not settings().journal_folder:
        return [finding("journal.none")] if settings().is_production else []
    failed = health_checks.latest(journals.CHECK)
    why = journals.trouble() or (failed.value if failed and now - failed.seen_at < OLD else None)
    if why:
        return [finding("journal.broken", why=why)]
    if journals.is_another():
        return [finding("journal.other")]
    return [finding("journal.ok" if _is_on_another_disk() else "journal.same_disk")]


def _is_on_another_disk() -> bool:
    """Whether the journal stays when the database's disk goes. Of a database whose folder is not seen here it
    is not known."""
    url = db.engine.url
    place = Path(url.database or "") if url.drivername.startswith("sqlite") else POSTGRESQL
    return place.exists() and place.stat().st_dev != Path(settings().journal_folder).stat().st_dev
