"""The chapters of an action, each with its home event."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.database import db
from mobilize.roster.models import Area, Site


@dataclass(frozen=True, slots=True)
class Home:
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


def homes_of(action: Action, site_id: UUID | None = None) -> list[Home]:
    """The chapters of an action, or one of them, by area and name."""
    query = (
        select(
            Site.id, Site.code, Site.name, Site.area_id, Area.name, Event.tz,
            Event.id, Event.area_id, Event.frozen_at, Site.lat, Site.lon,
        )
        .join(EventChapter, EventChapter.site_id == Site.id)
        .join(Event, Event.id == EventChapter.event_id)
        .join(Area, Area.id == Site.area_id)
        .where(
            EventChapter.action_id == action.id,
            EventChapter.gone_at.is_(None),
            Event.state != EventState.CALLED_OFF,
        )
        .order_by(Area.name, Site.name, Site.code)
    )  # fmt: skip
    rows = db.session.execute(query.where(Site.id == site_id) if site_id else query)
    return [Home(*row) for row in rows]
