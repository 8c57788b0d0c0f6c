"""Answers that came in by text: head counts, coming or not, `HERE 48219`, and wrong numbers."""

import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, select

from mobilize.accounts.models import Person
from mobilize.actions.models import Event
from mobilize.actions.queries import event_by_text_code, old_text_code
from mobilize.checkins.models import Method, Outcome
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.head_counts import add_supporters, report_head_count, supporters_at
from mobilize.checkins.record.identifiers import Identifier
from mobilize.checkins.record.operations import check_in
from mobilize.database import atomic, db, insert
from mobilize.errors import Refused
from mobilize.languages import N_, say_in
from mobilize.phones import normalize
from mobilize.reminders.inbox.escalation import is_known_number, leave_to_person
from mobilize.reminders.inbox.lines import is_chair_of, line_counted_by, line_open_to
from mobilize.reminders.inbox.shared_phones import (
    MOST,
    ask_who_is_coming,
    ask_who_is_here,
    chosen,
    count_them,
    members_at,
)
from mobilize.reminders.inbox.where import say_where
from mobilize.reminders.inbox.wrong_numbers import take_wrong_number
from mobilize.reminders.merge_fields import merge_fields_for, place_of, written_in
from mobilize.reminders.models import Rsvp
from mobilize.reminders.rules.kinds import MEMBER_KINDS
from mobilize.roster.models import Member
from mobilize.texts.models import Inbound, Intent, Question, QuestionKind
from mobilize.texts.operations import answer, drop_texts, mark_done, mark_question_answered
from mobilize.texts.queries import unread_inbound
from mobilize.texts.receiving.inbound import language_of
from mobilize.texts.receiving.reading.codes import NUMBER_WORDS, codes_in
from mobilize.texts.receiving.reading.counts import CountRead
from mobilize.texts.receiving.replies import ASKS, WHICH, count_of, plain_words, read_reply

ROOM = "reminders"
# Words by which a text that is no bare figure still means to be one: "two dozen", "about 30", "24 or 25".
_LIKE_A_COUNT = re.compile(r"\d|\b(?:dozens?|docenas?|couple|few|pocos|" + "|".join(NUMBER_WORDS) + r")\b")
# What is said back as it was written: "45-50", "30 something".
_RANGE = re.compile(r"\b\d+ ?(?:-|–|to|a) ?\d+\b|\b\d+ (?:something|odd|y (?:pico|tant[oa]s))\b")
_SUPPORTERS = N_("supporters")
# A check-in with one of these counts for nobody yet, and waits for a person.
KEPT = (Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED, Outcome.AMBIGUOUS)
AT_ONCE = 100
SAID_AGAIN_WITHIN = timedelta(hours=12)

_log = logging.getLogger(__name__)

# Deals with a text; False leaves it to a person.
_Take = Callable[[Inbound, Question | None, datetime], bool]
_Only = Callable[[Inbound, Question | None], object]


def read_answers(now: datetime) -> int:
    """Deal with what came in for us, oldest first; returns how many. Each text once, however often it runs.

    A number from a chair is their line's head count, unless it is the code of an open line; 1 and 2 answer
    "coming?"; HERE, with a text code or where one line alone is open, is a check-in; of a phone that several
    share it is asked whose that was; WHERE asks for a line; a wrong number is taken
    off. What is left goes to a person, and whoever wrote is told who answers.
    """
    came, stumbled = _unread(now), set[UUID]()
    handle = partial(_handle, now=now, stumbled=stumbled)
    done = (
        handle(_wrong_number, Intent.WRONG_NUMBER)
        + handle(_here_by_code, Intent.NUMBER, only=_open_code)
        + handle(_head_count, Intent.NUMBER, question_kind=QuestionKind.HEAD_COUNT)
        + handle(_coming, Intent.COMING, Intent.NOT_COMING)
        + handle(_here, Intent.HERE)
        + handle(_where, Intent.WHERE)
        + sum(handle(_which, Intent.NUMBER, question_kind=kind, only=chosen) for kind in WHICH)
        + handle(_unasked_count, Intent.NUMBER, Intent.OTHER, only=_counts_unasked)
        + handle(_unclear, Intent.OTHER, question_kind=QuestionKind.HEAD_COUNT, only=_asks_again)
    )
    for inbound_id in came - stumbled:
        inbound = db.session.get(Inbound, inbound_id, populate_existing=True)
        if inbound and inbound.done_at is None:
            leave_to_person(inbound, now=now)
    return done


