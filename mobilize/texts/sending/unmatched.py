"""Messages that left in minutes that a restore has lost: a text that would leave again is adopted, not sent.

The text may be one that was there (`mobilize.texts.recovery`), or one that was planned again afterwards,
under another id: it is known by its number and its words. A message is one text only, so of two alike one
leaves.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from mobilize.database import atomic
from mobilize.keys.crypto import blind_index
from mobilize.texts.models import Attempt, AttemptOutcome, OutboxText, TextClass, TextState, UnmatchedMessage
from mobilize.texts.templates import FIRST_TEXT, render

if TYPE_CHECKING:
    from mobilize.texts.sending.claiming import ClaimedText

# So long after it left, a message may still be the text of somebody who plans it again.
MESSAGES_KEPT = timedelta(days=3)
NOT_FOUND = "not_found"


def without_adopted(
    session: Session, claimed: list["ClaimedText"], rows: Mapping[uuid.UUID, Any], *, now: datetime
) -> list["ClaimedText"]:
    """Part of a claim: the texts of these that have not left yet. Those that have are adopted; one of which
    the log has kept no words is left to a person. `rows` have the columns of `claiming.TO_SEND`."""
    messages = of_phones(session, {row.phone_index for row in rows.values()}, now)
    if not messages:
        return claimed
    rest = []
    for text in claimed:
        row = rows[text.id]
        message = pick(messages[row.phone_index], text, row.language)
        if message is None:
            rest.append(text)
        elif is_certain(message, text.id):
            adopt(session, message, text.id, text.n, now=now)
        elif row.text_class is TextClass.REQUESTED or row.due_at > message.created_at:
            rest.append(text)
        else:
            leave_to_person(session, message, text.id, text.n, now=now)
    return rest


def of_phones(
    session: Session, phone_indexes: Iterable[bytes], now: datetime
) -> dict[bytes, list[UnmatchedMessage]]:
    """The messages to these numbers that are no text's yet, by number, the oldest first; empty where there
    are none at all."""
    owned = exists().where(Attempt.sid == UnmatchedMessage.sid)
    query = select(UnmatchedMessage).where(
        UnmatchedMessage.phone_index.in_(list(phone_indexes)),
        UnmatchedMessage.outbox_id.is_(None),
        UnmatchedMessage.created_at > now - MESSAGES_KEPT,
        ~owned,
    )
    messages = defaultdict[bytes, list[UnmatchedMessage]](list)
    for message in session.scalars(query.order_by(UnmatchedMessage.created_at)):
        messages[message.phone_index].append(message)
    return messages


def pick(messages: list[UnmatchedMessage], text: "ClaimedText", language: str) -> UnmatchedMessage | None:
    """The message that this text is: by our id, then by its words, then one without words. Taken out of
    `messages`."""
    if not messages:
        return None
    bodies = {text.plain, text.body, render(FIRST_TEXT, language, {"body": text.plain})}
    indexes = {blind_index("body", body) for body in bodies}
    candidates = (
        [one for one in messages if one.names_id == text.id]
        or [one for one in messages if one.body_index in indexes]
        or [one for one in messages if one.body_index is None]
    )
    if not candidates:
        return None
    messages.remove(candidates[0])
    return candidates[0]


def is_certain(message: UnmatchedMessage, outbox_id: uuid.UUID) -> bool:
    """Whether it is this text for sure: the log shows our id, or its words."""
    return message.names_id == outbox_id or message.body_index is not None


def adopt(
    session: Session, message: UnmatchedMessage, outbox_id: uuid.UUID, n: int, *, now: datetime
) -> None:
    """The message is this text's attempt `n`: it left."""
    message.outbox_id = outbox_id
    values = {"outcome": AttemptOutcome.ADOPTED, "sid": message.sid, "carrier": message.carrier}
    _settle_attempt(session, outbox_id, n, {**values, "ended_at": now, "look_after": None})
    _settle_text(session, outbox_id, {"state": TextState.ACCEPTED, "tries": n, "reason": None})


def leave_to_person(
    session: Session, message: UnmatchedMessage | None, outbox_id: uuid.UUID, n: int, *, now: datetime
) -> None:
    """Nobody can say whether attempt `n` of this text left."""
    if message is not None:
        message.outbox_id = outbox_id
    _settle_attempt(session, outbox_id, n, {"outcome": AttemptOutcome.UNKNOWN, "look_after": None})
    stuck = {"state": TextState.STUCK, "tries": n, "reason": NOT_FOUND, "settled_at": now}
    _settle_text(session, outbox_id, stuck)


def forget_old(*, now: datetime) -> int:
    """Forget messages that are nobody's any more; returns how many."""
    with atomic() as session:
        old = delete(UnmatchedMessage).where(UnmatchedMessage.created_at <= now - MESSAGES_KEPT)
        return int(session.execute(old).rowcount)  # type: ignore[attr-defined]


def _settle_attempt(session: Session, outbox_id: uuid.UUID, n: int, values: dict[str, Any]) -> None:
    session.flush()
    of_text = update(Attempt).where(Attempt.outbox_id == outbox_id, Attempt.n == n)
    session.execute(of_text.values(values).execution_options(synchronize_session=False))


def _settle_text(session: Session, outbox_id: uuid.UUID, values: dict[str, Any]) -> None:
    values = {"claimed_by": None, "claimed_until": None, **values}
    of_text = update(OutboxText).where(OutboxText.id == outbox_id)
    session.execute(of_text.values(values).execution_options(synchronize_session=False))
