"""Phones that several members share: the question by text which of them it was, and its answer."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from mobilize.actions.models import Event, EventChapter
from mobilize.checkins.models import Evidence, Method, Outcome, Void, Walkup
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.operations import check_in
from mobilize.checkins.review.resolutions import settle_shared
from mobilize.database import db, first_id_at
from mobilize.keys.crypto import blind_index, fingerprint
from mobilize.languages import N_, say_in
from mobilize.reminders.merge_fields import merge_fields_for, place_of, written_in
from mobilize.roster.models import Member, Membership, MembershipRank
from mobilize.roster.names import PersonName
from mobilize.texts.models import Inbound, Priority, Question, QuestionKind, TextClass
from mobilize.texts.operations import PlannedText, answer, queue_texts
from mobilize.texts.receiving.inbound import language_of

# More names than these do not fit into a text: then the phone speaks for all of them, or a person looks.
MOST = 4
ANSWERS_WITHIN = timedelta(minutes=10)
LATELY = timedelta(seconds=30)
_ALL = N_("all of us")


def members_at(event_id: uuid.UUID, phone_index: bytes) -> Sequence[Member]:
    """The members with this phone in a chapter of the event, always in the same order."""
    return _members(
        phone_index,
        Member.id.in_(
            select(Membership.member_id)
            .join(EventChapter, EventChapter.site_id == Membership.site_id)
            .where(EventChapter.event_id == event_id, EventChapter.gone_at.is_(None))
            .where(Membership.rank == MembershipRank.HOME, Membership.to_at.is_(None))
        ),
    )


def ask_who_is_coming(
    inbound: Inbound, event: Event, members: Sequence[Member], *, coming: bool, now: datetime
) -> None:
    """Ask a phone of several members, which sent "1" or "2", who of them is, or is not, coming."""
    language = written_in(language_of(inbound.phone_index))
    kind = QuestionKind.WHO_COMES if coming else QuestionKind.WHO_DOES_NOT
    merge_fields = {**merge_fields_for(event, language), "choices": _choices(members, language)}
    asks = (kind, event.id, event.starts_at)
    answer(inbound, kind.value, merge_fields, language=language, now=now, asks=asks)


def ask_who_is_here(inbound: Inbound, event: Event, *, now: datetime) -> bool:
    """Ask a shared phone that texted HERE who it was. False: too many share it to be asked."""
    text = _who_is_here(event, inbound.phone_index, inbound.sender or "")
    if text is None:
        return False
    answer(inbound, text.wording, text.merge_fields, language=text.language, now=now, asks=_asks(event))
    return True


def ask_who_checked_in(now: datetime) -> int:
    """Ask shared phones that checked in on a page, which asks nothing, who it was; returns how many are new.

    Each phone is asked once about an event, and within ten minutes of the check-in or not at all.
    """
    texts = []
    for event_id, recorded_at, walkup in db.session.execute(_checked_in_since(now - ANSWERS_WITHIN)).all():
        event = db.session.get_one(Event, event_id)
        text = _who_is_here(event, blind_index("phone", walkup.typed), walkup.typed, asked_at=recorded_at)
        texts += [text] if text else []
    return queue_texts(texts, now=now)


def checked_in_lately(now: datetime) -> Select[Any]:
    """SELECT of the check-ins of shared phones in the last half minute."""
    return _checked_in_since(now - LATELY).with_only_columns(Evidence.id)


def _checked_in_since(since: datetime) -> Select[uuid.UUID, datetime, Walkup]:
    # Ids carry their time, and the index of ids is at hand; a slow transaction's is a little older.
    behind = first_id_at(since - LATELY)
    return (
        select(Evidence.event_id, Evidence.recorded_at, Walkup)
        .join(Walkup, Walkup.id == Evidence.walkup_id)
        .outerjoin(Void)
        .where(Void.evidence_id.is_(None))  # a slip that was taken back asks nobody
        .where(Evidence.id > behind, Evidence.recorded_at > since, Evidence.outcome == Outcome.AMBIGUOUS)
        .where(Evidence.method != Method.TEXT, Walkup.kind == "phone", Walkup.typed_enc.is_not(None))
    )


def chosen(inbound: Inbound, question: Question | None) -> Sequence[Member]:
    """The members the answer names: one of those offered, or all; nobody when it fits none."""
    if question is None:
        return []
    here = question.kind == QuestionKind.WHO_IS_HERE
    offered = _members(inbound.phone_index) if here else members_at(question.event_id, inbound.phone_index)
    if inbound.value == "all":
        return offered
    n = int(inbound.value or 0)
    return offered if n == len(offered) + 1 else offered[n - 1 : n] if n else []


def count_them(inbound: Inbound, question: Question, members: Sequence[Member], now: datetime) -> bool:
    """Check in those who say they are here, as of the moment at which they were asked. True: all count."""
    outcomes = [
        check_in(
            CheckInRequest(
                event_id=question.event_id,
                nonce=fingerprint(inbound.id.bytes + member.id.bytes)[:16],
                body=b"which " + inbound.sid.encode(),
                method=Method.TEXT,
                happened_at=min(question.asked_at, inbound.received_at),
                member_id=member.id,
            ),
            now=now,
        ).outcome
        for member in members
    ]
    all_count = not {Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED} & set(outcomes)
    if members and all_count:
        settle_shared(question.event_id, inbound.phone_index, members[0].id, now=now)
    return all_count


def _who_is_here(
    event: Event, phone_index: bytes, phone: str, asked_at: datetime | None = None
) -> PlannedText | None:
    members, language = _members(phone_index), written_in(language_of(phone_index))
    if not 2 <= len(members) <= MOST:
        return None
    kind, _event_id, until = _asks(event)
    asked_at = asked_at or event.starts_at
    return PlannedText(
        purpose=f"{kind.value}:{event.id}:1",
        phone=phone,
        wording=kind.value,
        language=language,
        text_class=TextClass.REQUESTED,
        tz=event.tz,
        due_at=asked_at,
        expires_at=asked_at + ANSWERS_WITHIN,
        priority=Priority.REPLY,
        merge_fields={"place": place_of(event), "choices": _choices(members, language)},
        event_id=event.id,
        asks=kind,
        asks_until=until,
    )


def _asks(event: Event) -> tuple[QuestionKind, uuid.UUID, datetime]:
    until = event.ends_at + timedelta(minutes=event.action.close_after_minutes)
    return QuestionKind.WHO_IS_HERE, event.id, until


def _choices(members: Sequence[Member], language: str) -> str:
    """ "1 Ana, 2 Luis, 3 all of us"."""
    names = [PersonName.read(member.name) for member in members]
    called = [(name.preferred or name.first)[:20] for name in names]
    if len(set(called)) < len(called):
        called = [name.short[:24] for name in names]
    choices = [f"{n} {name}" for n, name in enumerate(called, 1)]
    return ", ".join([*choices, f"{len(choices) + 1} {say_in(language, _ALL)}"])


def _members(phone_index: bytes, *conditions: ColumnElement[bool]) -> Sequence[Member]:
    query = select(Member).where(Member.phone_index == phone_index, Member.gone_on.is_(None), *conditions)
    return db.session.scalars(query.order_by(Member.id)).all()
