"""Photos from the line, without their bytes; and the head count that a phone's next photo goes with."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select

from mobilize.actions.models import Event
from mobilize.checkins.models import HeadCount, Photo
from mobilize.database import db
from mobilize.roster.models import Gate, Site

PER_PAGE = 12


@dataclass(frozen=True, slots=True)
class CountOfPhone:
    """The head count that a phone sent last: its nonce, in hexadecimal digits, and whether it has a photo."""

    nonce: str
    has_photo: bool


@dataclass(frozen=True, slots=True)
class ListedPhoto:
    """A photo on a page: with the head count that it goes with. `kept`: the count waits for a person."""

    id: uuid.UUID
    event_id: uuid.UUID
    place: str
    tz: str
    gate: str | None
    n: int
    kept: bool
    counted_at: datetime
    until: datetime


def last_count_by(event_id: uuid.UUID, by: str) -> CountOfPhone | None:
    """The last head count that this phone reported here."""
    has_photo = exists().where(Photo.head_count_id == HeadCount.id)
    own = HeadCount.event_id == event_id, HeadCount.by == by
    rows = select(HeadCount.nonce, has_photo).where(*own).order_by(HeadCount.counted_at.desc(), HeadCount.id)
    row = db.session.execute(rows.limit(1)).first()
    return CountOfPhone(row[0].hex(), row[1]) if row else None


def photos_of(
    event_ids: Collection[uuid.UUID], *, now: datetime, page: int = 1
) -> tuple[list[ListedPhoto], int]:
    """A page of the photos of these events, the latest counts first, and how many pages there are."""
    conditions = Photo.event_id.in_(event_ids), Photo.until > now
    whole = db.session.scalar(select(func.count()).select_from(Photo).where(*conditions)) or 0
    pages = max(1, -(-whole // PER_PAGE))
    rows = db.session.execute(
        select(Photo.id, Photo.event_id, Photo.until, Event.tz, Event.venue, Site.name,
               Gate.name.label("gate"), HeadCount.n, HeadCount.counted_at, HeadCount.voided_at)
        .join(HeadCount, HeadCount.id == Photo.head_count_id)
        .join(Event, Event.id == Photo.event_id)
        .outerjoin(Site, Site.id == Event.site_id)
        .outerjoin(Gate, Gate.id == HeadCount.gate_id)
        .where(*conditions)
        .order_by(HeadCount.counted_at.desc(), Photo.id)
        .limit(PER_PAGE)
        .offset((min(max(page, 1), pages) - 1) * PER_PAGE)
    )  # fmt: skip
    return [_listed(row) for row in rows], pages


def number_of_photos(event_id: uuid.UUID, now: datetime) -> int:
    """How many photos of this event there are."""
    conditions = Photo.event_id == event_id, Photo.until > now
    return db.session.scalar(select(func.count()).select_from(Photo).where(*conditions)) or 0


def _listed(row: Any) -> ListedPhoto:
    place, kept = row.name or row.venue, row.voided_at is not None
    return ListedPhoto(row.id, row.event_id, place, row.tz, row.gate, row.n, kept, row.counted_at, row.until)
