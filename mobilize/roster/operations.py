"""Operations on one member (add, correct, transfer, merge, what they choose on their phone), and on areas."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mobilize import audit, phones
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.imports.reading.synonyms import LANGUAGES, clean
from mobilize.roster.members import number_key, phone_key
from mobilize.roster.models import (
    Area,
    Member,
    Membership,
    MembershipRank,
    MemberStatus,
    PhoneKind,
    Site,
    StatusSpan,
)
from mobilize.roster.names import PersonName, fold

LONGEST_AREA_NAME, MOST_AREAS = 80, 100


@dataclass(frozen=True)
class MemberDetails:
    """The values of a member entered by hand. `phone` as typed, "" for none; `language` one of ours."""

    last: str
    first: str
    preferred: str
    phone: str
    language: str
    status: MemberStatus


def add_member(
    number: str, details: MemberDetails, site_id: uuid.UUID | None, *, by: str, now: datetime
) -> Member:
    """Add a member, to the chapter of `site_id` or to none. The number may lack leading zeros.

    Raises `Refused`: bad_number, number_taken, missing_name, bad_phone, unknown_language, no_site.
    """
    digits = number.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 8):
        raise Refused("bad_number", _("Write the member number as 1 to 8 digits."))
    with atomic() as session:
        if session.scalar(select(Member.id).where(Member.number_index == number_key(digits))):
            message = _("There already is a member with this number. Search for it and correct that one.")
            raise Refused("number_taken", message, status=409)
        member = Member(number_index=number_key(digits), status=details.status, added_at=now)
        member.number = digits.zfill(8)
        _write(member, details)
        session.add(member)
        session.flush()
        session.add(StatusSpan(member_id=member.id, status=details.status, from_at=now))
        if site_id is not None:
            _move(session, member.id, MembershipRank.HOME, site_id, now)
        audit.note(by, "member.add", member.id, now=now)
    return member


def correct_member(
    member_id: uuid.UUID,
    details: MemberDetails,
    *,
    by: str,
    now: datetime,
    confirm: Callable[[bool], None] = lambda _phone_changes: None,
) -> Member:
    """Correct the values of a member. A status changes from now on, not for the past.

    A phone or language written here wins over the roster file until the file's own value changes.
    `confirm` is called with whether the phone changes, before this is stored; what it raises undoes all.
    Raises `Refused` like `add_member`, and no_member.
    """
    with atomic() as session:
        member = _present(session, member_id)
        phone_before = member.phone_index
        if member.status is not details.status or member.gone_on is not None:
            _change_status(session, member, details.status, now)
        member.gone_on = None
        _write(member, details)
        audit.note(by, "member.correct", member.id, now=now)
        confirm(member.phone_index != phone_before)
    return member


def change_phone(member_id: uuid.UUID, phone: str, *, by: str, now: datetime) -> None:
    """Another phone for a member, and nothing else. It wins over the roster file until that one's own value
    changes. Raises `Refused`: no_member, bad_phone."""
    with atomic() as session:
        member = _present(session, member_id)
        _write_phone(member, phone)
        audit.note(by, "member.correct", member.id, now=now)


def take_phone_off(phone_index: bytes, *, by: str, now: datetime) -> list[uuid.UUID]:
    """Take a number off all members who have it; returns their ids. The next roster file with the same number
    does not bring it back."""
    with atomic() as session:
        having = select(Member).where(Member.phone_index == phone_index, Member.erased_at.is_(None))
        members = session.scalars(having.order_by(Member.id).with_for_update()).all()
        for member in members:
            member.phone, member.phone_index = None, None
            audit.note(by, "member.take_phone_off", member.id, now=now)
    return [member.id for member in members]


def transfer_member(
    member_id: uuid.UUID,
    site_id: uuid.UUID | None,
    rank: MembershipRank = MembershipRank.HOME,
    *,
    by: str,
    now: datetime,
) -> None:
    """Move a member to another chapter from now on, or with None out of one. Nothing changes where they are
    there already.

    Raises `Refused`: no_member, no_site.
    """
    with atomic() as session:
        member = _present(session, member_id)
        _move(session, member.id, rank, site_id, now)
        audit.note(by, "member.transfer", member.id, now=now)


def merge_members(keep_id: uuid.UUID, double_id: uuid.UUID, *, by: str, now: datetime) -> None:
    """Merge two entries of one person: `double_id` leaves all lists for good, whatever a file says.

    What the kept entry lacks (phone, chapter) comes from the double, and so does an opt-out. What was counted
    stays where it was counted. Raises `Refused`: no_member, same_member.
    """
    if keep_id == double_id:
        raise Refused("same_member", _("These are the same entry. Choose the other one."))
    with atomic() as session:
        kept, double = _present(session, keep_id), _present(session, double_id)
        if kept.phone_index is None and double.phone_index is not None:
            kept.phone, kept.phone_index, kept.phone_kind = (
                double.phone,
                double.phone_index,
                double.phone_kind,
            )
        kept.opted_out_in_file = kept.opted_out_in_file or double.opted_out_in_file
        for rank in MembershipRank:
            site_id = _close(session, double.id, rank, now)
            if site_id is not None and _running(session, kept.id, rank) is None:
                _move(session, kept.id, rank, site_id, now)
        _close_status(session, double.id, now)
        double.gone_on, double.merged_into_id = now, kept.id
        audit.note(by, "member.merge", f"{kept.id} {double.id}", now=now)


def choose_language(phone_index: bytes, language: str) -> bool:
    """Set the language of texts for all who share this phone, until the roster's own value changes; False
    when nobody has it."""
    return _write_by_phone(phone_index, {"language": language})


def agree_to_urgent(phone_index: bytes, *, now: datetime) -> bool:
    """Store the consent to urgent texts at any hour for all who share this phone; False when nobody has it.
    Repeated, the later moment stays."""
    return _write_by_phone(phone_index, {"urgent_ok_at": now, "urgent_off_at": None})


def add_areas(names: Iterable[str], *, by: str, now: datetime) -> int:
    """Add the areas of these names that are not there yet, however they are spelled; returns how many are
    new. For whoever is invited before a list of sites brings its own. Twice adds none.

    Refused: "no_names", "too_many" (above 100), "long_name".
    """
    cleaned = [" ".join(name.split()) for name in names]
    typed = {fold(name): name for name in reversed(cleaned) if name}
    if not typed:
        raise Refused("no_names", _("Type a name on each line."))
    if len(typed) > MOST_AREAS:
        raise Refused("too_many", _("100 areas at most."))
    if any(len(name) > LONGEST_AREA_NAME or not name.isprintable() for name in typed.values()):
        raise Refused("long_name", _("A name can have up to 80 letters."))
    with atomic() as session:
        stored = {fold(name) for name in session.scalars(select(Area.name))}
        new = [Area(name=name) for key, name in typed.items() if key not in stored]
        session.add_all(new)
        session.flush()
        for area in new:
            audit.note(by, "area.add", area.id, now=now)
    return len(new)


def _present(session: Session, member_id: uuid.UUID) -> Member:
    member = session.get(Member, member_id, with_for_update=True)
    if member is None or member.erased_at is not None or member.merged_into_id is not None:
        raise Refused("no_member", _("This member is not on the roster."), status=404)
    return member


def _write(member: Member, details: MemberDetails) -> None:
    name = PersonName(clean(details.last), clean(details.first), clean(details.preferred))
    if not name.last and not name.first:
        raise Refused("missing_name", _("Write a name."))
    if details.language not in LANGUAGES:
        raise Refused("unknown_language", _("Choose one of the languages listed."))
    if member.name != name.stored():
        member.name = name.stored()
    member.status, member.language = details.status, details.language
    _write_phone(member, details.phone)


def _write_phone(member: Member, written: str) -> None:
    reading = phones.normalize(written)
    if reading.problem == "bad_phone":
        raise Refused("bad_phone", _("Write the phone with its area code, like (213) 555-0123."))
    if reading.phone is None:
        member.phone, member.phone_index = None, None
    elif phone_key(reading.phone) != member.phone_index:
        member.phone, member.phone_index = reading.phone, phone_key(reading.phone)
        member.phone_kind = PhoneKind.EXTENSION if reading.extension else PhoneKind.MOBILE


def _change_status(session: Session, member: Member, status: MemberStatus, now: datetime) -> None:
    _close_status(session, member.id, now)
    session.add(StatusSpan(member_id=member.id, status=status, from_at=now))


def _close_status(session: Session, member_id: uuid.UUID, now: datetime) -> None:
    running = select(StatusSpan).where(StatusSpan.member_id == member_id, StatusSpan.to_at.is_(None))
    for span in session.scalars(running):
        span.to_at = now
    session.flush()


def _move(
    session: Session, member_id: uuid.UUID, rank: MembershipRank, site_id: uuid.UUID | None, now: datetime
) -> None:
    running = _running(session, member_id, rank)
    if (running.site_id if running else None) == site_id:
        return
    if site_id is not None and session.get(Site, site_id) is None:
        raise Refused("no_site", _("There is no such site."), status=404)
    _close(session, member_id, rank, now)
    if site_id is not None:
        session.add(Membership(member_id=member_id, site_id=site_id, rank=rank, from_at=now))


def _running(session: Session, member_id: uuid.UUID, rank: MembershipRank) -> Membership | None:
    query = select(Membership).where(Membership.member_id == member_id, Membership.rank == rank)
    return session.scalar(query.where(Membership.to_at.is_(None)))


def _close(session: Session, member_id: uuid.UUID, rank: MembershipRank, now: datetime) -> uuid.UUID | None:
    """Close the open membership of a rank; returns the site it was at."""
    running = _running(session, member_id, rank)
    if running is None:
        return None
    running.to_at = now
    session.flush()
    return running.site_id


def _write_by_phone(phone_index: bytes, values: dict[str, Any]) -> bool:
    with atomic() as session:
        conditions = Member.phone_index == phone_index, Member.erased_at.is_(None)
        done = session.execute(
            update(Member).where(*conditions).values(**values).execution_options(synchronize_session=False)
        )
        return bool(done.rowcount)  # type: ignore[attr-defined]
