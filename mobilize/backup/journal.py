"""The journal: everything that takes something away, written apart from the database, so that a restore does
not give it back.

Opt-outs, withdrawn consents, erasures, ended roles, grants and sessions, events that were moved or called
off, evidence that was taken back: one line each, sealed with SECRET_KEYS, on the disk before the database
commits.
After a restore the lines of the lost minutes are replayed (`mobilize.privacy.replay`), and until then nothing
leaves but new codes, emergencies and confirmations of opt-outs. Why before the commit, and what a line may
hold: docs/decisions/0026.
"""

import base64
import binascii
import fcntl
import json
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mobilize import settings
from mobilize.backup.dumps import sync_folder
from mobilize.database import Model, before_commit, db, new_id
from mobilize.keys import crypto
from mobilize.observability import health_checks

CHECK = "journal"
# The journals that the database knows, one of each host: by the names of the files that tell them apart.
JOURNALS = "journal.id:"
# Longer than anybody goes back, and never shorter than the oldest backup in BACKUP_FOLDER.
KEPT = timedelta(days=35)
_PLACE, _PENDING = b"journal", "journal"
_replaying: ContextVar[bool] = ContextVar("replaying", default=False)

_log = logging.getLogger(__name__)


class ReplayedEntry(Model):
    """A line of the journal that was replayed after a restore: never again."""

    __tablename__ = "replayed_entries"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    replayed_at: Mapped[datetime]


@dataclass(frozen=True)
class Entry:
    """One line: what was taken away, and when."""

    id: uuid.UUID
    kind: str
    at: datetime
    payload: dict[str, Any]


def note(kind: str, payload: dict[str, Any], *, now: datetime) -> None:
    """Part of an operation: one line, on the disk before its transaction commits. Without JOURNAL_FOLDER, and
    while the journal is replayed, nothing.

    A journal that cannot be written stops nobody: a STOP is obeyed all the same, and the office is told.
    """
    if not is_kept():
        return
    session = db.session()
    pending = session.info.get(_PENDING)
    if pending is None or pending.transaction is not session.get_transaction():
        pending = session.info[_PENDING] = _Pending(session.get_transaction(), now)
        before_commit("journal", pending.write)
    pending.lines.append({"id": str(new_id()), "at": now.isoformat(), "kind": kind, **payload})


def is_kept() -> bool:
    """Whether `note` writes anything."""
    return bool(settings().journal_folder) and not _replaying.get()


def entries(since: datetime, folder: Path | None = None) -> Iterator[Entry]:
    """The lines written since then, in their order. One that was cut off by a power cut is passed over: what
    it belonged to was not committed. Raises `crypto.CannotOpen` for a key that is not in SECRET_KEYS, OSError
    for a folder that is not there."""
    folder = folder or Path(settings().journal_folder)
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    # A day more: hosts differ in their clocks.
    first = _name(since.date() - timedelta(days=1))
    for path in sorted(folder.glob("journal-*.log")):
        if path.name < first:
            continue
        for line in path.read_bytes().splitlines():
            entry = _read(line)
            if entry is not None and entry.at >= since:
                yield entry


@contextmanager
def replaying() -> Iterator[None]:
    """What is taken away in here was written down when it was taken away first."""
    token = _replaying.set(True)
    try:
        yield
    finally:
        _replaying.reset(token)


def is_replayed(entry: Entry) -> bool:
    """Whether it was replayed before."""
    query = select(ReplayedEntry.id).where(ReplayedEntry.id == entry.id)
    return db.session.scalar(query) is not None


def trouble() -> str | None:
    """Why JOURNAL_FOLDER cannot be written to; None when it can, or when there is none."""
    if not settings().journal_folder:
        return None
    try:
        folder = _folder()
        return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written to"
    except OSError as error:
        return f"{settings().journal_folder}: {error.strerror}"


