"""Backups: how old the newest file in BACKUP_FOLDER is, and when one was last opened as a trial.

A backup is a file with the moment it was taken in the manifest beside it (`NAME.json`, `taken_at`), else its
own; the last trial is written into `verified.json` there (`at`, `opened`). And the journal beside them.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mobilize import settings
from mobilize.backup import journal as journals
from mobilize.observability import health_checks
from mobilize.observability.findings import Finding, finding

OLD, UNTRIED = timedelta(hours=26), timedelta(days=35)
PATTERN, VERIFIED = "mobilize-*.age", "verified.json"


def backups(now: datetime) -> Sequence[Finding]:
    """The age of the newest one, and of the last trial."""
    folder = Path(settings().backup_folder)
    taken = [_taken_at(path) for path in folder.glob(PATTERN)] if folder.is_dir() else []
    if not taken:
        # A demo has nothing worth a copy.
        return [] if settings().is_demo else [finding("backups.none", folder=str(folder))]
    hours = round((now - max(taken)) / timedelta(hours=1))
    if now - max(taken) > OLD:
        return [finding("backups.old", hours=hours)]
    trial = _read(folder / VERIFIED)
    tried_at = _moment(trial.get("at")) if trial.get("opened") else None
    if tried_at is None or now - tried_at > UNTRIED:
        return [finding("backups.untried")]
    return [finding("backups.ok", hours=hours)]


def journal(now: datetime) -> Sequence[Finding]:
    """Whether what is taken away can be written down apart from the database, and was."""
    if not settings().journal_folder:
        return [finding("journal.none")] if settings().is_production else []
    failed = health_checks.latest(journals.CHECK)
    why = journals.trouble() or (failed.value if failed and now - failed.seen_at < OLD else None)
    return [finding("journal.broken", why=why)] if why else [finding("journal.ok")]


def _taken_at(path: Path) -> datetime:
    written = _moment(_read(path.with_name(f"{path.name}.json")).get("taken_at"))
    return written or datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
