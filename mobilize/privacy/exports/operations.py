"""Exports: counts for whoever may see them, names with a reason, phones with a second person's approval.

Every file carries who exported it, when, and its number; it is fetched once, within a day, only by who asked
for it, and made at that moment from what they may see then, a large one by a worker shortly before (`jobs`).
Phones are counted at that moment too, together with what the same person exported within a week: where that
needs a second person, or is more than a second person approved, the file is not delivered and the second
person is asked.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from mobilize import audit
from mobilize.accounts.access.scope import Scope
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.actions.models import Action
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.tokens import hash_token, random_token
from mobilize.languages import _
from mobilize.privacy.exports.approval import (
    ask_second_person,
    counted_with,
    leaves_or_waits,
    second_person_asked,
    use_second_yes,
    wants_second_person,
)
from mobilize.privacy.exports.content import ExportFile, export_spent, make_file, visible_board
from mobilize.privacy.exports.files import table_of
from mobilize.privacy.exports.jobs import take_made
from mobilize.privacy.exports.programs import ATTENDANCE, ENDINGS, HOURS
from mobilize.privacy.models import Export, ExportFormat, ExportKind

GOOD_FOR = timedelta(hours=24)
SHORTEST_REASON, LONGEST_REASON = 8, 300


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
    """Store a request for an export; returns it with the token of its link. Only the token's hash is stored.
    With `site_id` the export is of that chapter alone.

    Phones of 25 people or more get no link yet: see `make_link`. Refused: "no_reason" for names and phones,
    "not_yours" for phones asked for by a chair, "forgotten" for names that nobody knows any more.
    """
    reason_text = " ".join(reason.split())[:LONGEST_REASON]
    _refuse(action, kind, reason_text, scope)
    _refuse_paper(kind, format, site_id)
    _refuse_program(kind, format)
    people = _rows_of_phones(action, scope, site_id) if kind is ExportKind.PHONES else None
    waits = people is not None and wants_second_person(counted_with(people, action, person, scope, now))
    token = None if waits else random_token()
    export = Export(
        action_id=action.id,
        person_id=person.id,
        site_id=site_id,
        kind=kind,
        format=format,
        reason=reason_text,
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
    """The token of the link to an approved export of phones; it uses the approval up.

    Refused: "no_export" for anything that is not the person's own and waiting, "second_person" without an
    approval.
    """
    with atomic() as session:
        export = session.get(Export, export_id, with_for_update=True)
        if export is None or export.person_id != person.id or export.used_at or export.kind != "phones":
            raise Refused("no_export", _("There is no such file."), status=404)
        use_second_yes(export, now=now)
        export.agreed_at, token = now, random_token()
        export.token_hash, export.expires_at = hash_token(token), now + GOOD_FOR
        return token


def export_behind(token: str, *, person: Person, now: datetime) -> Export | None:
    """The export that a person's link would fetch now; None when it is used, over, or another's."""
    export = db.session.scalar(select(Export).where(Export.token_hash == hash_token(token)))
    if export is None or export.person_id != person.id or export.used_at or now >= export.expires_at:
        return None
    return export


def fetch_export(token: str, *, person: Person, scope: Scope, now: datetime) -> ExportFile:
    """The file, once.

    Refused: "export_spent", with the same words whatever the reason, also for phones when the person is no
    organizer any more; "second_person" (403) for phones of more
    people than needed nobody, or than a second person agreed to: that one is asked, and the link is spent.
    """
    with atomic() as session:
        # One file of theirs after the other, so that two at once are added up like two in turn.
        session.get(Person, person.id, with_for_update={"key_share": True})
        export = _claim(session, token, person, now)
        file = take_made(export, scope, now) or make_file(export, person, scope, now)
        leaves = leaves_or_waits(export, file.people, scope, now)
        if leaves:
            audit.note(f"person:{person.id}", f"export.take.{export.kind}", export.id, now=now)
    if not leaves:
        raise second_person_asked()
    return file


def exports_of(action_id: uuid.UUID, person: Person) -> Sequence[Export]:
    """The exports of an action that a person asked for, the newest first."""
    own = select(Export).where(Export.action_id == action_id, Export.person_id == person.id)
    return db.session.scalars(own.order_by(Export.made_at.desc()).limit(20)).all()


def hours_taken_at(action_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """The time the office last fetched the hours of each of these actions; none where it never did."""
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
    """Refuse a PDF of anything but the names of one chapter."""
    if format is ExportFormat.PDF and (site_id is None or kind is not ExportKind.NAMES):
        raise Refused("no_paper", _("On paper there are the names of one chapter. Choose a spreadsheet."))


def _refuse_program(kind: ExportKind, format: ExportFormat) -> None:
    """Refuse what another program would not read: it takes who came, or hours, and no figures."""
    fits = {ExportKind.NAMES: ATTENDANCE, ExportKind.PHONES: ATTENDANCE, ExportKind.HOURS: HOURS}
    if format in ENDINGS and format not in fits.get(kind, ()):
        raise Refused(
            "no_program",
            _("Payroll reads duty and hours, the other programs read names. Choose what fits, or CSV."),
        )


def _rows_of_phones(action: Action, scope: Scope, site_id: uuid.UUID | None) -> int:
    """The number of people in a file of phones, if it were made now."""
    visible = visible_board(action, scope, site_id)
    return sum(1 for _row in table_of(action, visible, ExportKind.PHONES)[1]) if visible else 0


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
