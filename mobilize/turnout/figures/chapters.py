"""The chapters of an action, each with its home event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.database import db
from mobilize.roster.models import Area, Site


@dataclass(frozen=True, slots=True)
class ChapterHome:
    """A chapter and its home event."""

    site_id: UUID
    code: str
    name: str
    area_id: UUID
    area: str
    tz: str
    event_id: UUID
    event_area_id: UUID | None
    frozen_at: datetime | None
    lat: float | None
    lon: float | None

    @property
    def place(self) -> tuple[float, float] | None:
        """Latitude and longitude, when both are known."""
        return None if self.lat is None or self.lon is None else (self.lat, self.lon)


def homes_of(action: Action, site_id: UUID | None = None) -> list[ChapterHome]:
    """The chapters of an action, or one of them, by area and name."""
    query = _homes([action.id]).order_by(Area.name, Site.name, Site.code)
    rows = db.session.execute(query.where(Site.id == site_id) if site_id else query)
    return [ChapterHome(*row[1:]) for row in rows]


def homes_of_site(action_ids: Sequence[UUID], site_id: UUID) -> dict[UUID, ChapterHome]:
    """One chapter's home in each of these actions in which it has one."""
    rows = db.session.execute(_homes(action_ids).where(Site.id == site_id))
    return {row[0]: ChapterHome(*row[1:]) for row in rows}


def _homes(action_ids: Sequence[UUID]) -> Any:
    return (
        select(
            Event.action_id, Site.id, Site.code, Site.name, Site.area_id, Area.name, Event.tz,
            Event.id, Event.area_id, Event.frozen_at, Site.lat, Site.lon,
        )
        .join(EventChapter, EventChapter.site_id == Site.id)
        .join(Event, Event.id == EventChapter.event_id)
        .join(Area, Area.id == Site.area_id)
        .where(
            EventChapter.action_id.in_(action_ids),
            Event.action_id.in_(action_ids),
            EventChapter.gone_at.is_(None),
            Event.state != EventState.CALLED_OFF,
        )
    )  # fmt: skip
