"""Numbers that somebody else answers: taken off the roster, and listed for the office."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from mobilize import audit
from mobilize.accounts.access.scope import running_on, today
from mobilize.accounts.models import Person, RoleTerm
from mobilize.backup import journal
from mobilize.database import atomic, db, new_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.models import WrongNumber
from mobilize.roster.models import Member
from mobilize.roster.operations import change_phone, take_phone_off
from mobilize.texts.models import Inbound
from mobilize.texts.receiving.inbound import obey_stop

MOST_WAITING = 200


@dataclass(frozen=True)
class WrongNumberItem:
    """One number of the list, with what was written; None once the words are deleted."""

    row: WrongNumber
    written: str | None


def holds_role(phone_index: bytes, now: datetime) -> bool:
    """Whether this number is that of a chair, an organizer or the office, as a person or as a member."""
    members = select(Member.id).where(Member.phone_index == phone_index)
    terms = (
        select(RoleTerm.id)
        .join(Person, Person.id == RoleTerm.person_id)
        .where(or_(Person.phone_index == phone_index, Person.member_id.in_(members)))
        .where(running_on(today(now)))
    )
    return db.session.scalar(terms.limit(1)) is not None


def take_wrong_number(inbound: Inbound, *, now: datetime) -> bool:
    """Opt the number out and take it off the member who has it, who stands in the office's list then. False,
    and a person decides: it is nobody's; or belongs to somebody with a role, or to several members of whom
    one may have written, when nothing changes at all."""
    if holds_role(inbound.phone_index, now) or is_shared(inbound.phone_index):
        return False
    with atomic():
        obey_stop(inbound, "wrong_number_noted", now=now)
        return list_wrong_number(inbound, by="worker", now=now)


def is_shared(phone_index: bytes) -> bool:
    """Whether several members have this number."""
    members = select(Member.id).where(Member.phone_index == phone_index, Member.gone_on.is_(None))
    return len(db.session.scalars(members.limit(2)).all()) > 1


def list_wrong_number(inbound: Inbound, *, by: str, now: datetime) -> bool:
    """Take the number off all members who have it, who stand in the office's list then; False where it is
    nobody's."""
    with atomic():
        taken = _take_off(inbound.id, inbound.phone_index, inbound.sender or "", by, now)
        if taken:
            values = {"inbound": str(inbound.id), "phone": inbound.phone_index.hex(), "by": by}
            journal.note("wrong_number.take", values, now=now)
        return taken or _is_listed(inbound.id)


def repeat_take_off(inbound_id: uuid.UUID, phone_index: bytes, *, by: str, now: datetime) -> None:
    """A number that was taken off in minutes which a restore has lost is taken off again, and listed for the
    office; once for each text that said so."""
    with atomic() as session:
        having = select(Member).where(Member.phone_index == phone_index, Member.phone_enc.is_not(None))
        member = session.scalar(having.limit(1))
        if member is not None and not _is_listed(inbound_id):
            _take_off(inbound_id, phone_index, member.phone or "", by, now)


def _take_off(inbound_id: uuid.UUID, phone_index: bytes, phone: str, by: str, now: datetime) -> bool:
    with atomic() as session:
        members = take_phone_off(phone_index, by=by, now=now)
        for member_id in members:
            row = WrongNumber(id=new_id(), inbound_id=inbound_id, member_id=member_id, taken_at=now)
            row.phone, row.phone_index = phone, phone_index
            session.add(row)
        session.flush()
    return bool(members)


def _is_listed(inbound_id: uuid.UUID) -> bool:
    listed = select(WrongNumber.id).where(WrongNumber.inbound_id == inbound_id)
    return db.session.scalar(listed.limit(1)) is not None


def wrong_numbers() -> Sequence[WrongNumberItem]:
    """What waits for the office, the oldest first, without members who were erased."""
    rows = db.session.execute(
        select(WrongNumber, Inbound)
        .outerjoin(Inbound, Inbound.id == WrongNumber.inbound_id)
        .where(WrongNumber.done_at.is_(None), WrongNumber.member.has(Member.erased_at.is_(None)))
        .options(joinedload(WrongNumber.member))
        .order_by(WrongNumber.taken_at, WrongNumber.id)
        .limit(MOST_WAITING)
    )
    return [WrongNumberItem(row, inbound.body if inbound else None) for row, inbound in rows]


def settle_wrong_number(number_id: uuid.UUID, *, give_back: bool, actor: str, now: datetime) -> bool:
    """Write the number into the roster again, or leave the member without; then it is forgotten here. It
    stays opted out either way: only START from it changes that. False: somebody was faster.

    Raises `Refused`: no_number, and has_another when the member has got another number since.
    """
    with atomic() as session:
        row = session.get(WrongNumber, number_id, with_for_update=True)
        if row is None:
            raise Refused("no_number", _("There is no such note."), status=404)
        if row.done_at is not None:
            return False
        if give_back and row.member.phone_index:
            raise Refused("has_another", _("They have another number by now. Correct it on their page."))
        if give_back and row.phone:
            change_phone(row.member_id, row.phone, by=actor, now=now)
        row.done_at, row.done_by, row.phone, row.phone_index = now, actor, None, None
        verb = f"wrong_number.{'give_back' if give_back else 'leave'}"
        audit.note(actor, verb, row.member_id, now=now)
        return True
