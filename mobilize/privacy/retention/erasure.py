"""Erasing one member: what identifies them is deleted, what was counted stays counted."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.orm import Session

from mobilize import audit
from mobilize.accounts.access.scope import scope_of, today
from mobilize.accounts.models import (
    AdminChange,
    AuthenticatorApp,
    CodeRequest,
    LineGrant,
    OneTimeLink,
    Passkey,
    Person,
    RecoveryCode,
    SignedInSession,
)
from mobilize.actions.eligibility import freeze_event
from mobilize.actions.models import Action, Eligible, Event
from mobilize.backup import journal
from mobilize.checkins.models import (
    Attendance,
    EndedLinks,
    Evidence,
    KnownPhone,
    Match,
    NewNumber,
    Photo,
    Walkup,
)
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.languages import _
from mobilize.privacy.exports.jobs import forget_made
from mobilize.privacy.models import Visit
from mobilize.privacy.retention.anonymize import (
    NOBODY,
    empty_texts,
    empty_walkups,
    evidence_rows,
    in_parts,
    unlink_attendance,
    unlink_eligible,
    unlink_evidence,
)
from mobilize.privacy.retention.legal_holds import all_is_held, is_held, on_hold
from mobilize.reminders.models import Rsvp, WrongNumber
from mobilize.roster.models import Member, Membership, PhoneKind, StagedMember, StatusSpan
from mobilize.texts.consent.suppressions import is_opted_out, opt_out
from mobilize.texts.models import (
    CarrierBlock,
    Consent,
    Inbound,
    OutboxText,
    Question,
    Suppression,
    UnmatchedMessage,
)

# What lets somebody sign in.
_OF_AN_ACCOUNT: tuple[Any, ...] = (
    SignedInSession,
    OneTimeLink,
    AdminChange,
    Passkey,
    AuthenticatorApp,
    RecoveryCode,
)


def erase_member(member_id: uuid.UUID, *, by: str, now: datetime, stop_texts: bool = False) -> None:
    """Erase what is held about a member, for good. Twice is once.

    Their row stays without a name, found only by who knows their number, so that the next import does not
    bring them back. An opt-out stays by phone number, when they had one or ask for it. Of a phone that others
    share, only what is theirs alone is deleted. Refused: "no_member", "has_role", "on_hold".
    """
    _freeze_what_has_begun(now)
    with atomic() as session:
        member = session.get(Member, member_id, with_for_update=True)
        if member is None:
            raise Refused("no_member", _("This member is not on the roster."), status=404)
        if member.erased_at is not None:
            return
        _refuse_role(member, now)
        _refuse_held(session, member.id)
        number, phone = member.number, member.phone
        alone = phone is not None and not _shared(session, member)
        _unlink(session, member.id)
        _forget_number(session, blind_index("number", number)) if number else None
        if phone and alone:
            _forget_phone(session, phone, stop_texts=stop_texts, now=now)
        _forget_person(session, member)
        for row in [member, *_doubles(session, member.id)]:
            _empty(session, row, now)
        forget_made()
        audit.note(by, "member.erase", member.id, now=now)
        index = blind_index("number", number).hex() if number else None
        values = {"member": str(member_id), "number": index, "stop": stop_texts, "by": by}
        journal.note("member.erase", values, now=now)


def _freeze_what_has_begun(now: datetime) -> None:
    """Freeze events that have begun: the member counts in every denominator that has begun, and no other."""
    begun = select(Event.id).where(Event.starts_at <= now, Event.frozen_at.is_(None))
    for event_id in db.session.scalars(begun).all():
        freeze_event(event_id, now)


def person_of(member: Member) -> Person | None:
    """The account of a member, by the roster's link or by their phone."""
    ways = [Person.member_id == member.id]
    if member.phone_index is not None:
        ways.append(Person.phone_index == member.phone_index)
    return db.session.scalar(select(Person).where(or_(*ways)))


def _refuse_role(member: Member, now: datetime) -> None:
    person = person_of(member)
    if person is not None and scope_of(person, today(now)).roles:
        message = _("You hold a role in the union. Ask your organizer to end it first, then delete.")
        raise Refused("has_role", message, status=409)


def _refuse_held(session: Session, member_id: uuid.UUID) -> None:
    held = select(Action.id).where(Action.id.in_(_actions_of(member_id)), is_held(Action.id))
    if all_is_held() or session.scalar(held.limit(1)):
        raise on_hold()


def _actions_of(member_id: uuid.UUID) -> Select[Any]:
    """SELECT of every action with a row that identifies the member."""
    events = Event.__table__
    by_event = [
        select(events.c.action_id).join(table, table.c.event_id == events.c.id).where(
            table.c.member_id == member_id
        )
        for table in (Attendance.__table__, Evidence.__table__, Rsvp.__table__, OutboxText.__table__)
    ]  # fmt: skip
    counted = select(Eligible.action_id).where(Eligible.member_id == member_id)
    return counted.union(*by_event)  # type: ignore[return-value]


