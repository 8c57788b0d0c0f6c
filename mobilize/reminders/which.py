"""A phone that several members share: asking them by text which of them it was, and what is answered."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select

from mobilize.actions.models import Event, EventChapter
from mobilize.checkins.decision import Proof
from mobilize.checkins.matching import settle_shared
from mobilize.checkins.models import Evidence, Method, Outcome, Void, Walkup
from mobilize.checkins.operations import check_in
from mobilize.crypto import blind_index, fingerprint
from mobilize.database import db
from mobilize.reminders.blanks import blanks_for, place_of, written_in
from mobilize.roster.models import Member, Membership, Rank
from mobilize.roster.names import PersonName
from mobilize.texts.inbound import language_of
from mobilize.texts.models import Inbound, Priority, Question, QuestionKind, TextClass
from mobilize.texts.operations import PlannedText, answer, queue_texts

# More names than these do not fit into a text: then the phone speaks for all of them, or a person looks.
MOST = 4
ANSWERS_WITHIN = timedelta(minutes=10)
_ALL = {"en": "all of us", "es": "todos"}


def members_at(event_id: uuid.UUID, phone_bix: bytes) -> Sequence[Member]:
    """Who has this phone and belongs to a chapter of the event, always in the same order."""
    return _members(
        phone_bix,
        Member.id.in_(
            select(Membership.member_id)
            .join(EventChapter, EventChapter.site_id == Membership.site_id)
            .where(EventChapter.event_id == event_id, EventChapter.gone_at.is_(None))
            .where(Membership.rank == Rank.HOME, Membership.to_at.is_(None))
        ),
    )


def ask_who_is_coming(
    inbound: Inbound, event: Event, members: Sequence[Member], *, coming: bool, now: datetime
) -> None:
    """ "1" or "2" came from a phone of several members: who of them is, or is not, coming?"""
    language = written_in(language_of(inbound.phone_bix))
    kind = QuestionKind.WHO_COMES if coming else QuestionKind.WHO_DOES_NOT
    blanks = {**blanks_for(event, language), "choices": _choices(members, language)}
    asks = (kind, event.id, event.starts_at)
    answer(inbound, kind.value, blanks, language=language, now=now, asks=asks)


def ask_who_is_here(inbound: Inbound, event: Event, *, now: datetime) -> bool:
    """HERE came from such a phone. False: too many share it to be asked."""
    text = _who_is_here(event, inbound.phone_bix, inbound.sender or "")
    if text is None:
        return False
    answer(inbound, text.wording, text.blanks, language=text.language, now=now, asks=_asks(event))
    return True


def ask_who_checked_in(now: datetime) -> int:
    """The same of those who checked in on a page, which asks nothing; returns how many texts are new.

    Each phone is asked once about an event, and within ten minutes or not at all: it answers her own deed.
    """
    found = db.session.execute(
        select(Evidence.event_id, Evidence.recorded_at, Walkup)
        .join(Walkup, Walkup.id == Evidence.walkup_id)
        .outerjoin(Void)
        .where(Void.evidence_id.is_(None))  # a slip that was taken back asks nobody
        .where(Evidence.outcome == Outcome.AMBIGUOUS, Evidence.recorded_at > now - ANSWERS_WITHIN)
        .where(Evidence.method != Method.TEXT, Walkup.kind == "phone", Walkup.typed_enc.is_not(None))
    ).all()
    texts = []
    for event_id, recorded_at, walkup in found:
        event = db.session.get_one(Event, event_id)
        text = _who_is_here(event, blind_index("phone", walkup.typed), walkup.typed, asked_at=recorded_at)
        texts += [text] if text else []
    return queue_texts(texts, now=now)


def chosen(inbound: Inbound, question: Question | None) -> Sequence[Member]:
    """Whom the answer names: one of those who were offered, or all; nobody when it fits none."""
    if question is None:
        return []
    here = question.kind == QuestionKind.WHO_IS_HERE
    offered = _members(inbound.phone_bix) if here else members_at(question.event_id, inbound.phone_bix)
    if inbound.value == "all":
        return offered
    n = int(inbound.value or 0)
    return offered if n == len(offered) + 1 else offered[n - 1 : n] if n else []


def count_them(inbound: Inbound, question: Question, members: Sequence[Member], now: datetime) -> bool:
    """Check in those who say they are here, as of the moment at which they were asked. True: all count."""
    outcomes = [
        check_in(
            Proof(
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
        settle_shared(question.event_id, inbound.phone_bix, members[0].id, now=now)
    return all_count


def _who_is_here(
    event: Event, phone_bix: bytes, phone: str, asked_at: datetime | None = None
) -> PlannedText | None:
    members, language = _members(phone_bix), written_in(language_of(phone_bix))
    if not 2 <= len(members) <= MOST:
        return None
    kind, _event_id, until = _asks(event)
    asked_at = asked_at or event.starts_at
    return PlannedText(
        purpose=f"{kind.value}:{event.id}:1",
        phone=phone,
        wording=kind.value,
        language=language,
        klass=TextClass.ASKED,
        tz=event.tz,
        due_at=asked_at,
        useless_after=asked_at + ANSWERS_WITHIN,
        priority=Priority.REPLY,
        blanks={"place": place_of(event), "choices": _choices(members, language)},
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
    told = [f"{n} {name}" for n, name in enumerate(called, 1)]
    return ", ".join([*told, f"{len(told) + 1} {_ALL[language]}"])


def _members(phone_bix: bytes, *which: ColumnElement[bool]) -> Sequence[Member]:
    hers = select(Member).where(Member.phone_bix == phone_bix, Member.gone_on.is_(None), *which)
    return db.session.scalars(hers.order_by(Member.id)).all()
