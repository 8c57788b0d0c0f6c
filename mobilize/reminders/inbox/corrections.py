"""Corrections of how a text was read: what the first reading did is taken back, and the right one is done.

A stop is the exception: an organizer may add one, but only the member's own START lifts one.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, delete, select, update

from mobilize import audit
from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Event, EventChapter, EventState
from mobilize.checkins.models import Evidence, HeadCount, Method, Outcome, Supporters, Void
from mobilize.checkins.record.head_counts import add_supporters, report_head_count, supporters_at
from mobilize.checkins.record.operations import void
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import fingerprint
from mobilize.languages import _
from mobilize.phones import normalize
from mobilize.reminders.inbox.answers import check_in_sender, drop_reminders, line_of_code, store_coming
from mobilize.reminders.inbox.lines import are_chairs_of, line_open_to, lines_counted_by
from mobilize.reminders.inbox.shared_phones import members_at
from mobilize.reminders.inbox.wrong_numbers import holds_role, is_shared, list_wrong_number
from mobilize.reminders.models import Rsvp
from mobilize.roster.models import Member, Membership
from mobilize.texts.models import Inbound, Intent, Question, QuestionKind
from mobilize.texts.operations import opt_out
from mobilize.texts.receiving.reading.codes import codes_in
from mobilize.texts.receiving.reading.counts import read_count
from mobilize.texts.receiving.replies import STOPS, count_value, plain_words


class Reading(StrEnum):
    """What a person may say that a text means."""

    COMING = "coming"
    NOT_COMING = "not_coming"
    HERE = "here"
    COUNT = "count"
    EMERGENCY = "emergency"
    NOTHING = "nothing"
    WRONG_NUMBER = "wrong_number"
    STOP = "stop"


_INTENTS = {
    Reading.COMING: Intent.COMING,
    Reading.NOT_COMING: Intent.NOT_COMING,
    Reading.HERE: Intent.HERE,
    Reading.COUNT: Intent.NUMBER,
    Reading.EMERGENCY: Intent.ALARM,
    Reading.NOTHING: Intent.OTHER,
    Reading.WRONG_NUMBER: Intent.WRONG_NUMBER,
    Reading.STOP: Intent.OUT,
}


def readings_offered(inbounds: Sequence[Inbound], scope: Scope) -> dict[uuid.UUID, list[Reading]]:
    """The readings that somebody with this scope may choose for each text, other than the one it has."""
    lines = _counted_lines(inbounds)
    return {inbound.id: _offered(inbound, scope, counts=inbound.id in lines) for inbound in inbounds}


def _offered(inbound: Inbound, scope: Scope, *, counts: bool) -> list[Reading]:
    """What a wrong number has done stays: the office alone gives it back."""
    was_taken_off = inbound.intent is Intent.WRONG_NUMBER and inbound.done_at is not None
    offered = [Reading.EMERGENCY]
    if inbound.intent is not Intent.OUT and not was_taken_off:
        count = [Reading.COUNT] if counts else []
        answers = [Reading.COMING, Reading.NOT_COMING, Reading.HERE, *count]
        offered = [*answers, Reading.EMERGENCY, Reading.NOTHING]
    if scope.is_organizer:
        offered += [Reading.WRONG_NUMBER, Reading.STOP]
    return [one for one in offered if _INTENTS[one] is not inbound.intent]


def correct_reading(inbound: Inbound, reading: Reading, *, scope: Scope, actor: str, now: datetime) -> None:
    """Take back what the first reading did, and do what this one says, as of when the text came in. An
    emergency is open again and reaches whoever is on duty; anything else is done. Repeated, nothing changes.

    Raises `Refused`: not_offered (whatever would lift a stop), no_event, shared_phone, no_count, has_role,
    no_number, and what a head count is refused for.
    """
    if _INTENTS[reading] is inbound.intent and inbound.corrected_by:
        return
    if reading not in readings_offered([inbound], scope)[inbound.id]:
        raise Refused("not_offered", _("This reading cannot be chosen here. Only START undoes a STOP."))
    with atomic() as session:
        session.refresh(inbound, with_for_update=True)
        if inbound.intent is not Intent.OUT:
            _take_back(inbound, actor, now)
        match reading:
            case Reading.COMING | Reading.NOT_COMING:
                _coming(inbound, now, coming=reading is Reading.COMING)
            case Reading.HERE:
                _here(inbound, now)
            case Reading.COUNT:
                _count(inbound, actor, now)
            case Reading.WRONG_NUMBER:
                _wrong_number(inbound, actor, now)
            case Reading.STOP:
                opt_out(inbound.sender or "", source="person", now=now)
            case _:
                inbound.value = STOPS if inbound.intent is Intent.OUT else None
        inbound.intent, inbound.corrected_by = _INTENTS[reading], actor
        is_alarm = reading is Reading.EMERGENCY
        inbound.done_at, inbound.done_by = (None, None) if is_alarm else (now, actor)
        inbound.waits_at = inbound.waits_at or now
        audit.note(actor, f"inbox.read.{reading}", inbound.id, now=now)
        session.flush()


def _take_back(inbound: Inbound, actor: str, now: datetime) -> None:
    """An answer that came from this very text, a check-in, and a count that did."""
    session = db.session
    if inbound.intent is Intent.HERE:
        for evidence_id in session.scalars(_check_ins(inbound)).all():
            void(evidence_id, "the text meant something else", actor=actor, now=now)
    if inbound.intent in (Intent.COMING, Intent.NOT_COMING):
        members = select(Member.id).where(Member.phone_index == inbound.phone_index)
        answers = delete(Rsvp).where(Rsvp.member_id.in_(members), Rsvp.at == inbound.received_at)
        session.execute(answers.execution_options(synchronize_session=False))
    for counted in (HeadCount, Supporters):
        of_text = counted.nonce == inbound.id.bytes, counted.voided_at.is_(None)
        taken_back = update(counted).where(*of_text).values(voided_at=now, settled_at=now)
        session.execute(taken_back.execution_options(synchronize_session=False))


def _coming(inbound: Inbound, now: datetime, *, coming: bool) -> None:
    event = _event_asked_about(inbound)
    members = members_at(event.id, inbound.phone_index) if event else []
    if event is None or not members:
        raise Refused("no_event", _("No event of theirs was open when they wrote this."))
    if len(members) > 1:
        raise Refused("shared_phone", _("Several members share this phone. Ask whose answer it was."))
    store_coming(inbound, event, members, coming=coming)
    if not coming:
        drop_reminders(event.id, inbound, now)


def _check_ins(inbound: Inbound) -> Select[uuid.UUID]:
    """SELECT of the check-ins that stand and that came from this very text."""
    members = select(Member.id).where(Member.phone_index == inbound.phone_index)
    return (
        select(Evidence.id)
        .outerjoin(Void)
        .where(Evidence.member_id.in_(members), Evidence.method == Method.TEXT, Void.evidence_id.is_(None))
        .where(Evidence.happened_at == inbound.received_at)
    )


def _here(inbound: Inbound, now: datetime) -> None:
    """Check in whoever wrote, at the line whose digits stand in the words, else at the one open to them."""
    phone, at = normalize(inbound.sender or "").phone, inbound.received_at
    codes = sorted(codes_in(plain_words(inbound.body or "")))
    named = [line for code in codes if (line := line_of_code(code, at))[0] is not None]
    event, is_old = named[0] if named else (line_open_to(inbound.phone_index, at), False)
    if event is None or phone is None:
        raise Refused("no_event", _("No line of theirs was open when they wrote this."))
    nonce = fingerprint(inbound.id.bytes + now.isoformat().encode())[:16]
    outcome = check_in_sender(inbound, event, phone, nonce=nonce, needs_review=is_old, now=now)
    if outcome is Outcome.AMBIGUOUS:
        raise Refused("shared_phone", _("Several members share this phone. Ask whose answer it was."))
    inbound.value = event.text_code


def _wrong_number(inbound: Inbound, actor: str, now: datetime) -> None:
    """As a stop from the office, and the number is off the roster. Of somebody with a role, and of several
    members, it stays."""
    if holds_role(inbound.phone_index, now):
        raise Refused("has_role", _("Somebody with a role has this number. Call, and correct the number."))
    if is_shared(inbound.phone_index):
        raise Refused("shared_phone", _("Several members share this phone. Ask whose answer it was."))
    opt_out(inbound.sender or "", source="person", now=now)
    if not list_wrong_number(inbound, by=actor, now=now):
        raise Refused("no_number", _("No member has this number."))
    inbound.value = None


def _event_asked_about(inbound: Inbound) -> Event | None:
    """The event they were asked about when they wrote; else the next one of their chapter."""
    by_question = (
        select(Event)
        .join(Question, Question.event_id == Event.id)
        .where(Question.phone_index == inbound.phone_index, Question.kind == QuestionKind.COMING)
        .where(Question.asked_at <= inbound.received_at, Question.expires_at > inbound.received_at)
        .order_by(Question.asked_at.desc())
    )
    by_chapter = (
        select(Event)
        .join(EventChapter, EventChapter.event_id == Event.id)
        .join(Membership, Membership.site_id == EventChapter.site_id)
        .join(Member, Member.id == Membership.member_id)
        .where(Member.phone_index == inbound.phone_index, Membership.to_at.is_(None))
        .where(EventChapter.gone_at.is_(None), Event.ends_at > inbound.received_at)
        .where(Event.state == EventState.PLANNED)
        .order_by(Event.starts_at)
    )
    return db.session.scalar(by_question.limit(1)) or db.session.scalar(by_chapter.limit(1))


def _counted_lines(inbounds: Sequence[Inbound]) -> dict[uuid.UUID, Event]:
    """The line each text was asked about, or that is open; not for whoever is no chair of it."""
    question_ids = {inbound.question_id for inbound in inbounds}
    about_count = Question.id.in_(question_ids), Question.kind == QuestionKind.HEAD_COUNT
    query = select(Question.id, Event).join(Event, Event.id == Question.event_id).where(*about_count)
    asked_about: dict[uuid.UUID | None, Event] = dict(db.session.execute(query).all())
    answers = [inbound for inbound in inbounds if inbound.question_id in asked_about]
    pairs = [(asked_about[one.question_id], one.phone_index, one.received_at) for one in answers]
    lines = lines_counted_by([inbound for inbound in inbounds if inbound.question_id not in asked_about])
    chairs = zip(answers, pairs, are_chairs_of(pairs), strict=True)
    return lines | {inbound.id: event for inbound, (event, _, _), is_chair in chairs if is_chair}


def _count(inbound: Inbound, actor: str, now: datetime) -> None:
    """The figure in the words; one that this text brought before and that was taken back counts again."""
    count, event = read_count(inbound.body or ""), _counted_lines([inbound]).get(inbound.id)
    if event is None or count is None:
        raise Refused("no_count", _("There is no number in it. Report the head count on the event's page."))
    inbound.value = count_value(count)
    if _count_again(inbound):
        return
    at, who = inbound.received_at, {"nonce": inbound.id.bytes, "by": actor, "now": now, "sure": True}
    report_head_count(event, count.heads, counted_at=at, via="text", **who)  # type: ignore[arg-type]
    if count.supporters:
        more = count.supporters - supporters_at(event.id)
        add_supporters(event, more, happened_at=at, **who)  # type: ignore[arg-type]


def _count_again(inbound: Inbound) -> bool:
    done = 0
    for counted in (HeadCount, Supporters):
        again = (
            update(counted).where(counted.nonce == inbound.id.bytes).values(voided_at=None, settled_at=None)
        )
        result = db.session.execute(again.execution_options(synchronize_session=False))
        done += result.rowcount  # type: ignore[attr-defined]
    return done > 0