def _shared(session: Session, member: Member) -> bool:
    others = select(Member.id).where(Member.phone_index == member.phone_index, Member.id != member.id)
    return session.scalar(others.where(Member.merged_into_id.is_(None)).limit(1)) is not None


def _doubles(session: Session, member_id: uuid.UUID) -> Sequence[Member]:
    return session.scalars(select(Member).where(Member.merged_into_id == member_id)).all()


def _unlink(session: Session, member_id: uuid.UUID) -> None:
    for action_id in session.scalars(_actions_of(member_id)).all():
        unlink_attendance(session, action_id, [member_id])
        unlink_eligible(session, action_id, [member_id])
    matched = select(Match.evidence_id).where(Match.member_id == member_id)
    of_member = or_(Evidence.member_id == member_id, Evidence.id.in_(matched))
    for some in in_parts(session.execute(evidence_rows().where(of_member)).all()):
        unlink_evidence(session, some, keep_nonces=True)
    texts = session.scalars(select(OutboxText.id).where(OutboxText.member_id == member_id)).all()
    for ids in in_parts(texts):
        empty_texts(session, ids)
    _run(session, delete(Rsvp).where(Rsvp.member_id == member_id))
    _run(session, delete(EndedLinks).where(EndedLinks.member_id == member_id))
    _run(session, delete(Visit).where(Visit.member_id == member_id))
    _run(session, delete(NewNumber).where(NewNumber.member_id == member_id))
    _run(session, delete(WrongNumber).where(WrongNumber.member_id == member_id))
    # Undoing an old import, or committing a staged one, would store the member again.
    _run(session, delete(StagedMember).where(StagedMember.member_id == member_id))


def _forget_number(session: Session, number_index: bytes) -> None:
    """Delete what was typed on a phone or at a gate as this number."""
    _run(session, delete(KnownPhone).where(KnownPhone.typed_index == number_index))
    empty_walkups(session, session.scalars(select(Walkup.id).where(Walkup.typed_index == number_index)).all())


def _forget_phone(session: Session, phone: str, *, stop_texts: bool, now: datetime) -> None:
    phone_index = blind_index("phone", phone)
    stops = stop_texts or is_opted_out(phone)
    _forget_number(session, phone_index)
    empty_texts(
        session, session.scalars(select(OutboxText.id).where(OutboxText.phone_index == phone_index)).all()
    )
    _run(session, delete(Inbound).where(Inbound.phone_index == phone_index))
    _run(session, delete(Question).where(Question.phone_index == phone_index))
    _run(session, delete(CodeRequest).where(CodeRequest.phone_index == phone_index))
    _run(session, delete(Visit).where(Visit.phone_index == phone_index))
    _run(session, delete(Suppression).where(Suppression.phone_index == phone_index))
    _run(session, delete(Consent).where(Consent.phone_index == phone_index))
    _run(session, delete(CarrierBlock).where(CarrierBlock.phone_index == phone_index))
    _run(session, delete(UnmatchedMessage).where(UnmatchedMessage.phone_index == phone_index))
    if stops:
        # By number, and only as its index: enough to refuse every later text.
        opt_out(phone, source="erased", now=now)
        _run(
            session, update(Suppression).where(Suppression.phone_index == phone_index).values(phone_enc=None)
        )


def _forget_person(session: Session, member: Member) -> None:
    """Empty the account of somebody whose roles have ended."""
    person = person_of(member)
    if person is None:
        return
    for model in _OF_AN_ACCOUNT:
        _run(session, delete(model).where(model.person_id == person.id))
    _run(session, delete(CodeRequest).where(CodeRequest.person_id == person.id))
    _forget_who_took_photos(session, person.id)
    person.name, person.phone, person.phone_index, person.member_id = "", None, None, None
    session.flush()


def _forget_who_took_photos(session: Session, person_id: uuid.UUID) -> None:
    """The photos stay until their day: they are the line's. Nothing leads from them to this person."""
    phones = session.scalars(select(LineGrant.id).where(LineGrant.person_id == person_id)).all()
    for some in in_parts(f"grant:{phone}" for phone in phones):
        _run(session, update(Photo).where(Photo.by.in_(some)).values(by=NOBODY))


def _empty(session: Session, member: Member, now: datetime) -> None:
    member.number, member.name, member.phone = None, None, None
    member.phone_index = member.file_phone_index = member.file_language = None
    member.phone_kind, member.language = PhoneKind.UNKNOWN, "en"
    member.opted_out_in_file, member.proposed_role = False, None
    member.urgent_ok_at = member.urgent_off_at = None
    member.gone_on, member.erased_at = member.gone_on or now, now
    for spans in (Membership, StatusSpan):
        running = spans.member_id == member.id, spans.to_at.is_(None)
        _run(session, update(spans).where(*running).values(to_at=now))
    session.flush()


def _run(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
