"""Backup files: a dump, compressed and encrypted with age, and beside it a manifest that anybody may read.

`BACKUP_RECIPIENTS` can only encrypt: whoever has the machine reads none of its backups. What opens them, the
identity, is kept elsewhere; and `SECRET_KEYS` are in none of them. A file counts when its manifest is there,
which is written last; both appear whole or not at all.
"""

import hashlib
import json
import os
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pyrage
from pyrage import x25519

from mobilize import settings
from mobilize.backup import dumps, journal
from mobilize.errors import Refused
from mobilize.operating import command
from mobilize.version import version

FORMAT = 1
VERIFIED = "verified.json"
_PART, _PIECE = ".part", 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a backup is: when it was made, by which version, of which revision, and how many rows it holds.

    `sha256` is of the encrypted file; `keys` are the ids of SECRET_KEYS that its sealed columns may need.
    """

    name: str
    taken_at: str
    kind: str
    version: str
    revision: str
    counts: dict[str, int]
    keys: list[str]
    sha256: str
    bytes: int
    format: int = FORMAT

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class BackupState:
    """How backups stand, for `flask doctor`: the newest one, and when one was last verified; `holds_until` is
    when that one was made, None where an earlier release verified it."""

    newest_at: datetime | None
    verified_at: datetime | None
    opened: bool
    holds_until: datetime | None = None

    def age(self, now: datetime) -> timedelta | None:
        return now - self.newest_at if self.newest_at else None


def write_backup(*, now: datetime) -> Manifest:
    """A new backup in BACKUP_FOLDER; older ones than the newest BACKUPS_KEPT are deleted. Raises `Refused`,
    and then nothing has changed. Twice at once makes two."""
    recipients = _recipients()
    folder = _folder(make=True)
    journal.introduce(now=now)
    name = f"mobilize-{now:%Y%m%dT%H%M%S%fZ}"
    part = folder / f".{name}{_PART}"
    try:
        with dumps.opened_dump() as dump, _created(part) as target:
            sink = _Hashing(target)
            encrypt(dump.stream, sink, recipients)
        manifest = Manifest(
            name=f"{name}.{dump.kind}.age",
            taken_at=now.isoformat(),
            kind=dump.kind,
            version=version(),
            revision=dump.revision,
            counts=dump.counts,
            keys=[key.id for key in settings().secret_keys],
            sha256=sink.digest.hexdigest(),
            bytes=sink.written,
        )
        part.replace(folder / manifest.name)
        _write_whole(folder / f"{manifest.name}.json", json.dumps(asdict(manifest), indent=1))
    except OSError as error:
        raise Refused("backup_failed", f"The backup was not made: {error.strerror or error}.") from None
    finally:
        part.unlink(missing_ok=True)
    _delete_old(folder, now)
    journal.delete_old(manifests(folder)[-1].moment, now)
    return manifest


def manifests(folder: Path) -> list[Manifest]:
    """The backups in a folder, newest first."""
    readable = [read_manifest(path) for path in folder.glob("mobilize-*.age.json")]
    return sorted(readable, key=lambda manifest: manifest.taken_at, reverse=True)


def state(folder: Path | None = None) -> BackupState:
    """How backups stand; in BACKUP_FOLDER, where nothing else is said. Never raises."""
    folder = folder or Path(settings().backup_folder)
    with suppress(Refused, OSError, ValueError):
        newest = next(iter(manifests(folder)), None)
        verified: dict[str, Any] = {}
        if (folder / VERIFIED).exists():
            verified = json.loads((folder / VERIFIED).read_text(encoding="utf-8"))
        at = datetime.fromisoformat(verified["at"]) if verified else None
        until = datetime.fromisoformat(verified["taken_at"]) if "taken_at" in verified else None
        return BackupState(newest.moment if newest else None, at, bool(verified.get("opened")), until)
    return BackupState(None, None, False)


def newest_file() -> Path:
    """The newest backup of BACKUP_FOLDER. Raises `Refused` where there is none."""
    folder = _folder()
    for manifest in manifests(folder):
        return folder / manifest.name
    raise Refused("no_backup", f"There is no backup in {folder} yet. Make one: {command('backup')}")


def read_manifest(path: Path) -> Manifest:
    """The manifest at this path. Raises `Refused`."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] > FORMAT:
            raise Refused("newer_format", f"{path.name} was made by a newer version: use that one.")
        return Manifest(**values)
    except (OSError, ValueError, TypeError, KeyError):
        raise Refused("no_manifest", f"{path} is missing or is no manifest of a backup.") from None


def verify(file: Path, identity: str | None, *, now: datetime) -> tuple[Manifest, bool]:
    """Check one backup, and write down that it was: its bytes; with the identity also that it opens, is a
    whole database and has the rows that its manifest names. Returns that manifest, and whether it was opened.
    Raises `Refused` for what is wrong."""
    manifest = checked_manifest(file)
    opens = identity is not None
    if identity is not None:
        with decrypted(file, identity) as stream:
            counts = dumps.counts_of(stream, manifest.kind)
        compare(manifest, counts)
    entry = {"file": manifest.name, "taken_at": manifest.taken_at, "at": now.isoformat(), "opened": opens}
    with suppress(OSError):  # a folder that can only be read is verified as well
        _write_whole(file.parent / VERIFIED, json.dumps(entry))
    return manifest, opens


def checked_manifest(file: Path) -> Manifest:
    """The manifest of a file whose bytes are those that it names. Raises `Refused`."""
    if not file.is_file():
        raise Refused("no_file", f"There is no file {file}.")
    manifest = read_manifest(file.with_name(f"{file.name}.json"))
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    if digest.hexdigest() != manifest.sha256:
        raise Refused("altered", f"{file.name} was altered or cut off since it was made. Take another one.")
    return manifest


