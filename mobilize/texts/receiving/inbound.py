"""Inbound texts: stored once, parsed, and acted on at once where it must not wait (STOP, START, HELP ...)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, or_, select

from mobilize.database import atomic, db, insert, new_id
from mobilize.keys.crypto import blind_index
from mobilize.languages import DEFAULT
from mobilize.phones import normalize
from mobilize.roster.models import Member
from mobilize.roster.operations import agree_to_urgent, choose_language
from mobilize.texts.carriers import CARRIERS
from mobilize.texts.carriers.base import Keyword
from mobilize.texts.consent.carrier_blocks import lift_block, note_block
from mobilize.texts.consent.confirmations import confirm_opt_out, drop_confirmation
from mobilize.texts.consent.consents import note_consent, version_of, words_answered
from mobilize.texts.consent.suppressions import is_opted_out
from mobilize.texts.models import ConsentKind, Inbound, Intent, OutboxText, Question, QuestionKind
from mobilize.texts.operations import answer, mark_done, opt_in, opt_out
from mobilize.texts.queries import questions_open_to
from mobilize.texts.receiving.replies import ANSWERS, DOUBTFUL, STOPS, ParsedReply, read_reply

# The carrier answers these bare words itself; an answer of ours would be a second one.
CARRIER_ANSWERS = {"HELP", "INFO", "START", "UNSTOP", "YES"}
CARRIER_STOPS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}


@dataclass(frozen=True)
class InboundChannel:
    """How a text came: by which carrier, to which of our numbers, with how many pictures; and the keyword
    that the carrier has read in it, obeyed and answered itself."""

    carrier: str = "twilio"
    number: str | None = None
    media: int = 0
    keyword: Keyword | None = None


def take_inbound(
    sid: str, sender: str, body: str, *, via: InboundChannel = InboundChannel(), now: datetime
) -> Inbound | None:
    """Store and read one text; None when this sid was taken before. An opt-out is committed when this
    returns, and confirmed by one text where the carrier does not confirm it itself.

    HELP, "who is this", START, a language and URGENT are answered here, through the outbox. Everything else
    waits for the room it concerns (`queries.unread_inbound`). A short code, our own number or a stranger is
    stored, not answered.
    """
    with atomic():
        row = _store(sid, sender, body, via, now)
        if row is None:
            return None
        phone = normalize(sender).phone
        _note_what_the_carrier_did(phone or sender, body, via, now)
        if row.intent is Intent.OUT or row.value == STOPS:
            wording = "opt_out_doubtful" if row.value == DOUBTFUL else "opt_out_noted"
            obey_stop(row, wording, by_carrier=via.keyword is Keyword.STOP, now=now)
        if row.intent is Intent.OUT:
            mark_done(row.id, "texts", now=now)
        elif row.intent is Intent.IN:
            opt_in(phone or sender, source="reply", wording=version_of("back_in"), now=now)
            drop_confirmation(phone or sender, now=now)
            _reply(row, "back_in", body, via, now)
        elif row.intent in (Intent.HELP, Intent.WHO):
            _reply(row, row.intent.value, body, via, now)
        elif row.intent is Intent.LANGUAGE:
            choose_language(row.phone_index, row.value or DEFAULT)
            _reply(row, "language_chosen", body, via, now)
        elif row.intent is Intent.URGENT_OK:
            _agree_to_urgent(row, phone, body, via, now)
        return row


def obey_stop(row: Inbound, wording: str, *, by_carrier: bool = False, now: datetime) -> None:
    """Opt out the number that wrote. Where we texted it before and it is out only now, one text in `wording`
    confirms that; what the carrier has obeyed (`by_carrier`, and its bare keywords) it confirms itself."""
    phone = normalize(row.sender or "").phone or row.sender or ""
    was_out = is_opted_out(phone)
    opt_out(phone, source="reply", wording=words_answered(row.phone_index), now=now)
    by_carrier = by_carrier or (row.body or "").strip().upper() in CARRIER_STOPS
    if not was_out and is_opted_out(phone) and not by_carrier and _is_known(row.phone_index):
        confirm_opt_out(row, phone, wording, language=language_of(row.phone_index), now=now)


def _note_what_the_carrier_did(phone: str, body: str, via: InboundChannel, now: datetime) -> None:
    """It blocks a number on its bare keywords, and lifts that."""
    word, carrier = " ".join(body.upper().split()), CARRIERS[via.carrier]
    if via.keyword is Keyword.STOP or word in carrier.STOP_WORDS:
        note_block(phone, carrier.NAME, now=now)
    elif via.keyword is Keyword.START or word in carrier.START_WORDS:
        lift_block(phone, carrier.NAME)


def _store(sid: str, sender: str, body: str, via: InboundChannel, now: datetime) -> Inbound | None:
    phone_index = blind_index("phone", sender)
    question, reading = _read(body, questions_open_to(sender, now=now))
    if via.keyword is Keyword.STOP:
        reading = ParsedReply(Intent.OUT)
    row_id = new_id()
    values = {
        "id": row_id,
        "sid": sid,
        "sender_enc": Inbound.sender.seal(row_id, sender),
        "phone_index": phone_index,
        "body_enc": Inbound.body.seal(row_id, body),
        "intent": reading.intent,
        "value": reading.value,
        "question_id": question.id if question else None,
        "received_at": now,
        "carrier": via.carrier,
        "number": via.number,
        "media": via.media,
    }
    with atomic() as session:
        if_new = insert(Inbound).values(values).on_conflict_do_nothing(index_elements=["sid"])
        stored = session.scalar(if_new.returning(Inbound.id))
        return session.get(Inbound, row_id) if stored else None


def _read(body: str, questions: Sequence[Question]) -> tuple[Question | None, ParsedReply]:
    """A reply means what was last asked, unless only an earlier question can be answered like that: "24"
    after "coming? 1 or 2" is the head count that was asked before it."""
    for question in questions:
        reading = read_reply(body, question.kind)
        if reading.intent in ANSWERS[QuestionKind(question.kind)]:
            return question, reading
    last = questions[0] if questions else None
    return last, read_reply(body, last.kind if last else None)


def _agree_to_urgent(row: Inbound, phone: str | None, body: str, via: InboundChannel, now: datetime) -> None:
    """A number that is nobody's cannot agree: it would be texted by no rule anyway."""
    if phone and agree_to_urgent(row.phone_index, now=now):
        words = version_of("urgent_noted")
        note_consent(phone, ConsentKind.URGENT, agreed=True, how="reply", wording=words, now=now)
        _reply(row, "urgent_noted", body, via, now)


def _reply(row: Inbound, wording: str, body: str, via: InboundChannel, now: datetime) -> None:
    """Answer it; what we do not answer, and the carrier does not either, waits for a person."""
    by_carrier = bool(via.keyword) or body.strip().upper() in CARRIER_ANSWERS
    is_known, language = _is_known(row.phone_index), language_of(row.phone_index)
    if by_carrier or (is_known and answer(row, wording, {}, language=language, now=now)):
        mark_done(row.id, "texts", now=now)


def _is_known(phone_index: bytes) -> bool:
    """Somebody on the roster, or a number we have texted ourselves."""
    on_the_roster = exists().where(Member.phone_index == phone_index)
    texted = exists().where(OutboxText.phone_index == phone_index)
    return bool(db.session.scalar(select(or_(on_the_roster, texted))))


def language_of(phone_index: bytes) -> str:
    """The language this number is written to: the member's, else that of the last text to it."""
    of_member = db.session.scalar(select(Member.language).where(Member.phone_index == phone_index).limit(1))
    last = select(OutboxText.language).where(OutboxText.phone_index == phone_index)
    return of_member or db.session.scalar(last.order_by(OutboxText.due_at.desc()).limit(1)) or DEFAULT