def introduce(*, now: datetime) -> None:
    """Let the database know this journal, and so every backup that is made from now on: after a restore an
    empty folder is not taken for it. Twice is once. Nothing without JOURNAL_FOLDER, nor where that cannot be
    written."""
    if settings().journal_folder:
        with suppress(OSError):
            for one in _ids() or {_new_id()}:
                health_checks.record_first(JOURNALS + one, "", now=now)


def lost() -> set[str]:
    """The journals that the database knows and that do not lie in JOURNAL_FOLDER: of hosts that have their
    own, and of those that are gone."""
    return set(health_checks.named(JOURNALS)) - _ids()


def is_another() -> bool:
    """Whether the database knows journals, and none of them lies in JOURNAL_FOLDER."""
    recorded = set(health_checks.named(JOURNALS))
    return bool(recorded) and not recorded & _ids()


def begin_anew(*, now: datetime) -> None:
    """Give up the journals that are lost: what lies in JOURNAL_FOLDER is all there is."""
    health_checks.forget(JOURNALS)
    introduce(now=now)


def delete_old(oldest_backup: datetime, now: datetime) -> None:
    """Days that no backup needs any more; left there where whoever makes backups may not delete them."""
    if not settings().journal_folder:
        return
    first = _name((min(oldest_backup, now - KEPT) - timedelta(days=1)).date())
    for path in Path(settings().journal_folder).glob("journal-*.log"):
        if path.name < first:
            with suppress(OSError):
                path.unlink()


class _Pending:
    """The lines of one transaction."""

    def __init__(self, transaction: Any, now: datetime):
        self.transaction, self.now, self.lines = transaction, now, list[dict[str, Any]]()

    def write(self, _session: Session) -> None:
        try:
            append(self.lines, self.now)
            introduce(now=self.now)
        except OSError as error:
            _log.error("the journal could not be written: %s", type(error).__name__)
            health_checks.record(CHECK, f"not written: {error.strerror}"[:200], now=self.now)


def append(lines: list[dict[str, Any]], now: datetime) -> None:
    """Sealed, at the end of the day's file, and on the disk. Raises OSError."""
    data = b"".join(base64.b64encode(crypto.seal(json.dumps(line), _PLACE)) + b"\n" for line in lines)
    path = _folder() / _name(now.date())
    is_new = not path.exists()
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        size = os.fstat(number).st_size
        if size and os.pread(number, 1, size - 1) != b"\n":
            data = b"\n" + data  # the last one was cut off
        while data:
            data = data[os.write(number, data) :]
        os.fsync(number)
    finally:
        os.close(number)
    if is_new:
        sync_folder(path.parent)


def _read(line: bytes) -> Entry | None:
    try:
        sealed = base64.b64decode(line, validate=True)
        key_id = crypto.key_id_of(sealed)
    except (binascii.Error, UnicodeDecodeError, IndexError):
        return None
    if key_id not in {key.id for key in settings().secret_keys}:
        raise crypto.CannotOpen(f"no key with the id {key_id!r}")
    try:
        values = json.loads(crypto.unseal(sealed, _PLACE))
    except crypto.CannotOpen:
        return None
    return Entry(
        uuid.UUID(values.pop("id")), values.pop("kind"), datetime.fromisoformat(values.pop("at")), values
    )


def _ids() -> set[str]:
    """The journals whose files lie in JOURNAL_FOLDER: after a restore those of several hosts."""
    if not settings().journal_folder:
        return set()
    files = Path(settings().journal_folder).glob("journal-*.id")
    return {path.stem.removeprefix("journal-") for path in files}


def _new_id() -> str:
    one, folder = new_id().hex, _folder()
    (folder / f"journal-{one}.id").touch(mode=0o600)
    sync_folder(folder)
    return one


def _folder() -> Path:
    folder = Path(settings().journal_folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _name(day: date) -> str:
    return f"journal-{day:%Y%m%d}.log"