def compare(manifest: Manifest, counts: dict[str, int]) -> None:
    """Raises `Refused` where a table has other rows than the manifest says."""
    tables = [name for name, rows in manifest.counts.items() if counts.get(name, 0) != rows]
    if tables:
        raise Refused("other_rows", f"Other rows than the manifest says, in: {', '.join(sorted(tables))}.")


def new_identity() -> tuple[str, str]:
    """(identity, recipient): what opens backups, and what they are encrypted for."""
    identity = x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def read_identity(path: Path) -> str:
    """The identity in a file as `age-keygen` or `flask backup new-identity` writes it. Raises `Refused`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise Refused("no_identity", f"The identity cannot be read at {path}.") from None
    for line in lines:
        if line.startswith("AGE-SECRET-KEY-"):
            return line.strip()
    raise Refused("no_identity", f"There is no line AGE-SECRET-KEY-... in {path}.")


def encrypt(source: IO[bytes], target: Any, recipients: list[x25519.Recipient]) -> None:
    """What is in `source`, encrypted into `target`."""
    pyrage.encrypt_io(_Compressing(source), target, recipients)


@contextmanager
def decrypted(file: Path, identity: str) -> Iterator[IO[bytes]]:
    """The dump in a backup, while it is decrypted. Raises `Refused` when the identity is another one, or at
    its end when it was altered."""
    try:
        key = x25519.Identity.from_str(identity)
    except Exception:
        raise Refused("bad_identity", "This is no identity of age.") from None
    reading, writing = os.pipe()
    failures: list[Exception] = []
    worker = threading.Thread(target=_decrypt, args=(file, key, writing, failures), daemon=True)
    worker.start()
    with os.fdopen(reading, "rb") as stream:
        try:
            yield stream
        except Refused:
            if not failures:
                raise
    worker.join()
    if failures:
        raise _why_not_decrypted(failures[0], file) from None


def _decrypt(file: Path, key: x25519.Identity, writing: int, failures: list[Exception]) -> None:
    with os.fdopen(writing, "wb") as target:
        try:
            sink = _Decompressing(target)
            with file.open("rb") as source:
                pyrage.decrypt_io(source, sink, [key])
            sink.close()
        except BrokenPipeError:
            return  # whoever reads has seen enough
        except Exception as error:
            failures.append(error)


def _why_not_decrypted(error: Exception, file: Path) -> Refused:
    if isinstance(error, pyrage.DecryptError):
        return Refused("other_identity", f"This identity does not open {file.name}.")
    return Refused("altered", f"{file.name} cannot be decrypted to its end: {error}.")


class _Hashing:
    """A file that counts and hashes what is written to it."""

    def __init__(self, file: IO[bytes]):
        self.file, self.digest, self.written = file, hashlib.sha256(), 0

    def write(self, piece: bytes) -> int:
        self.digest.update(piece)
        self.written += len(piece)
        return self.file.write(piece)

    def flush(self) -> None:
        self.file.flush()


class _Compressing:
    """A stream, compressed while it is read."""

    def __init__(self, source: IO[bytes]):
        self.source, self.zlib, self.rest, self.is_over = source, zlib.compressobj(1), b"", False

    def read(self, size: int = -1) -> bytes:
        while not self.is_over and (size < 0 or len(self.rest) < size):
            piece = self.source.read(_PIECE)
            self.rest += self.zlib.compress(piece) if piece else self.zlib.flush()
            self.is_over = not piece
        size = len(self.rest) if size < 0 else size
        piece, self.rest = self.rest[:size], self.rest[size:]
        return piece


class _Decompressing:
    """A stream that is written compressed, and read as it was."""

    def __init__(self, target: IO[bytes]):
        self.target, self.zlib = target, zlib.decompressobj()

    def write(self, piece: bytes) -> int:
        self.target.write(self.zlib.decompress(piece))
        return len(piece)

    def flush(self) -> None:
        self.target.flush()

    def close(self) -> None:
        self.target.write(self.zlib.flush())
        if not self.zlib.eof:
            raise OSError("it ends too early")


def _recipients() -> list[x25519.Recipient]:
    names = settings().backup_recipients
    if not names:
        raise Refused(
            "no_recipients",
            f"BACKUP_RECIPIENTS is missing. Make one: {command('backup new-identity')}",
        )
    return [x25519.Recipient.from_str(name) for name in names]


def _folder(*, make: bool = False) -> Path:
    folder = Path(settings().backup_folder)
    try:
        if make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not folder.is_dir():
            raise Refused("no_folder", f"BACKUP_FOLDER is {folder}, and there is no such folder.")
    except OSError as error:
        raise Refused("no_folder", f"BACKUP_FOLDER {folder}: {error.strerror}.") from None
    return folder


@contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    """A new file that only we may read; it is on the disk when this is over."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _write_whole(path: Path, content: str) -> None:
    part = path.with_name(f".{path.name}{_PART}")
    part.unlink(missing_ok=True)
    with _created(part) as file:
        file.write(content.encode())
    part.replace(path)
    dumps.sync_folder(path.parent)


def _delete_old(folder: Path, now: datetime) -> None:
    """Manifests first: a file without one counts for nothing, and goes the next time."""
    kept = [manifest.name for manifest in manifests(folder)[: settings().backups_kept]]
    for path in folder.glob("mobilize-*.age.json"):
        if path.name.removesuffix(".json") not in kept:
            path.unlink(missing_ok=True)
    for path in [*folder.glob("mobilize-*.age"), *folder.glob(f".mobilize-*{_PART}")]:
        is_old = now.timestamp() - path.stat().st_mtime > timedelta(days=1).total_seconds()
        if path.name not in kept and (is_old or path.suffix == ".age"):
            path.unlink(missing_ok=True)
