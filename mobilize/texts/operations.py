"""Operations on the outbox: queue, drop and restore texts, and answer those that came in. Sending is in
`sending/delivery.py`."""

import json
import uuid
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, and_, cast, func, literal, select, update

from mobilize import settings
from mobilize.database import atomic, db, insert, is_postgres, new_id
from mobilize.keys.crypto import blind_index
from mobilize.segments import segments
from mobilize.texts.consent.suppressions import is_opted_out, opt_in, opt_out
from mobilize.texts.models import (
    AFTER_RESTORE,
    Inbound,
    OutboxText,
    Priority,
    Question,
    TextClass,
    TextState,
)
from mobilize.texts.templates import render

__all__ = [
    "PlannedText",
    "answer",
    "drop_texts",
    "forget_bodies",
    "mark_done",
    "mark_question_answered",
    "opt_in",
    "opt_out",
    "queue_text",
    "queue_texts",
    "restore_texts",
    "wait_for_person",
]

ANSWER_WITHIN = timedelta(minutes=10)
ANSWERS_AN_HOUR = 3
BODIES_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class PlannedText:
    """One text to put into the outbox.

    `purpose` = rule:event:version, without any personal datum; together with the number it is unique for
    ever. `tz` is the member's zone, for the windows. `expires_at`: never sent later than this. `asks`
    opens a question of that kind about `event_id` when the text leaves; it closes at `expires_at`, or
    `asks_until`. `own` are merge fields of this text alone: what stands for them in `merge_fields` is as long
    and of the same alphabet, and is what is measured. `carrier`, `number`, `only_missing` and `only_for` as
    in `OutboxText`.
    """

    purpose: str
    phone: str
    wording: str
    language: str
    text_class: TextClass
    tz: str
    due_at: datetime
    expires_at: datetime
    priority: int = Priority.REMINDER
    merge_fields: dict[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    event_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    urgent: bool = False
    only_missing: bool = False
    only_for: str | None = None
    asks: str | None = None
    asks_until: datetime | None = None
    carrier: str | None = None
    number: str | None = None


def queue_text(planned: PlannedText, *, now: datetime) -> OutboxText:
    """The outbox row for this purpose and number: a new one, or the one that is there already, as it is.

    Raises `templates.BadWording` for a wording or merge field that is not there. Sends nothing.
    """
    key = idempotency_key(planned)
    queue_texts([planned], now=now)
    return db.session.scalars(select(OutboxText).where(OutboxText.idempotency_key == key)).one()


def queue_texts(planned: Iterable[PlannedText], *, now: datetime) -> int:
    """Put many texts into the outbox in one transaction; returns how many are new. Twice adds none."""
    measured: dict[Hashable, tuple[str, int]] = {}
    rows = [_row(text, now, measured) for text in planned]
    return _insert_new(rows) if rows else 0


def idempotency_key(planned: PlannedText) -> str:
    """The idempotency key of a text: its purpose, and the blind index of its number."""
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

    What a worker has already claimed leaves; what was sent stays as it is; what is looked up after a restore
    is taken back if it has not left. `event_id`, where the caller knows it, saves looking through the whole
    outbox.
    """
    conditions = [OutboxText.idempotency_key.startswith(purpose_prefix, autoescape=True)]
    if event_id is not None:
        conditions.append(OutboxText.event_id == event_id)
    if phones is not None:
        conditions.append(OutboxText.phone_index.in_([blind_index("phone", phone) for phone in phones]))
    with atomic() as session:
        session.execute(
            update(OutboxText)
            .where(is_in_doubt(), *conditions)
            .values(reason=reason)
            .execution_options(synchronize_session=False)
        )
        return _how_many(
            session.execute(
                update(OutboxText)
                .where(OutboxText.state == TextState.WAITING, *conditions)
                .values(state=TextState.DROPPED, reason=reason, settled_at=now)
                .execution_options(synchronize_session=False)
            )
        )


def is_in_doubt() -> ColumnElement[bool]:
    """SQL: it is looked up after a restore whether it has left. With another reason it does not leave."""
    return and_(OutboxText.state == TextState.UNKNOWN, OutboxText.reason == AFTER_RESTORE)


def restore_texts(
    purpose_prefix: str, reason: str, *, event_id: uuid.UUID, due_at: datetime, expires_at: datetime
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
                    OutboxText.idempotency_key.startswith(purpose_prefix, autoescape=True),
                    OutboxText.state == TextState.DROPPED,
                    OutboxText.reason == reason,
                )
                .values(
                    state=TextState.WAITING,
                    reason=None,
                    settled_at=None,
                    due_at=due_at,
                    next_try_at=due_at,
                    expires_at=expires_at,
                )
                .execution_options(synchronize_session=False)
            )
        )


def answer(
    inbound: Inbound,
    wording: str,
    merge_fields: dict[str, str],
    *,
    language: str,
    now: datetime,
    asks: tuple[str, uuid.UUID, datetime] | None = None,
) -> bool:
    """Answer a text somebody sent us, through the outbox; once per text, and at most 3 an hour to one number.

    `asks`: the question it opens, about which event, until when. Returns False when it was not queued (too
    many, no number kept, opted out, or answered before).
    """
    if inbound.sender is None or is_opted_out(inbound.sender):
        return False
    if _answers_within_the_hour(inbound.phone_index, now) >= ANSWERS_AN_HOUR:
        return False
    kind, event_id, until = asks or (None, None, None)
    text = PlannedText(
        purpose=f"answer:{inbound.id}:1",
        phone=inbound.sender,
        wording=wording,
        language=language,
        text_class=TextClass.REQUESTED,
        tz=settings().union_timezone,
        due_at=now,
        expires_at=now + ANSWER_WITHIN,
        priority=Priority.REPLY,
        merge_fields=merge_fields,
        event_id=event_id,
        asks=kind,
        asks_until=until,
        carrier=inbound.carrier,
        number=inbound.number,
    )
    return queue_texts([text], now=now) == 1


def mark_done(inbound_id: uuid.UUID, by: str, *, now: datetime) -> bool:
    """Mark an inbound text as handled. True for the first caller, the only one that may act on it.

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


def wait_for_person(inbound_id: uuid.UUID, *, now: datetime) -> bool:
    """Leave an inbound text to a person: no room takes it any more, and it stands in the inbox. True for the
    first caller."""
    with atomic() as session:
        return bool(
            _how_many(
                session.execute(
                    update(Inbound)
                    .where(Inbound.id == inbound_id, Inbound.waits_at.is_(None))
                    .values(waits_at=now, done_at=None, done_by=None)
                )
            )
        )


def mark_question_answered(question_id: uuid.UUID, *, now: datetime) -> None:
    """Remember that it was answered; it stays open, because the last answer counts."""
    with atomic() as session:
        session.execute(update(Question).where(Question.id == question_id).values(answered_at=now))


def forget_bodies(*, now: datetime) -> int:
    """Delete the bodies of texts that came in more than 7 days ago; their intent and value stay."""
    with atomic() as session:
        return _how_many(
            session.execute(
                update(Inbound)
                .where(Inbound.received_at < now - BODIES_KEPT, Inbound.body_enc.is_not(None))
                .values(body_enc=None)
            )
        )


def _row(text: PlannedText, now: datetime, measured: dict[Hashable, tuple[str, int]]) -> dict[str, Any]:
    """`measured` keeps the merge fields, written out, and the segments of the same words."""
    if text.priority not in Priority.ALL:
        raise ValueError(f"priority {text.priority} is none that leaves")
    row_id, phone_index = new_id(), blind_index("phone", text.phone)
    words = (text.wording, text.language, *text.merge_fields.items())
    if words not in measured:
        body = render(text.wording, text.language, text.merge_fields)
        measured[words] = json.dumps(text.merge_fields, ensure_ascii=False), segments(body)
    merge_fields, billed = measured[words]
    if text.own:
        merge_fields = json.dumps({**text.merge_fields, **text.own}, ensure_ascii=False)
    return {
        "id": row_id,
        "idempotency_key": f"{text.purpose}:{phone_index.hex()}",
        "class": text.text_class,
        "wording": text.wording,
        "language": text.language,
        "tz": text.tz,
        "to_enc": OutboxText.to.seal(row_id, text.phone),
        "phone_index": phone_index,
        "blanks_enc": OutboxText.merge_fields.seal(row_id, merge_fields),
        "event_id": text.event_id,
        "member_id": text.member_id,
        "due_at": text.due_at,
        "expires_at": text.expires_at,
        "next_try_at": text.due_at,
        "priority": text.priority,
        "urgent": text.urgent,
        "only_missing": text.only_missing,
        "only_for": text.only_for,
        "segments": billed,
        "asks": text.asks,
        "asks_until": text.asks_until or text.expires_at,
        "carrier": text.carrier,
        "number": text.number,
        "tries": 0,
        "state": TextState.WAITING,
        "queued_at": now,
    }


def _insert_new(rows: list[dict[str, Any]]) -> int:
    """Insert the texts whose key is not stored yet; returns how many.

    On PostgreSQL one statement with an array for each column, which is several times as fast as row by row.
    """
    table: Any = OutboxText.__table__
    with atomic() as session:
        if is_postgres():
            columns = {name: _column_of(table.c[name], [row[name] for row in rows]) for name in rows[0]}
            new, many = insert(table).from_select(list(columns), select(*columns.values())), None
        else:
            new, many = insert(table), rows
        statement = new.on_conflict_do_nothing(index_elements=["idempotency_key"])
        return _how_many(session.execute(statement, many, execution_options={"preserve_rowcount": True}))


def _column_of(column: Any, values: list[Any]) -> Any:
    """SQL: one value a row; a value that all rows share is sent once."""
    if values.count(values[0]) == len(values):
        return cast(literal(values[0], column.type), column.type).label(column.key)
    many = ARRAY(column.type)
    return func.unnest(cast(literal(values, many), many)).label(column.key)


def _answers_within_the_hour(phone_index: bytes, now: datetime) -> int:
    return (
        db.session.scalar(
            select(func.count())
            .select_from(OutboxText)
            .where(
                OutboxText.phone_index == phone_index,
                OutboxText.due_at > now - timedelta(hours=1),
                OutboxText.idempotency_key.startswith("answer:"),
            )
        )
        or 0
    )


def _how_many(result: object) -> int:
    return max(0, int(result.rowcount))  # type: ignore[attr-defined]