def unread(_now: datetime) -> Select[Any]:
    """SELECT of the texts that nobody has dealt with."""
    return select(Inbound.id).where(Inbound.done_at.is_(None), Inbound.waits_at.is_(None))


def _unread(now: datetime) -> set[UUID]:
    return set(db.session.scalars(unread(now).order_by(Inbound.received_at).limit(AT_ONCE)))


def _handle(
    take: _Take,
    *intents: Intent,
    now: datetime,
    stumbled: set[UUID],
    question_kind: str | None = None,
    only: _Only | None = None,
) -> int:
    done = 0
    for inbound, question in unread_inbound(*intents, question_kind=question_kind, limit=AT_ONCE):
        inbound_id = inbound.id
        try:
            with atomic():
                if only and not only(inbound, question):
                    continue
                if not mark_done(inbound_id, ROOM, now=now):
                    continue
                if take(inbound, question, now):
                    done += 1
                else:
                    leave_to_person(inbound, now=now)
        except Exception:
            # One that we stumble over stays unread, and does not keep back those behind it.
            stumbled.add(inbound_id)
            _log.exception("the text %s could not be dealt with", inbound_id)
    return done


def _wrong_number(inbound: Inbound, _question: Question | None, now: datetime) -> bool:
    return take_wrong_number(inbound, now=now)


def _head_count(inbound: Inbound, question: Question | None, now: datetime) -> bool:
    assert question is not None  # noqa: S101 - only answers to this kind of question come here
    event = db.session.get_one(Event, question.event_id)
    if not is_chair_of(event, inbound.phone_index, inbound.received_at):
        return False
    if _note_count(inbound, event, now):
        mark_question_answered(question.id, now=now)
    return True


def _counts_unasked(inbound: Inbound, question: Question | None) -> bool:
    """A chair whose line is open said a count, asked or not. What answers another question is none."""
    if question and question.kind in (QuestionKind.HEAD_COUNT, *WHICH):
        return False
    return line_counted_by(inbound) is not None and _count_in(inbound) is not None


def _unasked_count(inbound: Inbound, _question: Question | None, now: datetime) -> bool:
    event = line_counted_by(inbound)
    if event is None:
        return False
    inbound.intent, inbound.value = Intent.NUMBER, _count_in(inbound)
    _note_count(inbound, event, now)
    return True


def _count_in(inbound: Inbound) -> str | None:
    """The count in a chair's words, as the value of a reply."""
    reading = read_reply(inbound.body or "", QuestionKind.HEAD_COUNT)
    return reading.value if reading.intent is Intent.NUMBER else None


def _note_count(inbound: Inbound, event: Event, now: datetime) -> bool:
    """Store it and say back what was understood; False where it was refused, which is said too."""
    chair = db.session.scalar(select(Person).where(Person.phone_index == inbound.phone_index))
    language = written_in(chair.language if chair else language_of(inbound.phone_index))
    count = count_of(inbound.value or "")
    values = {"place": event.place, "count": count_words(count, inbound.body or "", language)}
    try:
        _report(inbound, event, count, by=f"person:{chair.id}" if chair else "phone", now=now)
    except Refused as refusal:
        unusual = refusal.code == "count_unusual"
        values["count"] = inbound.value or "" if not count.supporters else values["count"]
        answer(inbound, "count_unusual" if unusual else "count_unclear", values, language=language, now=now)
        return False
    answer(inbound, "count_noted", values, language=language, now=now)
    return True


def count_words(count: CountRead, written: str, language: str) -> str:
    """A count as it was understood, with what was said where that is more: "45 (45-50)"."""
    span = _RANGE.search(written)
    more = [span[0]] if span and not count.supporters else []
    more += [f"{say_in(language, _SUPPORTERS)}: {count.supporters}"] if count.supporters else []
    return f"{count.heads} ({', '.join(more)})" if more else str(count.heads)


