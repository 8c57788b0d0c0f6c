"""Texts to members that stand still because a campaign was paused, by a person or by itself.

Codes, answers, notices and what chairs are asked go on: a pause never keeps anybody standing in the rain.
Nor does a pause of the sender hold codes: whoever cannot sign in cannot end it either.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, or_, select

from mobilize import audit
from mobilize.database import atomic, db, insert
from mobilize.texts.models import HeldEvent, OutboxText, Priority, TextClass, TextHold


def hold_texts(ref: uuid.UUID, event_ids: Iterable[uuid.UUID], why: str, *, by: str, now: datetime) -> None:
    """Nothing of the class `member` about these events leaves until `release_texts`. `ref` is their campaign.

    Again with more events adds them; the reason and the moment of the first time stay while it holds.
    """
    with atomic() as session:
        held = session.get(TextHold, ref, with_for_update=True, populate_existing=True)
        if held is None or held.released_at is not None:
            values = {
                "why_enc": TextHold.why.seal(ref, why[:120]),
                "by": by,
                "held_at": now,
                "released_at": None,
            }
            row = insert(TextHold).values(ref=ref, **values)
            session.execute(row.on_conflict_do_update(index_elements=["ref"], set_=values))
            audit.note(by, "texts.hold", ref, now=now)
        rows = [{"event_id": event_id, "ref": ref} for event_id in event_ids]
        if rows:
            session.execute(insert(HeldEvent).on_conflict_do_nothing(), rows)


def release_texts(ref: uuid.UUID, *, by: str, now: datetime) -> None:
    """They may leave again; what has become useless meanwhile is dropped. Twice is once."""
    with atomic() as session:
        held = session.get(TextHold, ref, with_for_update=True, populate_existing=True)
        if held is None or held.released_at is not None:
            return
        held.released_at, held.why = now, None
        session.execute(delete(HeldEvent).where(HeldEvent.ref == ref))
        audit.note(by, "texts.release", ref, now=now)


def held_refs() -> dict[uuid.UUID, TextHold]:
    """What is held now, by campaign."""
    rows = db.session.scalars(select(TextHold).where(TextHold.released_at.is_(None)))
    return {row.ref: row for row in rows}


def released_at(ref: uuid.UUID) -> datetime | None:
    """When a hold that is over was lifted."""
    held = db.session.get(TextHold, ref, populate_existing=True)
    return held.released_at if held else None


def is_code() -> ColumnElement[bool]:
    """SQL, for the claim: a code, which no pause of the sender holds, nor the spending breaker."""
    return OutboxText.priority.between(Priority.CODE, Priority.CODE_OF_MEMBER)


def is_not_held() -> ColumnElement[bool]:
    """SQL, for the claim."""
    held = exists().where(HeldEvent.event_id == OutboxText.event_id)
    return or_(OutboxText.klass != TextClass.MEMBER, ~held)
