"""Pauses: of all texts of a sender, and of the texts to members of one campaign.

Neither holds codes, without which nobody could sign in to end it, nor emergencies, nor the confirmation of an
opt-out (`Priority.UNHELD`). A pause of a campaign holds no answers, notices or questions to chairs either.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select, update

from mobilize import audit, settings
from mobilize.database import atomic, db, insert, new_id
from mobilize.texts.models import PausedEvent, Sender, TextPause

MAIN_SENDER = "main"


def pause_sending(reason: str, *, now: datetime, sender: str = MAIN_SENDER) -> None:
    """Claim nothing but what no pause holds for this sender until `resume_sending`; what waits keeps waiting.
    A pause that is there already is not replaced by what a carrier says."""
    with atomic() as session:
        add_sender(sender, now=now)
        row = session.get_one(Sender, sender, with_for_update=True)
        if row.paused_at is not None and reason.startswith("carrier_"):
            return
        row.paused_at, row.paused_reason = now, reason
        session.flush()


def resume_sending() -> None:
    """Claim again, for every sender. What has become useless meanwhile is dropped, not sent late."""
    with atomic() as session:
        session.execute(
            update(Sender).values(paused_at=None, paused_why_enc=None, trouble=0, rest_until=None)
        )


def add_sender(name: str, *, now: datetime) -> None:
    """The sender's row, with a second's worth of tokens; nothing when it is there."""
    rate = settings().segments_per_second
    fresh = {"id": new_id(), "name": name, "rate": rate, "tokens": rate, "refilled_at": now}
    with atomic() as session:
        session.execute(insert(Sender).values(fresh).on_conflict_do_nothing())


def pause_texts(
    ref: uuid.UUID, event_ids: Iterable[uuid.UUID], reason: str, *, by: str, now: datetime
) -> None:
    """Nothing of the class `member` about these events leaves until `resume_texts`. `ref` is their campaign.

    Again with more events adds them; the reason and the moment of the first time stay while it holds.
    """
    with atomic() as session:
        pause = session.get(TextPause, ref, with_for_update=True, populate_existing=True)
        if pause is None or pause.resumed_at is not None:
            values = {
                "why_enc": TextPause.reason.seal(ref, reason[:120]),
                "by": by,
                "held_at": now,
                "released_at": None,
            }
            row = insert(TextPause.__table__).values(ref=ref, **values)
            session.execute(row.on_conflict_do_update(index_elements=["ref"], set_=values))
            audit.note(by, "texts.hold", ref, now=now)
        rows = [{"event_id": event_id, "ref": ref} for event_id in event_ids]
        if rows:
            session.execute(insert(PausedEvent).on_conflict_do_nothing(), rows)


def resume_texts(ref: uuid.UUID, *, by: str, now: datetime) -> None:
    """They may leave again; what has become useless meanwhile is dropped. Twice is once."""
    with atomic() as session:
        pause = session.get(TextPause, ref, with_for_update=True, populate_existing=True)
        if pause is None or pause.resumed_at is not None:
            return
        pause.resumed_at, pause.reason = now, None
        session.execute(delete(PausedEvent).where(PausedEvent.ref == ref))
        audit.note(by, "texts.release", ref, now=now)


def paused_refs() -> dict[uuid.UUID, TextPause]:
    """The pauses that are in force, by campaign."""
    rows = db.session.scalars(select(TextPause).where(TextPause.resumed_at.is_(None)))
    return {row.ref: row for row in rows}


def resumed_at(ref: uuid.UUID) -> datetime | None:
    """The time at which a pause that is over ended."""
    pause = db.session.get(TextPause, ref, populate_existing=True)
    return pause.resumed_at if pause else None
