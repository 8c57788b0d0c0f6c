"""Exports: counts for whoever may see them, names with a reason, phones with a second person.

Every file carries who took it, when, and its number; it is fetched once, within a day, by who asked alone,
and made at that moment from what they may see then. Phones are counted at that moment too, together with what
the same person took within a week: where that has grown beyond what needed nobody, or beyond what a second
person agreed to, nothing leaves and the second person is asked.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from mobilize import audit
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.scope import Scope
from mobilize.actions.models import Action
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.privacy.export_files import MIMETYPES, file_name, table_of, table_of_chapter, write_file
from mobilize.privacy.models import Export, ExportFormat, ExportKind
from mobilize.privacy.second_person import ask_second_person, use_second_yes, wants_second_person
from mobilize.tokens import hash_token, random_token
from mobilize.turnout.chapter_report import chapter_report_of
from mobilize.turnout.figures import Board
from mobilize.turnout.live import board_for
from mobilize.turnout.spreadsheet import DRILL

GOOD_FOR = timedelta(hours=24)
COUNTED_TOGETHER = timedelta(days=7)
SHORTEST_REASON, LONGEST_REASON = 8, 300


@dataclass(frozen=True)
class File:
    """One exported file, as it leaves."""

    name: str
    mimetype: str
    content: bytes


def ask_for_export(
    action: Action,
    kind: ExportKind,
    format: ExportFormat,
    reason: str,
    *,
    person: Person,
    scope: Scope,
    now: datetime,
    site_id: uuid.UUID | None = None,
) -> tuple[Export, str | None]:
    """Write down what is asked for; returns it with the token of its link, told only here. With `site_id` it
    is of that chapter alone.

    Phones of 25 people or more get no link yet: see `make_link`. Refused: "no_reason" for names and phones,
    "not_yours" for phones asked for by a chair, "forgotten" for names that nobody knows any more.
    """
    said = " ".join(reason.split())[:LONGEST_REASON]
    _refuse(action, kind, said, scope)
    _refuse_paper(kind, format, site_id)
    people = _rows_of_phones(action, scope, site_id) if kind is ExportKind.PHONES else None
    waits = people is not None and wants_second_person(_counted_with(people, action, person, scope, now))
    token = None if waits else random_token()
    export = Export(
        action_id=action.id,
        person_id=person.id,
        site_id=site_id,
        kind=kind,
        format=format,
        reason=said,
        made_at=now,
        expires_at=now + GOOD_FOR,
        token_hash=hash_token(token) if token else None,
        people=people,
    )
    with atomic() as session:
        session.add(export)
        session.flush()
        audit.note(f"person:{person.id}", f"export.ask.{kind}", f"{export.id} {action.id}", now=now)
        if waits:
            ask_second_person(export, now=now)
    return export, token


def make_link(export_id: uuid.UUID, *, person: Person, now: datetime) -> str:
    """The token of the link of phones a second person agreed to; her yes is spent with it.

    Refused: "no_export" for anything that is not hers and waiting, "second_person" without her yes.
    """
    with atomic() as session:
        export = session.get(Export, export_id, with_for_update=True)
        if export is None or export.person_id != person.id or export.used_at or export.kind != "phones":
            raise Refused("no_export", _("There is no such file to fetch."), status=404)
        use_second_yes(export, now=now)
        export.agreed_at, token = now, random_token()
        export.token_hash, export.expires_at = hash_token(token), now + GOOD_FOR
        return token


def export_behind(token: str, *, person: Person, now: datetime) -> Export | None:
    """What a link would fetch for her now; None when it is spent, over, or another's. Changes nothing."""
    export = db.session.scalar(select(Export).where(Export.token_hash == hash_token(token)))
    if export is None or export.person_id != person.id or export.used_at or now >= export.expires_at:
        return None
    return export


def fetch_export(token: str, *, person: Person, scope: Scope, now: datetime) -> File:
    """The file, once.

    Refused: "export_spent", with the same words whatever the reason; "second_person" (403) for phones of more
    people than needed nobody, or than a second person agreed to: that one is asked, and the link is spent.
    """
    with atomic() as session:
        # One file of theirs after the other, so that two at once are added up like two in turn.
        session.get(Person, person.id, with_for_update={"key_share": True})
        export = _claim(session, token, person, now)
        agreed = (export.people or 0) if export.agreed_at else 0
        file = _make(export, person, scope, now)
        leaves = _may_leave(export, agreed, scope, now)
        if leaves:
            audit.note(f"person:{person.id}", f"export.take.{export.kind}", export.id, now=now)
        else:
            export.used_at = export.token_hash = export.agreed_at = None
            session.flush()
            ask_second_person(export, now=now)
    if not leaves:
        said = _("A second person has to agree to so many phone numbers, and has been asked.")
        raise Refused("second_person", said, status=403)
    return file


def export_spent() -> Refused:
    """What everybody hears about a link that fetches nothing."""
    return Refused(
        "export_spent",
        _("This file was fetched already, or the link has run out. Ask for it again."),
        status=410,
    )


def my_exports(action_id: uuid.UUID, person: Person) -> Sequence[Export]:
    """What she asked for of an action, the newest first."""
    mine = select(Export).where(Export.action_id == action_id, Export.person_id == person.id)
    return db.session.scalars(mine.order_by(Export.made_at.desc()).limit(20)).all()


