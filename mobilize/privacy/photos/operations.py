"""Deleting a photo from the line before its day, for whoever asks that it goes."""

import uuid
from datetime import datetime

from sqlalchemy import delete, select

from mobilize import audit
from mobilize.actions.models import Event
from mobilize.backup import journal
from mobilize.checkins.models import HeadCount, Photo
from mobilize.database import atomic
from mobilize.privacy.retention.legal_holds import is_held, on_hold


def delete_photo(photo_id: uuid.UUID, *, by: str, now: datetime) -> bool:
    """Delete a photo for good; the head count stays. Twice is once: False the second time.

    Refused: "on_hold".
    """
    with atomic() as session:
        row = session.execute(
            select(Photo.event_id, Event.action_id, HeadCount.nonce)
            .join(Event, Event.id == Photo.event_id)
            .join(HeadCount, HeadCount.id == Photo.head_count_id)
            .where(Photo.id == photo_id)
        ).first()
        if row is None:
            return False
        if session.scalar(select(is_held(row.action_id))):
            raise on_hold()
        session.execute(delete(Photo).where(Photo.id == photo_id))
        audit.note(by, "photo.delete", photo_id, now=now)
        values = {"event": str(row.event_id), "count": row.nonce.hex(), "by": by}
        journal.note("photo.delete", values, now=now)
    return True


def repeat_delete(event_id: uuid.UUID, count_nonce: bytes, *, by: str, now: datetime) -> None:
    """After a restore: the photo of this head count once more, whatever its id. A hold refuses it again."""
    with atomic() as session:
        of_count = HeadCount.event_id == event_id, HeadCount.nonce == count_nonce
        count = select(HeadCount.id).where(*of_count).scalar_subquery()
        photo_id = session.scalar(select(Photo.id).where(Photo.head_count_id == count))
        if photo_id is not None:
            delete_photo(photo_id, by=by, now=now)
