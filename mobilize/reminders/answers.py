"""Reading what people text back: head counts, coming or not, and `HERE 48219`."""

import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select

from mobilize.accounts.models import Person
from mobilize.actions.models import Event
from mobilize.actions.queries import event_by_text_code, old_text_code
from mobilize.checkins.counts import report_head_count
from mobilize.checkins.decision import Proof
from mobilize.checkins.models import Method, Outcome
from mobilize.checkins.operations import check_in
from mobilize.checkins.typed import Typed
from mobilize.database import atomic, db, insert
from mobilize.errors import Refused
from mobilize.phones import normalize
from mobilize.reminders.blanks import blanks_for, place_of, written_in
from mobilize.reminders.models import TO_MEMBERS, Coming
from mobilize.reminders.which import (
    MOST,
    ask_who_is_coming,
    ask_who_is_here,
    chosen,
    count_them,
    members_at,
)
from mobilize.roster.models import Member
from mobilize.texts.inbound import language_of
from mobilize.texts.models import Inbound, Intent, Question, QuestionKind
from mobilize.texts.operations import answer, drop_texts, mark_done
from mobilize.texts.queries import unread_inbound
from mobilize.texts.questions import mark_question_answered
from mobilize.texts.replies import NUMBER_WORDS, WHICH, plain_words

ROOM = "reminders"
# Words by which a text that is no bare figure still means to be one: "two dozen", "about 30", "24 or 25".
_LIKE_A_COUNT = re.compile(r"\d|\b(?:dozens?|docenas?|couple|few|pocos|" + "|".join(NUMBER_WORDS) + r")\b")

_log = logging.getLogger(__name__)

_Take = Callable[[Inbound, Question | None, datetime], None]
_Only = Callable[[Inbound, Question | None], object]


def read_answers(now: datetime) -> int:
    """Deal with what came in for us, oldest first; returns how many. Each text once, however often this runs.

    A number from a chair who was asked is her line's head count; 1 and 2 answer "coming?"; HERE with a text
    code is a check-in; of a phone that several share it is asked whose that was. What means nothing to us
    stays unread, for a person.
    """
    return (
        _deal_with(_head_count, now, Intent.NUMBER, question_kind=QuestionKind.HEAD_COUNT)
        + _deal_with(_coming, now, Intent.COMING, Intent.NOT_COMING)
        + _deal_with(_here, now, Intent.HERE)
        + sum(_deal_with(_which, now, Intent.NUMBER, question_kind=kind, only=chosen) for kind in WHICH)
        + _deal_with(_unclear, now, Intent.OTHER, question_kind=QuestionKind.HEAD_COUNT, only=_asks_again)
    )


def _deal_with(
    take: _Take, now: datetime, *intents: Intent, question_kind: str | None = None, only: _Only | None = None
) -> int:
    done = 0
    for inbound, question in unread_inbound(*intents, question_kind=question_kind):
        inbound_id = inbound.id
        try:
            with atomic():
                if only and not only(inbound, question):
                    continue
                if mark_done(inbound_id, ROOM, now=now):
                    take(inbound, question, now)
                    done += 1
        except Exception:
            # One that we stumble over stays unread, and does not keep back those behind it.
            _log.exception("the text %s could not be dealt with", inbound_id)
    return done


def _head_count(inbound: Inbound, question: Question | None, now: datetime) -> None:
    assert question is not None  # noqa: S101 - only answers to this kind of question come here
    event = db.session.get_one(Event, question.event_id)
    chair = db.session.scalar(select(Person).where(Person.phone_bix == inbound.phone_bix))
    language = written_in(chair.language if chair else language_of(inbound.phone_bix))
    try:
        report_head_count(
            event,
            int(inbound.value or ""),
            counted_at=inbound.received_at,
            nonce=inbound.id.bytes,
            via="text",
            by=f"person:{chair.id}" if chair else "phone",
            now=now,
            sure=_said_again(inbound),
        )
    except Refused as refusal:
        blanks = {"place": event.place, "count": inbound.value or ""}
        wording = "count_unusual" if refusal.code == "count_unusual" else "count_unclear"
        answer(inbound, wording, blanks, language=language, now=now)
        return
    mark_question_answered(question.id, now=now)
    blanks = {"count": inbound.value or "", "place": event.place}
    answer(inbound, "count_noted", blanks, language=language, now=now)


def _said_again(inbound: Inbound) -> bool:
    """The same number answered the same question before, and was dealt with: we asked whether it is right."""
    before = exists().where(
        Inbound.question_id == inbound.question_id,
        Inbound.intent == Intent.NUMBER,
        Inbound.value == inbound.value,
        Inbound.id != inbound.id,
        Inbound.done_by == ROOM,
        Inbound.done_at < inbound.received_at,
    )
    return bool(db.session.scalar(select(before)))


def _unclear(inbound: Inbound, question: Question | None, now: datetime) -> None:
    """Ask her once for plain digits; what she writes then, if it is unclear again, is left to a person."""
    assert question is not None  # noqa: S101 - only answers to this kind of question come here
    event = db.session.get_one(Event, question.event_id)
    chair = db.session.scalar(select(Person).where(Person.phone_bix == inbound.phone_bix))
    language = written_in(chair.language if chair else language_of(inbound.phone_bix))
    answer(inbound, "count_unclear", {"place": event.place}, language=language, now=now)