def hours_taken_at(action_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """When the office last fetched the hours of these actions; those it never did are not in the answer."""
    terms = select(RoleTerm.person_id).where(RoleTerm.role == RoleName.ADMIN)
    rows = db.session.execute(
        select(Export.action_id, func.max(Export.used_at))
        .where(Export.kind == ExportKind.HOURS, Export.used_at.is_not(None), Export.person_id.in_(terms))
        .where(Export.action_id.in_(action_ids), Export.site_id.is_(None))
        .group_by(Export.action_id)
    )
    return {action_id: at for action_id, at in rows if at}


def _refuse(action: Action, kind: ExportKind, reason: str, scope: Scope) -> None:
    if kind is ExportKind.COUNTS:
        return
    if action.forgotten_at is not None:
        raise Refused("forgotten", _("This action was forgotten: only its numbers are left."))
    if len(reason) < SHORTEST_REASON:
        raise Refused("no_reason", _("Write in a few words what the names are for."))
    if kind is ExportKind.PHONES and not scope.is_organizer:
        raise Refused("not_yours", _("Phone numbers are exported by organizers only."), status=403)


def _refuse_paper(kind: ExportKind, format: ExportFormat, site_id: uuid.UUID | None) -> None:
    """A report on paper is one chapter's, with its names."""
    if format is ExportFormat.PDF and (site_id is None or kind is not ExportKind.NAMES):
        raise Refused("no_paper", _("On paper there are the names of one chapter. Choose a spreadsheet."))


def _seen(action: Action, scope: Scope, site_id: uuid.UUID | None) -> Board | None:
    """What she sees of the action now, or of one chapter of it."""
    seen = board_for(action, scope)
    if seen is None or site_id is None:
        return seen
    chapter = seen.chapter(site_id)
    return replace(seen, chapters=(chapter,), no_site=None, others=None) if chapter else None


def _rows_of_phones(action: Action, scope: Scope, site_id: uuid.UUID | None) -> int:
    """How many people a file of phones would hold now."""
    seen = _seen(action, scope, site_id)
    return sum(1 for _row in table_of(action, seen, ExportKind.PHONES)[1]) if seen else 0


def _counted_with(
    people: int,
    action: Action,
    person: Person,
    scope: Scope,
    now: datetime,
    *,
    besides: uuid.UUID | None = None,
) -> int:
    """The figure that decides about a second person: with what they took within a week without one, and at
    least all they see of the action, so that chapter by chapter is no way round it."""
    taken = select(func.sum(Export.people)).where(
        Export.person_id == person.id,
        Export.kind == ExportKind.PHONES,
        Export.agreed_at.is_(None),
        Export.used_at > now - COUNTED_TOGETHER,
    )
    if besides is not None:
        taken = taken.where(Export.id != besides)
    seen = board_for(action, scope)
    whole = seen.total.names.eligible + seen.total.names.also_there if seen else 0
    return max(people + int(db.session.scalar(taken) or 0), whole)


def _claim(session: Session, token: str, person: Person, now: datetime) -> Export:
    """The export of this link, which nobody else fetches from here on."""
    export_id = session.scalar(
        update(Export)
        .where(
            Export.token_hash == hash_token(token),
            Export.person_id == person.id,
            Export.used_at.is_(None),
            Export.expires_at > now,
        )
        .values(used_at=now)
        .returning(Export.id)
        .execution_options(synchronize_session=False)
    )
    if export_id is None:
        raise export_spent()
    return session.get_one(Export, export_id, populate_existing=True)


def _may_leave(export: Export, agreed: int, scope: Scope, now: datetime) -> bool:
    """Are the phones of this file, which is made, no more than the second person agreed to, or than nobody
    has to?"""
    if export.people is None or export.people <= agreed:
        return True
    return not wants_second_person(
        _counted_with(export.people, export.action, export.person, scope, now, besides=export.id)
    )


def _make(export: Export, person: Person, scope: Scope, now: datetime) -> File:
    seen = _seen(export.action, scope, export.site_id)
    if seen is None or (export.kind is not ExportKind.COUNTS and export.action.forgotten_at is not None):
        raise export_spent()
    drill = ["DRILL"] if export.action.drill else []
    content = _content(export, seen, _mark(export, person, now), scope, now)
    name = file_name(
        *drill, export.action.name_en, export.kind, now.strftime("%Y%m%d-%H%M"), person.name, _short(export),
        ending=export.format,
    )  # fmt: skip
    return File(name, MIMETYPES[export.format], content)


def _mark(export: Export, person: Person, now: datetime) -> str:
    """Who took the file, when and why; and that it is of a rehearsal, where it is."""
    when = now.strftime("%Y-%m-%d %H:%M UTC")
    mark = _("Exported by %(name)s, %(when)s, file %(id)s", name=person.name, when=when, id=_short(export))
    if export.reason:
        mark += f": {export.reason}"
    return f"{DRILL}. {mark}" if export.action.drill else mark


def _short(export: Export) -> str:
    return str(export.id)[-12:]


def _content(export: Export, seen: Board, mark: str, scope: Scope, now: datetime) -> bytes:
    if export.site_id is None or export.kind is not ExportKind.NAMES:
        whole = scope.everything and export.site_id is None
        headings, rows = table_of(export.action, seen, export.kind, whole=whole)
        if export.kind is ExportKind.PHONES:
            counted = list(rows)
            rows, export.people = iter(counted), len(counted)
        return write_file(mark, headings, rows, export.format)
    report = chapter_report_of(export.action, export.site_id)
    if report is None:
        raise export_spent()
    if export.format is ExportFormat.PDF:
        return report.pdf(now, names=True, mark=mark)
    return write_file(mark, *table_of_chapter(report), export.format)
