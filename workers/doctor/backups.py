"""Backups: how old the newest one is, and when one was last opened as a trial; and the journal beside."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mobilize import settings
from mobilize.backup import archive
from mobilize.backup import journal as journals
from mobilize.observability import health_checks
from mobilize.observability.findings import Finding, finding

OLD, UNTRIED = timedelta(hours=26), timedelta(days=35)


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


def journal(now: datetime) -> Sequence[Finding]:
    """Whether what is taken away can be written down apart from the database, and was."""
    if not settings().journal_folder:
        return [finding("journal.none")] if settings().is_production else []
    failed = health_checks.latest(journals.CHECK)
    why = journals.trouble() or (failed.value if failed and now - failed.seen_at < OLD else None)
    return [finding("journal.broken", why=why)] if why else [finding("journal.ok")]
