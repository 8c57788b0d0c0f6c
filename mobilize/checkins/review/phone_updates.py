"""New mobile numbers of members, noted at a line, for the office to write into the roster."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from mobilize import audit
from mobilize.checkins.models import NewNumber
from mobilize.database import atomic, db, insert, new_id
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.languages import _
from mobilize.phones import normalize
from mobilize.roster.models import Member
from mobilize.roster.operations import change_phone

MOST_WAITING = 200


def report_new_number(
    event_id: uuid.UUID, member_id: uuid.UUID, typed: str, *, nonce: bytes, by: str, now: datetime
) -> None:
    """Leave a member's new number for the office. The same nonce again changes nothing, and neither does the
    same number for them while the first note of it waits. Raises `Refused` for what is no phone number."""
    phone = normalize(typed).phone
    if phone is None:
        raise Refused("bad_phone", _("Write the phone with its area code, like (213) 555-0123."))
    phone_index, row_id = blind_index("phone", phone), new_id()
    row = {"id": row_id, "event_id": event_id, "member_id": member_id, "nonce": nonce, "by": by}
    row |= {"phone_enc": NewNumber.phone.seal(row_id, phone), "phone_index": phone_index, "asked_at": now}
    waits = select(NewNumber.id).where(NewNumber.member_id == member_id, NewNumber.phone_index == phone_index)
    with atomic() as session:
        session.get(Member, member_id, with_for_update=True)  # two captains who hear it at once
        if session.scalar(waits.where(NewNumber.done_at.is_(None))) is None:
            session.execute(insert(NewNumber).values(**row).on_conflict_do_nothing())


def waiting_numbers() -> Sequence[NewNumber]:
    """The notes that wait for the office, the oldest first, without those of members who were erased."""
    query = select(NewNumber).where(NewNumber.done_at.is_(None)).options(joinedload(NewNumber.member))
    on_roster = NewNumber.member.has(Member.erased_at.is_(None))
    return db.session.scalars(query.where(on_roster).order_by(NewNumber.asked_at).limit(MOST_WAITING)).all()


def settle_number(number_id: uuid.UUID, *, take: bool, actor: str, now: datetime) -> bool:
    """Write it into the roster, or leave the roster as it is; then it is forgotten here. False: somebody was
    faster. Raises `Refused`: no_number."""
    with atomic() as session:
        note = session.get(NewNumber, number_id, with_for_update=True)
        if note is None:
            raise Refused("no_number", _("There is no such note."), status=404)
        if note.done_at is not None:
            return False
        if take and note.phone:
            change_phone(note.member_id, note.phone, by=actor, now=now)
        note.done_at, note.done_by, note.phone, note.phone_index = now, actor, None, None
        audit.note(actor, f"new_number.{'take' if take else 'leave'}", note.member_id, now=now)
        return True
