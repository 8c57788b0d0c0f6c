"""Imports: a file is read and staged (dry run), then committed exactly as shown; the last can be undone.

Members stay untouched until `commit_import`: staging writes beside them in small transactions, so a process
killed at any point has changed nothing.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mobilize import audit, settings
from mobilize.database import atomic, db, is_postgres
from mobilize.errors import Refused
from mobilize.jobs.files import NamedFile
from mobilize.jobs.models import JobStep
from mobilize.languages import _
from mobilize.roster.imports import apply_roster, apply_sites
from mobilize.roster.imports.reading.roster_reader import check_roster_headings, read_roster
from mobilize.roster.imports.reading.site_matcher import KnownSite, SiteDirectory
from mobilize.roster.imports.reading.sites_reader import read_sites
from mobilize.roster.imports.refused_lines import HEADING, file_of_refused_lines, is_of_refused_lines
from mobilize.roster.imports.remembered_mappings import (
    hash_of,
    recall_columns,
    recall_places,
    remember_columns,
)
from mobilize.roster.imports.roster_changes import StagedChanges
from mobilize.roster.imports.summary import roster_summary, sites_summary, warned_lines
from mobilize.roster.members import stored_roster
from mobilize.roster.models import Area, Import, ImportState, Site, StagedMember
from mobilize.roster.uploads.uploaded_table import open_table

ROSTER = "roster"
SITES = "sites"
STAGED_KEPT = timedelta(hours=24)
_CHUNK = 2_000
Tell = Callable[[JobStep, int, int], None]
_ADVISORY_LOCK = 4_620_100  # Any number, as long as nothing else of ours takes the same one.


def check_headings(kind: str, data: bytes, chosen: Mapping[str, str]) -> None:
    """Look at the top of a file before a worker reads all of it. Raises `Refused` as reading it would."""
    if kind == SITES:
        open_table(data)
        return
    if db.session.scalar(select(Site.id).limit(1)) is None:
        raise _no_sites()
    check_roster_headings(data, chosen, recall_columns)


def check_mended(data: bytes) -> None:
    """Raises `Refused` (mended_lines) for a file that is not of refused lines."""
    if not is_of_refused_lines(open_table(data).header):
        message = _("This is not the file of refused lines, which has the column “%(heading)s”.")
        raise Refused("mended_lines", message % {"heading": _(HEADING)})


def dry_run_roster(
    data: bytes,
    *,
    by: str,
    now: datetime,
    chosen: Mapping[str, str] | None = None,
    mended: Sequence[bytes] = (),
    tell: Tell | None = None,
    keep_refused: Callable[[NamedFile], None] | None = None,
) -> Import:
    """Read a roster and stage what it would change. Returns the import with its `summary`.

    The file of the last import gives that import again, already committed. `by` is as in
    `audit.note`; `chosen` as in `read_roster`, and remembered for files with the same headings; `mended` as
    there; `tell(step, done, whole)` is called with the progress, and `keep_refused` with the refused lines
    as a file, where there are any.
    Raises `Refused`: no_sites and the codes of `read_roster`.
    """
    digest = hashlib.sha256(b"".join((data, *mended))).digest()
    if again := _same_file_again(ROSTER, digest):
        return again
    book = site_book()
    if not book.sites:
        raise _no_sites()
    lines = data.count(b"\n")
    reading = read_roster(
        data,
        book,
        chosen,
        recall_columns,
        recall_places=recall_places,
        mended=mended,
        tell=(lambda n: tell(JobStep.READING, n, lines if lines >= n else 0)) if tell else None,
    )
    if chosen:
        remember_columns(reading.header, chosen, by=by, now=now)
    started = _start(ROSTER, digest, by=by, now=now)
    changes = StagedChanges(reading, stored_roster(), _is_desk_phone, now)
    _stage(started.id, changes, tell)
    summary = roster_summary(reading, changes, book) | {"sha256": digest.hex(), "bytes": len(data)}
    summary["source"] = hash_of(reading.header).hex()
    summary["recalled_columns"] = summary["source"] if reading.recalled else None
    if reading.rejected and keep_refused:
        keep_refused(file_of_refused_lines((data, *mended)[-1], reading.rejected))
    return _staged(started.id, summary, warned=warned_lines(reading))


def dry_run_sites(data: bytes, *, by: str, now: datetime, district: str | None = None) -> Import:
    """Read a list of sites and plan what it would change; like `dry_run_roster`, codes of `read_sites`."""
    digest = hashlib.sha256(data + (district or "").encode()).digest()
    if again := _same_file_again(SITES, digest):
        return again
    reading = read_sites(data, district=district)
    plan = apply_sites.plan_sites(reading, settings().union_timezone)
    started = _start(SITES, digest, by=by, now=now)
    summary = sites_summary(reading, plan) | {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    return _staged(started.id, summary, plan=plan)


def commit_import(
    import_id: uuid.UUID, *, by: str, now: datetime, second_by: str | None = None, tell: Tell | None = None
) -> Import:
    """Do exactly what the dry run showed, in one short transaction. Committing twice changes nothing.

    `second_by` is the second person, where two have to agree; the caller asks them. `tell` is as in
    `dry_run_roster`, and called inside the transaction.
    Raises `Refused`: not_staged; roster_changed (409) when the result would no longer be what was shown.
    """
    try:
        with atomic() as session:
            row = _locked(session, import_id)
            if row.state is ImportState.COMMITTED:
                return row
            _refuse_stale(session, row)
            if row.kind == ROSTER:
                _write(session, row.id, apply_roster.put_in_place(session, row.id, now=now), tell)
            else:
                apply_sites.put_in_place(session, row.plan or {})
            row.state, row.committed_at = ImportState.COMMITTED, now
            row.second_by = second_by
            audit.note(by, "import.commit", row.id, now=now)
    except IntegrityError:
        raise _roster_changed() from None
    _forget_staged_rows(keep=import_id)
    return row


def undo_import(import_id: uuid.UUID, *, by: str, now: datetime, tell: Tell | None = None) -> Import:
    """Put everything back as it was before the last import. Undoing twice changes nothing. `tell` is as in
    `commit_import`.

    Raises `Refused` (409): not_the_last; edited_since (see `edited_members`); used_since, when a member whom
    it added is already counted somewhere.
    """
    try:
        with atomic() as session:
            row = _locked(session, import_id)
            if row.state is ImportState.UNDONE:
                return row
            _refuse_undo(session, row)
            if row.kind == ROSTER:
                _write(session, row.id, apply_roster.put_back(session, row.id), tell)
            else:
                apply_sites.put_back(session, row.plan or {})
            row.state, row.undone_at = ImportState.UNDONE, now
            audit.note(by, "import.undo", row.id, now=now)
    except IntegrityError:
        raise _used_since() from None
    _forget_staged_rows(keep=None)
    return row


def drop_import(import_id: uuid.UUID) -> None:
    """Drop a dry run. A committed import stays."""
    with atomic() as session:
        row = session.get(Import, import_id)
        if row is not None and row.state in (ImportState.READING, ImportState.STAGED):
            session.execute(delete(StagedMember).where(StagedMember.import_id == import_id))
            row.state, row.plan = ImportState.DROPPED, None


def drop_old_dry_runs(now: datetime) -> int:
    """Drop those that nobody came back to; returns how many."""
    return _drop_dry_runs(Import.started_at < now - STAGED_KEPT)


def _drop_dry_runs(which: ColumnElement[bool]) -> int:
    dry_run = Import.state.in_((ImportState.READING, ImportState.STAGED))
    ids = db.session.scalars(select(Import.id).where(dry_run, which)).all()
    for import_id in ids:
        drop_import(import_id)
    return len(ids)


def edited_members(import_id: uuid.UUID) -> list[uuid.UUID]:
    """The members who were changed after this import was committed; with any, it cannot be undone."""
    row = db.session.get(Import, import_id)
    if row is None or row.kind != ROSTER or row.committed_at is None:
        return []
    return apply_roster.edited_since(db.session(), import_id, row.committed_at)


def last_import(kind: str | None = None) -> Import | None:
    """The last import (of a kind) that is committed and not undone."""
    committed = select(Import).where(Import.state == ImportState.COMMITTED)
    committed = committed.where(Import.kind == kind) if kind else committed
    return db.session.scalar(committed.order_by(Import.committed_at.desc(), Import.id.desc()).limit(1))


def undoable_import() -> Import | None:
    """The last import; None where that is a roster whose staged rows went when a later one, undone since, was
    imported."""
    last = last_import()
    if last is None or last.kind == SITES:
        return last
    has_rows = db.session.scalar(select(exists().where(StagedMember.import_id == last.id)))
    return last if has_rows else None


def site_book() -> SiteDirectory:
    """All sites, to match those of a roster."""
    rows = db.session.execute(select(Site.id, Site.code, Site.name, Area.name).join(Area)).all()
    return SiteDirectory(KnownSite(*row) for row in rows)


def _no_sites() -> Refused:
    return Refused("no_sites", _("There are no sites yet. Import the list of sites first."))


def _same_file_again(kind: str, digest: bytes) -> Import | None:
    """The last import, where it is of these bytes. A roster read before the sites changed is read again."""
    last = last_import(SITES) if kind == SITES else last_import()
    return last if last is not None and last.kind == kind and last.sha256 == digest else None


def _start(kind: str, digest: bytes, *, by: str, now: datetime) -> Import:
    """A new import; dry runs of the same person are dropped."""
    _drop_dry_runs(Import.by == by)
    last = last_import()
    with atomic() as session:
        started = Import(
            kind=kind,
            sha256=digest,
            state=ImportState.READING,
            summary={},
            based_on_id=last.id if last else None,
            by=by,
            started_at=now,
        )
        session.add(started)
    return started


def _stage(import_id: uuid.UUID, changes: StagedChanges, tell: Tell | None) -> None:
    chunk: list[dict[str, Any]] = []
    for row in changes.rows():
        chunk.append({**row, "import_id": import_id})
        if len(chunk) == _CHUNK:
            _store(chunk)
            chunk = []
            if tell:
                read = len(changes.reading.members)
                tell(JobStep.COMPARING, min(changes.counts.total(), read), read)
    if chunk:
        _store(chunk)


def _store(chunk: list[dict[str, Any]]) -> None:
    with atomic() as session:
        # The table and not the model: an ORM insert splits the rows by which of their values are empty.
        session.execute(insert(StagedMember.__table__), chunk)  # type: ignore[arg-type]


def _staged(
    import_id: uuid.UUID,
    summary: dict[str, Any],
    *,
    plan: dict[str, Any] | None = None,
    warned: dict[str, list[int]] | None = None,
) -> Import:
    with atomic() as session:
        staged = session.get_one(Import, import_id)
        staged.state, staged.summary, staged.plan = ImportState.STAGED, summary, plan
        staged.warned_lines = json.dumps(warned) if warned else None
    return staged


def _write(session: Session, import_id: uuid.UUID, statements: Iterator[int], tell: Tell | None) -> None:
    """Run them all, and tell how many rows are written of how many."""
    total = apply_roster.rows_to_write(session, import_id)
    for done in accumulate(statements):
        if tell:
            tell(JobStep.WRITING, done, total)


def _locked(session: Session, import_id: uuid.UUID) -> Import:
    """The import, alone: SQLite has one writer anyway, PostgreSQL is asked for a lock of our own."""
    if is_postgres():
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    row = session.get(Import, import_id, with_for_update=True)
    if row is None:
        raise Refused("no_import", _("There is no such import."), status=404)
    return row


def _refuse_stale(session: Session, row: Import) -> None:
    if row.state is not ImportState.STAGED:
        raise Refused("not_staged", _("This dry run is no longer there. Choose the file again."), status=409)
    last = last_import()
    if (last.id if last else None) != row.based_on_id:
        raise _roster_changed()
    if row.kind == ROSTER:
        apply_roster.hold_members(session, row.id)
        if apply_roster.has_moved_on(session, row.id, row.started_at):
            raise _roster_changed()
    elif apply_sites.has_moved_on(session, row.plan or {}):
        raise _roster_changed()


def _refuse_undo(session: Session, row: Import) -> None:
    last = undoable_import()
    if last is None or last.id != row.id or row.committed_at is None:
        raise Refused("not_the_last", _("Only the last import can be undone."), status=409)
    if row.kind == SITES:
        if apply_sites.was_edited(session, row.plan or {}):
            raise Refused("edited_since", _("Sites were changed after this import."), status=409)
        return
    apply_roster.hold_members(session, row.id)
    edited = apply_roster.edited_since(session, row.id, row.committed_at)
    if edited:
        message = _(
            "%(n)s members were changed after this import. It cannot be undone without losing that.",
            n=len(edited),
        )
        raise Refused("edited_since", message, status=409)
    if apply_roster.used_since(session, row.id):
        raise _used_since()


def _roster_changed() -> Refused:
    message = _(
        "The roster was changed after this dry run. Choose the file again to see what it would do now."
    )
    return Refused("roster_changed", message, status=409)


def _used_since() -> Refused:
    message = _("Something that this import added is already in use, so it cannot be undone.")
    return Refused("used_since", message, status=409)


def _forget_staged_rows(*, keep: uuid.UUID | None) -> None:
    """Only the last import can be undone, so the sealed rows of earlier ones are not kept."""
    for import_id in db.session.scalars(select(Import.id).where(Import.state != ImportState.STAGED)).all():
        if import_id != keep:
            with atomic() as session:
                session.execute(delete(StagedMember).where(StagedMember.import_id == import_id))


def _is_desk_phone(phone: str) -> bool:
    """The employer's own numbers, by the prefixes in the settings ("+1213241"); they are never texted."""
    prefixes = settings().employer_phone_prefixes
    return bool(prefixes) and phone.startswith(prefixes)
