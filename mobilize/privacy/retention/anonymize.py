"""Anonymizing rows that stay and count. Each step is safe to repeat, and none decrypts a name.

Times are cut to the hour, in the id too: to the millisecond they could be matched with a log that still names
a person.
"""

import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from mobilize.actions.models import Action, Eligible, Event
from mobilize.checkins.models import Attendance, Evidence, Match, Method, Void, Walkup
from mobilize.database import first_id_at, insert, new_id
from mobilize.texts.models import Attempt, Inbound, OutboxText, Receipt, TextState

NOBODY = "forgotten"
NO_INDEX = b"\0" * 16
# Only forgotten evidence has this one: by it a run that was interrupted finds where to go on.
NO_BODY = b"\0" * 32
AT_ONCE = 500
_WAITING = (TextState.WAITING, TextState.CLAIMED, TextState.UNKNOWN)
_LINE_METHODS = (Method.TICK, Method.PAPER, Method.SCAN, Method.ROTATING, Method.WALKIN)

Item = TypeVar("Item")


def in_parts(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in lists that one statement can hold."""
    listed = list(items)
    for start in range(0, len(listed), AT_ONCE):
        yield listed[start : start + AT_ONCE]


def events_of(action_id: uuid.UUID) -> Any:
    return select(Event.id).where(Event.action_id == action_id)


def unlink_attendance(session: Session, action_id: uuid.UUID, members: Sequence[uuid.UUID]) -> None:
    """These members' attendance in one action stays as rows that count as before, without saying whose."""
    # Concurrent runs wait here: a member whose rows got two different ids would count twice.
    session.execute(select(Action.id).where(Action.id == action_id).with_for_update())
    rows_of_members = Attendance.event_id.in_(events_of(action_id)), Attendance.member_id.in_(members)
    rows = session.execute(
        select(Attendance.id, Attendance.member_id, Attendance.chapter_id, Attendance.first_at,
               Attendance.out_at).where(*rows_of_members)
    ).all()  # fmt: skip
    counted = select(Eligible.member_id, Eligible.chapter_id).where(
        Eligible.action_id == action_id, Eligible.member_id.in_(members)
    )
    chapters: dict[Any, Any] = {row.member_id: row.chapter_id for row in session.execute(counted)}
    names = {member: uuid.uuid4() for member in members}
    changed = [
        {
            "old": row.id,
            "id": _hourly_id(row.first_at),
            "member_id": None,
            "forgotten_as": names[row.member_id],
            "was_eligible": row.member_id in chapters,
            # Of an eligible member the denominator's chapter counts, wherever they had moved by then.
            "chapter_id": chapters.get(row.member_id, row.chapter_id),
            "first_at": _hour(row.first_at),
            "out_at": _hour(row.out_at) if row.out_at else None,
            "duty": None,
        }
        for row in rows
    ]
    rewrite(session, Attendance, changed)


def unlink_eligible(session: Session, action_id: uuid.UUID, members: Sequence[uuid.UUID]) -> None:
    """Unlink members from an action's denominator, whose rows stay. After the attendance, which reads
    them."""
    session.execute(
        update(Eligible)
        .where(Eligible.action_id == action_id, Eligible.member_id.in_(members))
        .values(member_id=None)
        .execution_options(synchronize_session=False)
    )


def evidence_rows() -> Any:
    """SELECT of the columns that `unlink_evidence` needs of each row."""
    return select(Evidence.id, Evidence.method, Evidence.nonce, Evidence.happened_at, Evidence.recorded_at)


def unlink_evidence(session: Session, rows: Sequence[Any], *, keep_nonces: bool) -> None:
    """Evidence stays with method, tier, outcome, chapter and hour.

    `keep_nonces`: a phone may still send the same check-in again. Only the line's own nonces stay then: they
    are random, while those of texts and posters are made of what was sent.
    """
    ids = {row.id: _hourly_id(row.happened_at) for row in rows}
    voids = session.execute(select(Void.evidence_id, Void.at).where(Void.evidence_id.in_(ids))).all()
    session.execute(_quietly(delete(Match).where(Match.evidence_id.in_(ids))))
    session.execute(_quietly(delete(Void).where(Void.evidence_id.in_(ids))))
    _forget_inbound(session, rows)
    changed = [
        {
            "old": row.id,
            "id": ids[row.id],
            "nonce": row.nonce if keep_nonces and row.method in _LINE_METHODS else os.urandom(16),
            "body_hash": NO_BODY,
            "member_id": None,
            "device_hmac": None,
            "ticket_hmac": None,
            "ticket_place": None,
            "grant_id": None,
            "happened_at": _hour(row.happened_at),
            "recorded_at": _hour(row.recorded_at),
            "clock_error_s": None,
            "duty": None,
        }
        for row in rows
    ]
    rewrite(session, Evidence, changed)
    taken = [
        {"evidence_id": ids[evidence_id], "actor": NOBODY, "reason_enc": None, "at": _hour(at)}
        for evidence_id, at in voids
    ]
    if taken:
        session.execute(insert(Void), taken)


def empty_walkups(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Empty what was typed for walk-ins, and everything made of it; the rows stay and count."""
    changed = [{"old": i, "typed_enc": None, "typed_index": os.urandom(16)} for i in ids]
    rewrite(session, Walkup, changed)
    typed_evidence = Evidence.walkup_id.in_(ids), Evidence.body_hash != NO_BODY
    evidence = session.execute(evidence_rows().where(*typed_evidence)).all()
    _forget_inbound(session, evidence)
    changed = [{"old": row.id, "body_hash": os.urandom(32), "nonce": os.urandom(16)} for row in evidence]
    rewrite(session, Evidence, changed)


def empty_texts(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Empty texts to "one reminder, delivered": no number, no words, no member, no carrier's id."""
    changed = [
        {
            "old": i,
            "idempotency_key": f"{NOBODY}:{i}",
            "to_enc": OutboxText.to.seal(i, ""),
            "phone_index": NO_INDEX,
            "blanks_enc": OutboxText.merge_fields.seal(i, "{}"),
            "member_id": None,
        }
        for i in ids
    ]
    rewrite(session, OutboxText, changed)
    waiting = OutboxText.id.in_(ids), OutboxText.state.in_(_WAITING)
    session.execute(
        _quietly(update(OutboxText).where(*waiting).values(state=TextState.DROPPED, reason=NOBODY))
    )
    session.execute(_quietly(delete(Receipt).where(Receipt.outbox_id.in_(ids))))
    session.execute(
        _quietly(update(Attempt).where(Attempt.outbox_id.in_(ids)).values(sid=None, body_index=NO_INDEX))
    )


def _forget_inbound(session: Session, evidence: Sequence[Any]) -> None:
    """Delete the texts by which somebody checked in, and our answers to them: the nonce is the text's id."""
    ids = [uuid.UUID(bytes=row.nonce) for row in evidence if row.method is Method.TEXT]
    inbound = session.execute(select(Inbound.id, Inbound.phone_index).where(Inbound.id.in_(ids))).all()
    keys = [f"answer:{row.id}:1:{row.phone_index.hex()}" for row in inbound]
    answers = session.scalars(select(OutboxText.id).where(OutboxText.idempotency_key.in_(keys))).all()
    empty_texts(session, answers)
    session.execute(_quietly(delete(Inbound).where(Inbound.id.in_(ids))))


def rewrite(session: Session, model: Any, rows: list[dict[str, Any]]) -> None:
    """Update each row whose id is `old` with the given values; the id itself may be among them."""
    if not rows:
        return
    table = model.__table__
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in rows[0] if name != "old"}
    session.execute(
        table.update().where(table.c.id == bindparam("old")).values(values),
        [{k if k == "old" else f"new_{k}": v for k, v in row.items()} for row in rows],
    )


def _quietly(statement: Any) -> Any:
    return statement.execution_options(synchronize_session=False)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _hourly_id(moment: datetime) -> uuid.UUID:
    """A random id whose time is cut to the hour: see `database.new_id`."""
    random = new_id().int & ((1 << 80) - 1)
    return uuid.UUID(int=first_id_at(_hour(moment)).int | random)