def _report(inbound: Inbound, event: Event, count: CountRead, *, by: str, now: datetime) -> None:
    """Store the head count, and as many supporters more or fewer as there are now than were said before."""
    sure = _is_confirmed(inbound)
    report_head_count(
        event,
        count.heads,
        counted_at=inbound.received_at,
        nonce=inbound.id.bytes,
        via="text",
        by=by,
        now=now,
        sure=sure,
    )
    more = count.supporters - supporters_at(event.id) if count.supporters else 0
    if more:
        add_supporters(
            event, more, nonce=inbound.id.bytes, happened_at=inbound.received_at, by=by, now=now, sure=sure
        )


def _is_confirmed(inbound: Inbound) -> bool:
    """Whether this number said this figure before, asked or not: then we asked whether it is right."""
    before = exists().where(
        Inbound.phone_index == inbound.phone_index,
        Inbound.question_id.is_not_distinct_from(inbound.question_id),
        Inbound.received_at > inbound.received_at - SAID_AGAIN_WITHIN,
        Inbound.intent == Intent.NUMBER,
        Inbound.value == inbound.value,
        Inbound.id != inbound.id,
        Inbound.done_by == ROOM,
        Inbound.done_at < inbound.received_at,
    )
    return bool(db.session.scalar(select(before)))


def _unclear(inbound: Inbound, question: Question | None, now: datetime) -> bool:
    """Ask the chair once for plain digits; a second unclear answer is left to a person."""
    assert question is not None  # noqa: S101 - only answers to this kind of question come here
    event = db.session.get_one(Event, question.event_id)
    if not is_chair_of(event, inbound.phone_index, inbound.received_at):
        return False
    chair = db.session.scalar(select(Person).where(Person.phone_index == inbound.phone_index))
    language = written_in(chair.language if chair else language_of(inbound.phone_index))
    answer(inbound, "count_unclear", {"place": event.place}, language=language, now=now)
    return True


def _asks_again(inbound: Inbound, _question: Question | None) -> bool:
    was_asked = exists().where(
        Inbound.question_id == inbound.question_id,
        Inbound.intent == Intent.OTHER,
        Inbound.done_by == ROOM,
    )
    like_a_count = bool(_LIKE_A_COUNT.search(plain_words(inbound.body or "")))
    return like_a_count and not db.session.scalar(select(was_asked))


def _coming(inbound: Inbound, question: Question | None, now: datetime) -> bool:
    """Store the answer; a phone that several share is asked which of them it was. One that asks something too
    waits for a person as well, and gets the line that says for whom, if there is none within the day."""
    if question is None:
        return False
    event, coming = db.session.get_one(Event, question.event_id), inbound.intent is Intent.COMING
    members = members_at(event.id, inbound.phone_index)
    is_shared = 2 <= len(members) <= MOST
    mark_question_answered(question.id, now=now)
    if is_shared:
        ask_who_is_coming(inbound, event, members, coming=coming, now=now)
    if inbound.value == ASKS:  # a text is answered once: by what is queued first
        leave_to_person(inbound, now=now)
    if not is_shared:
        _note_coming(inbound, event, members, coming=coming, now=now)
    return True


def _which(inbound: Inbound, question: Question | None, now: datetime) -> bool:
    """Store which of those who share the phone the answer was about."""
    assert question is not None  # noqa: S101 - only answers to this kind of question come here
    event, members = db.session.get_one(Event, question.event_id), chosen(inbound, question)
    mark_question_answered(question.id, now=now)
    if question.kind == QuestionKind.WHO_IS_HERE:
        wording = "here_counted" if count_them(inbound, question, members, now) else "here_kept"
        language = written_in(language_of(inbound.phone_index))
        answer(inbound, wording, {"place": place_of(event)}, language=language, now=now)
    else:
        coming = question.kind == QuestionKind.WHO_COMES
        _note_coming(inbound, event, members, coming=coming, now=now)
    return True


