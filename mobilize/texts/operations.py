"""What can be done with texts: put one into the outbox, take it back, answer. Sending is in
`delivery`."""

import json
import uuid
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from mobilize import settings
from mobilize.bulk import insert_new
from mobilize.crypto import blind_index
from mobilize.database import atomic, db, new_id
from mobilize.texts.models import Inbound, OutboxText, Priority, TextClass, TextState
from mobilize.texts.phone_rules import opt_in, opt_out
from mobilize.texts.segments import segments
from mobilize.texts.wordings import render

__all__ = [
    "PlannedText",
    "answer",
    "drop_texts",
    "forget_bodies",
    "mark_done",
    "opt_in",
    "opt_out",
    "queue_text",
    "queue_texts",
    "restore_texts",
]

ANSWER_WITHIN = timedelta(minutes=10)
ANSWERS_AN_HOUR = 3
BODIES_ARE_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class PlannedText:
    """One text to put into the outbox.

    `purpose` = rule:event:version, without any personal datum; together with the number it is unique for
    ever. `tz` is the member's zone, for the windows. `useless_after`: never sent later than this. `asks`
    opens a question of that kind about `event_id` when the text leaves; it closes at `useless_after`, or
    `asks_until`. `own` are blanks of this text alone: what stands for them in `blanks` is as long and of the
    same alphabet, and is what is measured.
    """

    purpose: str
    phone: str
    wording: str
    language: str
    klass: TextClass
    tz: str
    due_at: datetime
    useless_after: datetime
    priority: int = Priority.REMINDER
    blanks: dict[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    event_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    urgent: bool = False
    asks: str | None = None
    asks_until: datetime | None = None


def queue_text(planned: PlannedText, *, now: datetime) -> OutboxText:
    """The outbox row for this purpose and number: a new one, or the one that is there already, as it is.

    Raises `wordings.BadWording` for a wording or blank that is not there. Sends nothing; a worker does.
    """
    key = purpose_key(planned)
    queue_texts([planned], now=now)
    return db.session.scalars(select(OutboxText).where(OutboxText.purpose_key == key)).one()


def queue_texts(planned: Iterable[PlannedText], *, now: datetime) -> int:
    """Put many texts into the outbox in one transaction; returns how many are new. Twice adds none."""
    measured: dict[Hashable, tuple[str, int]] = {}
    rows = [_row(text, now, measured) for text in planned]
    return insert_new(OutboxText.__table__, rows, "purpose_key") if rows else 0


def purpose_key(planned: PlannedText) -> str:
    """What makes a text unique: its purpose, and the blind index of its number."""
    return f"{planned.purpose}:{blind_index('phone', planned.phone).hex()}"


def drop_texts(
    purpose_prefix: str,
    reason: str,
    *,
    now: datetime,
    phones: Sequence[str] | None = None,
    event_id: uuid.UUID | None = None,
) -> int:
    """Take back what is still waiting under this purpose (all of it, or for some numbers); returns how many.

    What a worker has already claimed leaves; what was sent stays as it is. `event_id`, where the caller knows
    it, saves looking through the whole outbox.
    """
    which = [OutboxText.purpose_key.startswith(purpose_prefix, autoescape=True)]
    if event_id is not None:
        which.append(OutboxText.event_id == event_id)
    if phones is not None:
        which.append(OutboxText.phone_bix.in_([blind_index("phone", phone) for phone in phones]))
    with atomic() as session:
        return _how_many(
            session.execute(
                update(OutboxText)
                .where(OutboxText.state == TextState.WAITING, *which)
                .values(state=TextState.DROPPED, reason=reason, settled_at=now)
                .execution_options(synchronize_session=False)
            )
        )


def restore_texts(
    purpose_prefix: str, reason: str, *, event_id: uuid.UUID, due_at: datetime, useless_after: datetime
) -> int:
    """Let what was taken back under this purpose for this reason wait again, until then; returns how many.

    A text that was ever handed to the carrier is never among them: only waiting ones are taken back.
    """
    with atomic() as session:
        return _how_many(
            session.execute(
                update(OutboxText)
                .where(
                    OutboxText.event_id == event_id,
                    OutboxText.purpose_key.startswith(purpose_prefix, autoescape=True),
                    OutboxText.state == TextState.DROPPED,
                    OutboxText.reason == reason,
                )
                .values(
                    state=TextState.WAITING,
                    reason=None,
                    settled_at=None,
                    due_at=due_at,
                    next_try_at=due_at,
                    useless_after=useless_after,
                )
                .execution_options(synchronize_session=False)
            )
        )


def answer(
    inbound: Inbound,
    wording: str,
    blanks: dict[str, str],
    *,
    language: str,
    now: datetime,
    asks: tuple[str, uuid.UUID, datetime] | None = None,
) -> bool:
    """Answer a text somebody sent us, through the outbox; once per text, and at most 3 an hour to one number.

    `asks`: the question it opens, about which event, until when. Returns False when it was not queued (too
    many, no number kept, or answered before).
    """
    if inbound.sender is None or _answers_within_the_hour(inbound.phone_bix, now) >= ANSWERS_AN_HOUR:
        return False
    kind, event_id, until = asks or (None, None, None)
    text = PlannedText(
        purpose=f"answer:{inbound.id}:1",
        phone=inbound.sender,
        wording=wording,
        language=language,
        klass=TextClass.ASKED,
        tz=settings().union_timezone,
        due_at=now,
        useless_after=now + ANSWER_WITHIN,
        priority=Priority.REPLY,
        blanks=blanks,
        event_id=event_id,
        asks=kind,
        asks_until=until,
    )
    return queue_texts([text], now=now) == 1


def mark_done(inbound_id: uuid.UUID, by: str, *, now: datetime) -> bool:
    """This room has dealt with the text. True for the first who says so: only she may act on it.

    Call it in the same `atomic()` as what the text leads to.
    """
    with atomic() as session:
        return bool(
            _how_many(
                session.execute(
                    update(Inbound)
                    .where(Inbound.id == inbound_id, Inbound.done_at.is_(None))
                    .values(done_at=now, done_by=by)
                )
            )
        )


def forget_bodies(*, now: datetime) -> int:
    """Delete the raw words of texts that came in more than 7 days ago; our reading of them stays."""
    with atomic() as session:
        return _how_many(
            session.execute(
                update(Inbound)
                .where(Inbound.received_at < now - BODIES_ARE_KEPT, Inbound.body_enc.is_not(None))
                .values(body_enc=None)
            )
        )


def _row(text: PlannedText, now: datetime, measured: dict[Hashable, tuple[str, int]]) -> dict[str, object]:
    """`measured` keeps the blanks, written out, and the segments of the same words."""
    row_id, phone_bix = new_id(), blind_index("phone", text.phone)
    words = (text.wording, text.language, *text.blanks.items())
    if words not in measured:
        body = render(text.wording, text.language, text.blanks)
        measured[words] = json.dumps(text.blanks, ensure_ascii=False), segments(body)
    blanks, billed = measured[words]
    if text.own:
        blanks = json.dumps({**text.blanks, **text.own}, ensure_ascii=False)
    return {
        "id": row_id,
        "purpose_key": f"{text.purpose}:{phone_bix.hex()}",
        "class": text.klass,
        "wording": text.wording,
        "language": text.language,
        "tz": text.tz,
        "to_enc": OutboxText.to.seal(row_id, text.phone),
        "phone_bix": phone_bix,
        "blanks_enc": OutboxText.blanks.seal(row_id, blanks),
        "event_id": text.event_id,
        "member_id": text.member_id,
        "due_at": text.due_at,
        "useless_after": text.useless_after,
        "next_try_at": text.due_at,
        "priority": text.priority,
        "urgent": text.urgent,
        "segments": billed,
        "asks": text.asks,
        "asks_until": text.asks_until or text.useless_after,
        "tries": 0,
        "state": TextState.WAITING,
        "queued_at": now,
    }


def _answers_within_the_hour(phone_bix: bytes, now: datetime) -> int:
    return (
        db.session.scalar(
            select(func.count())
            .select_from(OutboxText)
            .where(
                OutboxText.phone_bix == phone_bix,
                OutboxText.due_at > now - timedelta(hours=1),
                OutboxText.purpose_key.startswith("answer:"),
            )
        )
        or 0
    )


def _how_many(result: object) -> int:
    return max(0, int(result.rowcount))  # type: ignore[attr-defined]