def _asks_again(inbound: Inbound, _question: Question | None) -> bool:
    asked_before = exists().where(
        Inbound.question_id == inbound.question_id,
        Inbound.intent == Intent.OTHER,
        Inbound.done_by == ROOM,
    )
    like_a_count = bool(_LIKE_A_COUNT.search(plain_words(inbound.body or "")))
    return like_a_count and not db.session.scalar(select(asked_before))


def _coming(inbound: Inbound, question: Question | None, now: datetime) -> None:
    """Of a phone that several share it is asked which of them."""
    if question is None:
        return
    event, coming = db.session.get_one(Event, question.event_id), inbound.intent is Intent.COMING
    members = members_at(event.id, inbound.phone_bix)
    mark_question_answered(question.id, now=now)
    if 2 <= len(members) <= MOST:
        ask_who_is_coming(inbound, event, members, coming=coming, now=now)
    else:
        _note_coming(inbound, event, members, coming=coming, now=now)


def _which(inbound: Inbound, question: Question | None, now: datetime) -> None:
    """Whom of those who share the phone it was about."""
    assert question is not None  # noqa: S101 - only answers to this kind of question come here
    event, members = db.session.get_one(Event, question.event_id), chosen(inbound, question)
    mark_question_answered(question.id, now=now)
    if question.kind == QuestionKind.WHO_IS_HERE:
        wording = "here_counted" if count_them(inbound, question, members, now) else "here_kept"
        language = written_in(language_of(inbound.phone_bix))
        answer(inbound, wording, {"place": place_of(event)}, language=language, now=now)
    else:
        coming = question.kind == QuestionKind.WHO_COMES
        _note_coming(inbound, event, members, coming=coming, now=now)


def _note_coming(
    inbound: Inbound, event: Event, members: Sequence[Member], *, coming: bool, now: datetime
) -> None:
    for member in members:
        row = insert(Coming).values(
            event_id=event.id, member_id=member.id, coming=coming, at=inbound.received_at
        )
        db.session.execute(
            row.on_conflict_do_update(
                index_elements=["event_id", "member_id"],
                set_={"coming": row.excluded.coming, "at": row.excluded.at},
                where=Coming.at <= row.excluded.at,
            )
        )
    if not coming:
        _spare_her(event.id, inbound, now)
    language = written_in(language_of(inbound.phone_bix))
    wording = "coming_noted" if coming else "not_coming_noted"
    answer(inbound, wording, blanks_for(event, language), language=language, now=now)


def _spare_her(event_id: UUID, inbound: Inbound, now: datetime) -> None:
    """What waits to remind this phone of the event is not wanted any more, if nobody it belongs to comes."""
    out = select(Coming.member_id).where(Coming.event_id == event_id, Coming.coming.is_(False))
    staying_away = set(db.session.scalars(out))
    if not {member.id for member in members_at(event_id, inbound.phone_bix)} <= staying_away:
        return
    for kind in TO_MEMBERS:
        drop_texts(
            f"{kind}:{event_id}:", "not_coming", now=now, phones=[inbound.sender or ""], event_id=event_id
        )


def _here(inbound: Inbound, _question: Question | None, now: datetime) -> None:
    """A stranger's text is stored like anybody's; answers go only to numbers of the roster or of people."""
    phone = normalize(inbound.sender or "").phone
    if phone is None:
        return
    known, language = _is_ours(inbound.phone_bix), written_in(language_of(inbound.phone_bix))
    code = inbound.value or ""
    event, old = event_by_text_code(code, inbound.received_at), False
    if event is None:
        event, old = _by_old_code(code, inbound.received_at)
    if event is None:
        if known:
            answer(inbound, "here_unknown", {"code": code}, language=language, now=now)
        return
    checked = check_in(
        Proof(
            event_id=event.id,
            nonce=inbound.id.bytes,
            body=b"text " + inbound.sid.encode(),
            method=Method.TEXT,
            happened_at=inbound.received_at,
            typed=Typed("phone", phone),
            for_a_person=old,
        ),
        now=now,
    )
    if checked.outcome is Outcome.AMBIGUOUS and ask_who_is_here(inbound, event, now=now):
        return
    if known:
        kept = checked.outcome in (Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED, Outcome.AMBIGUOUS)
        wording = "here_old_code" if old else "here_kept" if kept else "here_counted"
        answer(inbound, wording, {"place": place_of(event)}, language=language, now=now)


def _by_old_code(code: str, at: datetime) -> tuple[Event | None, bool]:
    """The event of digits that leaked and were replaced, and whether that was before this text was sent."""
    found = old_text_code(code, at)
    return (found[0], at >= found[1]) if found else (None, False)


def _is_ours(phone_bix: bytes) -> bool:
    members = select(Member.id).where(Member.phone_bix == phone_bix, Member.gone_on.is_(None))
    people = select(Person.id).where(Person.phone_bix == phone_bix)
    return any(db.session.scalar(found.limit(1)) for found in (members, people))