def _note_coming(
    inbound: Inbound, event: Event, members: Sequence[Member], *, coming: bool, now: datetime
) -> None:
    store_coming(inbound, event, members, coming=coming)
    if not coming:
        drop_reminders(event.id, inbound, now)
    language = written_in(language_of(inbound.phone_index))
    wording = "coming_noted" if coming else "not_coming_noted"
    answer(inbound, wording, merge_fields_for(event, language), language=language, now=now)


def store_coming(inbound: Inbound, event: Event, members: Sequence[Member], *, coming: bool) -> None:
    """The answer of each of these members, as of when the text came in; one that came later stays."""
    for member in members:
        row = insert(Rsvp).values(
            event_id=event.id, member_id=member.id, coming=coming, at=inbound.received_at
        )
        db.session.execute(
            row.on_conflict_do_update(
                index_elements=["event_id", "member_id"],
                set_={"coming": row.excluded.coming, "at": row.excluded.at},
                where=Rsvp.at <= row.excluded.at,
            )
        )


def drop_reminders(event_id: UUID, inbound: Inbound, now: datetime) -> None:
    """Drop the reminders that wait for this phone, if nobody it belongs to comes."""
    out = select(Rsvp.member_id).where(Rsvp.event_id == event_id, Rsvp.coming.is_(False))
    staying_away = set(db.session.scalars(out))
    if not {member.id for member in members_at(event_id, inbound.phone_index)} <= staying_away:
        return
    for kind in MEMBER_KINDS:
        drop_texts(
            f"{kind}:{event_id}:", "not_coming", now=now, phones=[inbound.sender or ""], event_id=event_id
        )


def _open_code(inbound: Inbound, _question: Question | None) -> str | None:
    """The code of a line that opens now, where the number is one."""
    code = (inbound.value or "").zfill(5)
    is_code = codes_in(plain_words(inbound.body or "")) == {code}
    return code if is_code and line_of_code(code, inbound.received_at)[0] else None


def _here_by_code(inbound: Inbound, question: Question | None, now: datetime) -> bool:
    inbound.intent, inbound.value = Intent.HERE, _open_code(inbound, question)
    return _here(inbound, question, now)


def _here(inbound: Inbound, _question: Question | None, now: datetime) -> bool:
    """A stranger's text is stored like anybody's, and stands among the unknown numbers: answers go only to
    numbers of the roster or of people."""
    phone = normalize(inbound.sender or "").phone
    if phone is None:
        return False
    is_known, language = is_known_number(inbound.phone_index), written_in(language_of(inbound.phone_index))
    if not inbound.value:
        event, old = line_open_to(inbound.phone_index, inbound.received_at), False
    else:
        event, old = line_of_code(inbound.value, inbound.received_at)
    if event is None:
        wording, values = ("here_unknown", {"code": inbound.value}) if inbound.value else ("here_which", {})
        return is_known and answer(inbound, wording, values, language=language, now=now)
    outcome = check_in_sender(inbound, event, phone, nonce=inbound.id.bytes, needs_review=old, now=now)
    if outcome is Outcome.AMBIGUOUS and ask_who_is_here(inbound, event, now=now):
        return True
    if is_known:
        wording = "here_old_code" if old else "here_kept" if outcome in KEPT else "here_counted"
        answer(inbound, wording, {"place": place_of(event)}, language=language, now=now)
    return is_known


def check_in_sender(
    inbound: Inbound, event: Event, phone: str, *, nonce: bytes, needs_review: bool, now: datetime
) -> Outcome:
    """Check in whoever has the phone that wrote, as of when their text came in."""
    request = CheckInRequest(
        event_id=event.id,
        nonce=nonce,
        body=b"text " + inbound.sid.encode(),
        method=Method.TEXT,
        happened_at=inbound.received_at,
        typed=Identifier("phone", phone),
        needs_review=needs_review,
    )
    return check_in(request, now=now).outcome


def _where(inbound: Inbound, _question: Question | None, now: datetime) -> bool:
    return say_where(inbound, now=now)


def line_of_code(code: str, at: datetime) -> tuple[Event | None, bool]:
    """The event with these digits; True with one whose digits leaked and were replaced before this text."""
    event = event_by_text_code(code, at)
    if event is not None:
        return event, False
    replaced = old_text_code(code, at)
    return (replaced[0], at >= replaced[1]) if replaced else (None, False)
