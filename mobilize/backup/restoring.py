"""Restore: a backup put back into this database, checked first, migrated, and marked as what it is."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import flask_migrate

from mobilize import audit, settings
from mobilize.backup import archive, dumps, gaps, journal
from mobilize.backup.archive import Manifest
from mobilize.database import atomic, db, migration_status
from mobilize.errors import Refused
from mobilize.version import version


@dataclass(frozen=True)
class Restored:
    """What was put back, and the gap since then."""

    manifest: Manifest
    gap_id: uuid.UUID
    replaced_rows: int


def restore(file: Path, identity: str, *, replace: bool = False, by: str, now: datetime) -> Restored:
    """Put a backup back. Raises `Refused`, before anything is changed: for a file that was altered or that
    the identity does not open, another kind of database, a newer version, missing SECRET_KEYS, somebody who
    is connected, and without `replace` for a database in which there is something.

    From then on only what `gaps` names leaves until the minutes since are looked up. Twice is once.
    """
    manifest = archive.checked_manifest(file)
    _refuse_what_does_not_fit(manifest)
    before = 0 if dumps.is_empty() else sum(dumps.counts_now().values())
    if before and not replace:
        raise Refused(
            "not_empty",
            "There is a database already. If it is to be replaced, say so: --replace. It cannot be undone; "
            "where it can still be read, make a backup of it first.",
        )
    if dumps.others_connected():
        raise Refused("in_use", "Others use the database: stop the web and the workers first.")
    with archive.decrypted(file, identity) as stream:  # all of it, before anything is thrown away
        archive.compare(manifest, dumps.counts_of(stream, manifest.kind))
    with archive.decrypted(file, identity) as stream:
        dumps.load(stream)
    if not migration_status.unknown():
        db.session.remove()
        flask_migrate.upgrade()
    db.session.remove()
    gap_id = gaps.mark_restored(manifest.moment)
    with atomic():
        audit.note(by, "backup.restore", gap_id, now=now)
    return Restored(manifest, gap_id, before)


def go_on_without(missing: str, *, by: str, now: datetime) -> None:
    """Let texts leave after a restore without the carriers' "log", or without the "journal". Twice is once.
    Refused: "no_gap" where nothing is held, and the journal is the one that the database knows."""
    gap = gaps.open_gap()
    if gap is None and not (missing == "journal" and journal.lost()):
        raise Refused("no_gap", "Nothing is held.")
    with atomic():
        audit.note(by, f"backup.go_on.{missing}", gap.id if gap else None, now=now)
        if gap:
            gaps.note_given_up(gap.id) if missing == "log" else gaps.note_replayed(gap.id)
        if missing == "journal":
            journal.begin_anew(now=now)


def _refuse_what_does_not_fit(manifest: Manifest) -> None:
    if manifest.kind != dumps.kind_of_database():
        raise Refused("other_database", f"This is a backup of {manifest.kind}; DATABASE_URL names another.")
    if not _can_read(manifest):
        raise Refused(
            "newer",
            f"This backup is of version {manifest.version} (migration {manifest.revision}): use that one.",
        )
    missing = set(manifest.keys) - {key.id for key in settings().secret_keys}
    if missing:
        raise Refused(
            "no_keys", f"SECRET_KEYS lacks {', '.join(sorted(missing))}: without it names are lost."
        )


def _can_read(manifest: Manifest) -> bool:
    """Tables of this version or before; or of the next one, with which this version was working when it made
    the backup, after somebody went back to it."""
    (own,) = migration_status.expected()
    is_ours = manifest.version == version() and manifest.revision > own
    return manifest.revision in migration_status.revisions() or is_ours
