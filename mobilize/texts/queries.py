"""Queries about texts: how many in which state, the history of one, open questions, unread inbound ones."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, func, literal_column, select, union_all

from mobilize.database import db
from mobilize.keys.crypto import blind_index
from mobilize.texts.consent.suppressions import is_opted_out, may_text, opted_out_among
from mobilize.texts.models import (
    Attempt,
    AttemptOutcome,
    Inbound,
    Intent,
    OutboxText,
    Priority,
    Question,
    Receipt,
    Sender,
    TextClass,
    TextState,
)
from mobilize.texts.sending import limits

__all__ = [
    "TextHistory",
    "counts_by_state",
    "doubled_texts",
    "due_texts",
    "is_opted_out",
    "latest_texts",
    "may_text",
    "oldest_due_by_class",
    "oldest_due_s",
    "opted_out_among",
    "questions_open_to",
    "paused_senders",
    "story_of",
    "told_about",
    "unread_inbound",
    "unsettled_by_state",
    "unsettled_texts",
]


_WAITING = OutboxText.state == literal_column("'waiting'")  # a literal, so that the partial index is used
# The members whose texts somebody may see, as a query of their ids; None for everybody's.
Members = Select[uuid.UUID] | None


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


# So many texts of each priority are looked at for the oldest that may leave: to go through all of 37,000
# takes a fifth of a second.
HEAD = 200


def oldest_due_by_class(*, now: datetime) -> dict[TextClass, float]:
    """For how many seconds the oldest text of each class could have left; 0 where none waits for a worker or
    for the sender's pace. One whose hours have not come, that a pause of its campaign holds or that is over
    the cap of its number waits for neither. Of each priority the first `HEAD` are looked at."""
    is_over_cap = func.coalesce(OutboxText.reason, "") == "too_many"
    may_leave = and_(OutboxText.expires_at > now, limits.is_not_paused(), ~is_over_cap)
    heads = [
        select(OutboxText.text_class, OutboxText.tz, OutboxText.urgent, OutboxText.next_try_at, may_leave)
        .where(_WAITING, OutboxText.priority == priority, OutboxText.next_try_at <= now)
        .order_by(OutboxText.next_try_at)
        .limit(HEAD)
        .subquery()
        for priority in Priority.ALL
    ]
    oldest = dict.fromkeys(TextClass, 0.0)
    for text_class, tz, urgent, first, may in db.session.execute(union_all(*map(select, heads))):
        since = limits.opened_at(text_class, tz, now, urgent=urgent)
        if may and since is not None:
            oldest[text_class] = max(oldest[text_class], (now - max(first, since)).total_seconds())
    return oldest


def due_texts(*, now: datetime) -> int:
    """How many texts wait and their time has come, whatever else they wait for."""
    due = _WAITING, OutboxText.priority.in_(Priority.ALL), OutboxText.next_try_at <= now
    return db.session.scalar(select(func.count()).where(*due)) or 0


def unsettled_by_state() -> dict[TextState, int]:
    """How many texts wait, are under way, or nobody knows of whether they left (`stuck`: a person decides).
    Read from partial indexes, so that it costs the same after years."""
    counts = dict.fromkeys((TextState.WAITING, TextState.CLAIMED, TextState.UNKNOWN, TextState.STUCK), 0)
    under_way = OutboxText.state.in_([literal_column("'claimed'"), literal_column("'unknown'")])
    counts[TextState.WAITING] = db.session.scalar(select(func.count()).where(_WAITING)) or 0
    query = select(OutboxText.state, func.count()).where(under_way).group_by(OutboxText.state)
    for state, count in db.session.execute(query):
        counts[state] = count
    # Those whose last attempt nobody looks up any more.
    given_up = (Attempt.outcome == AttemptOutcome.UNKNOWN) & Attempt.look_after.is_(None)
    stuck = select(func.count(Attempt.outbox_id.distinct())).join(
        OutboxText, OutboxText.id == Attempt.outbox_id
    )
    counts[TextState.STUCK] = (
        db.session.scalar(stuck.where(given_up, OutboxText.state == TextState.STUCK)) or 0
    )
    return counts


def doubled_texts() -> int:
    """Texts that left twice: what receipts brought to light. Because the carrier's list lagged over 180 s; or
    because the database was put back, and a receipt is of a message that no attempt knows."""
    late = db.session.scalar(select(func.count()).where(Attempt.outcome == AttemptOutcome.LATE)) or 0
    is_known = exists().where(Attempt.sid == Receipt.sid)
    other = exists().where(Attempt.outbox_id == Receipt.outbox_id, Attempt.sid.is_not(None))
    unknown = select(func.count(Receipt.sid.distinct())).where(
        Receipt.outbox_id.is_not(None), other, ~is_known
    )
    return late + (db.session.scalar(unknown) or 0)


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
