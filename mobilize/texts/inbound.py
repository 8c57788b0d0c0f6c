"""A text that came in: stored once, read, and acted on at once only where a person must be obeyed at once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, or_, select

from mobilize.crypto import blind_index
from mobilize.database import atomic, db, insert, new_id
from mobilize.phones import normalize
from mobilize.roster.by_phone import agree_to_urgent, choose_language
from mobilize.roster.models import Member
from mobilize.texts.consents import note_consent, version_of, words_answered
from mobilize.texts.models import ConsentKind, Inbound, Intent, OutboxText, Question, QuestionKind
from mobilize.texts.operations import answer, mark_done, opt_in, opt_out
from mobilize.texts.queries import questions_open_to
from mobilize.texts.replies import ANSWERS, Reading, read_reply

# The carrier answers these bare words itself; an answer of ours would be a second one.
CARRIER_ANSWERS = {"HELP", "INFO", "START", "UNSTOP", "YES"}


def take_inbound(sid: str, sender: str, body: str, *, now: datetime) -> Inbound | None:
    """Store and read one text; None when this sid was taken before. An opt-out is committed when this
    returns.

    HELP, "who is this", START, a language and URGENT are answered here, through the outbox. Everything else
    waits for the room it concerns (`queries.unread_inbound`). A short code, our own number or a stranger is
    stored, not answered.
    """
    with atomic():
        row = _store(sid, sender, body, now)
        if row is None:
            return None
        phone = normalize(sender).phone
        if row.intent is Intent.OUT:
            opt_out(phone or sender, source="reply", wording=words_answered(row.phone_bix), now=now)
            mark_done(row.id, "texts", now=now)
        elif row.intent is Intent.IN:
            opt_in(phone or sender, source="reply", wording=version_of("back_in"), now=now)
            _reply(row, "back_in", body, now)
        elif row.intent in (Intent.HELP, Intent.WHO):
            _reply(row, row.intent.value, body, now)
        elif row.intent is Intent.LANGUAGE:
            choose_language(row.phone_bix, row.value or "en")
            _reply(row, "language_chosen", body, now)
        elif row.intent is Intent.URGENT_OK:
            _agree_to_urgent(row, phone, body, now)
        return row


def _store(sid: str, sender: str, body: str, now: datetime) -> Inbound | None:
    bix = blind_index("phone", sender)
    question, reading = _read(body, questions_open_to(sender, now=now))
    row_id = new_id()
    values = {
        "id": row_id,
        "sid": sid,
        "sender_enc": Inbound.sender.seal(row_id, sender),
        "phone_bix": bix,
        "body_enc": Inbound.body.seal(row_id, body),
        "intent": reading.intent,
        "value": reading.value,
        "question_id": question.id if question else None,
        "received_at": now,
    }
    with atomic() as session:
        unless_there = insert(Inbound).values(values).on_conflict_do_nothing(index_elements=["sid"])
        stored = session.scalar(unless_there.returning(Inbound.id))
        return session.get(Inbound, row_id) if stored else None


def _read(body: str, asked: Sequence[Question]) -> tuple[Question | None, Reading]:
    """A reply means what was last asked, unless only an earlier question can be answered like that: "24"
    after "coming? 1 or 2" is the head count that was asked before it."""
    for question in asked:
        reading = read_reply(body, question.kind)
        if reading.intent in ANSWERS[QuestionKind(question.kind)]:
            return question, reading
    last = asked[0] if asked else None
    return last, read_reply(body, last.kind if last else None)


def _agree_to_urgent(row: Inbound, phone: str | None, body: str, now: datetime) -> None:
    """A number that is nobody's cannot agree: it would be texted by no rule anyway."""
    if phone and agree_to_urgent(row.phone_bix, now=now):
        words = version_of("urgent_noted")
        note_consent(phone, ConsentKind.URGENT, given=True, how="reply", wording=words, now=now)
        _reply(row, "urgent_noted", body, now)
    else:
        mark_done(row.id, "texts", now=now)


def _reply(row: Inbound, wording: str, body: str, now: datetime) -> None:
    if body.strip().upper() not in CARRIER_ANSWERS and _is_known(row.phone_bix):
        answer(row, wording, {}, language=language_of(row.phone_bix), now=now)
    mark_done(row.id, "texts", now=now)


def _is_known(phone_bix: bytes) -> bool:
    """Somebody on the roster, or a number we have texted ourselves."""
    on_the_roster = exists().where(Member.phone_bix == phone_bix)
    texted = exists().where(OutboxText.phone_bix == phone_bix)
    return bool(db.session.scalar(select(or_(on_the_roster, texted))))


def language_of(phone_bix: bytes) -> str:
    """The language this number is written to: the member's, else that of the last text to it."""
    hers = db.session.scalar(select(Member.language).where(Member.phone_bix == phone_bix).limit(1))
    last = select(OutboxText.language).where(OutboxText.phone_bix == phone_bix)
    return hers or db.session.scalar(last.order_by(OutboxText.due_at.desc()).limit(1)) or "en"
