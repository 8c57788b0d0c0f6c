"""Queries about texts: how many in which state, the history of one, open questions, unread inbound ones."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from mobilize.database import db
from mobilize.keys.crypto import blind_index
from mobilize.texts.consent.subscriptions import is_opted_out, may_text, opted_out_among
from mobilize.texts.models import (
    Attempt,
    AttemptOutcome,
    Inbound,
    Intent,
    OutboxText,
    Question,
    Receipt,
    Sender,
    TextState,
)

__all__ = [
    "TextHistory",
    "counts_by_state",
    "doubled_texts",
    "is_opted_out",
    "latest_texts",
    "may_text",
    "oldest_due_s",
    "opted_out_among",
    "questions_open_to",
    "paused_senders",
    "story_of",
    "told_about",
    "unread_inbound",
    "unsettled_texts",
]


# The members whose texts somebody may see, as a query of their ids; None for everybody's.
Members = Select[tuple[uuid.UUID]] | None


@dataclass(frozen=True)
class TextHistory:
    """Everything that happened to one text, in order."""

    text: OutboxText
    attempts: Sequence[Attempt]
    receipts: Sequence[Receipt]

    def to_dict(self) -> dict[str, Any]:
        """A dictionary for JSON: ids, states and moments, nothing personal."""
        steps = [(self.text.queued_at, f"queued: {self.text.wording}, due {self.text.due_at.isoformat()}")]
        for attempt in self.attempts:
            steps.append((attempt.started_at, f"attempt {attempt.n}"))
            if attempt.ended_at:
                code = f" {attempt.error_code}" if attempt.error_code else ""
                steps.append((attempt.ended_at, f"attempt {attempt.n} {attempt.outcome.value}{code}"))
        for receipt in self.receipts:
            code = f" {receipt.error_code}" if receipt.error_code else ""
            steps.append((receipt.received_at, f"receipt: {receipt.status}{code}"))
        return {
            "id": str(self.text.id),
            "state": self.text.state.value,
            "reason": self.text.reason,
            "error_code": self.text.error_code,
            "story": [(at.isoformat(), what) for at, what in sorted(steps)],
        }


def questions_open_to(phone: str, *, now: datetime) -> Sequence[Question]:
    """Open questions to this number, the latest first."""
    return db.session.scalars(
        select(Question)
        .where(Question.phone_index == blind_index("phone", phone), Question.expires_at > now)
        .order_by(Question.asked_at.desc())
    ).all()


def unread_inbound(
    *intents: Intent, question_kind: str | None = None, limit: int = 100
) -> Sequence[tuple[Inbound, Question | None]]:
    """Texts that wait for a room, oldest first, each with the question that was open when it came.

    `question_kind` keeps those that answer such a question. Deal with one inside `atomic()`, and only when
    `operations.mark_done(inbound.id, "<room>", now=now)` says True.
    """
    waiting = (
        select(Inbound, Question)
        .outerjoin(Question, Question.id == Inbound.question_id)
        .where(Inbound.done_at.is_(None), Inbound.waits_at.is_(None), Inbound.intent.in_(intents))
        .order_by(Inbound.received_at)
        .limit(limit)
    )
    if question_kind:
        waiting = waiting.where(Question.kind == question_kind)
    return [(inbound, question) for inbound, question in db.session.execute(waiting)]


def counts_by_state(*, members: Members = None) -> dict[str, int]:
    """The number of texts in each state; states without any are there with 0."""
    query = select(OutboxText.state, func.count()).group_by(OutboxText.state)
    counts = {state.value: 0 for state in TextState}
    return counts | {row[0].value: row[1] for row in db.session.execute(_to(query, members))}


def oldest_due_s(*, now: datetime) -> int | None:
    """The seconds by which the longest waiting text is overdue; None when nothing is."""
    oldest = db.session.scalar(
        select(func.min(OutboxText.due_at)).where(
            OutboxText.state == TextState.WAITING, OutboxText.next_try_at <= now
        )
    )
    return int((now - oldest).total_seconds()) if oldest else None


def doubled_texts() -> int:
    """Texts that left twice because the carrier's list lagged over 180 s: what the receipts brought to
    light."""
    return db.session.scalar(select(func.count()).where(Attempt.outcome == AttemptOutcome.LATE)) or 0


def paused_senders() -> list[Sender]:
    """Paused senders, with the reason."""
    return list(db.session.scalars(select(Sender).where(Sender.paused_at.is_not(None))))


def latest_texts(
    *, state: TextState | None = None, members: Members = None, limit: int = 100
) -> Sequence[OutboxText]:
    """The texts due last, newest first; those in one state only, when it is given."""
    query = select(OutboxText).order_by(OutboxText.due_at.desc(), OutboxText.id.desc()).limit(limit)
    if state:
        query = query.where(OutboxText.state == state)
    return db.session.scalars(_to(query, members)).all()


def unsettled_texts(limit: int = 100) -> Sequence[OutboxText]:
    """The texts that are being looked up at their carrier, or were and were not found; the oldest first."""
    states = OutboxText.state.in_((TextState.UNKNOWN, TextState.STUCK))
    return db.session.scalars(select(OutboxText).where(states).order_by(OutboxText.due_at).limit(limit)).all()


def story_of(outbox_id: uuid.UUID, *, members: Members = None) -> TextHistory | None:
    """One text with its attempts and receipts."""
    text = db.session.scalar(_to(select(OutboxText).where(OutboxText.id == outbox_id), members))
    if text is None:
        return None
    attempts = select(Attempt).where(Attempt.outbox_id == outbox_id).order_by(Attempt.n)
    receipts = select(Receipt).where(Receipt.outbox_id == outbox_id).order_by(Receipt.received_at)
    return TextHistory(text, db.session.scalars(attempts).all(), db.session.scalars(receipts).all())


def told_about(event_id: uuid.UUID, wordings: Sequence[str] | None = None) -> set[bytes]:
    """Phone indexes of those a text about this event, in one of these wordings (None: in any), has left for;
    a notice goes only to them."""
    left = [TextState.ACCEPTED, TextState.SENT, TextState.DELIVERED, TextState.UNKNOWN, TextState.CLAIMED]
    of_event = [OutboxText.event_id == event_id, OutboxText.state.in_(left)]
    if wordings is not None:
        of_event.append(OutboxText.wording.in_(wordings))
    return set(db.session.scalars(select(OutboxText.phone_index).where(*of_event)))


def _to(query: Any, members: Members) -> Any:
    return query if members is None else query.where(OutboxText.member_id.in_(members))
