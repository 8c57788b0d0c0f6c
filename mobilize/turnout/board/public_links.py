"""Links to a wall: a grant of the kind "wall", given for an action by one of its events."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from mobilize.accounts.access.scope import Scope
from mobilize.accounts.models import GrantKind, LineGrant
from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.database import db
from mobilize.roster.models import Area, Site


def wall_event(action: Action) -> Event | None:
    """The event by which a wall's grant is tied to its action."""
    planned = select(Event).where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
    return db.session.scalar(planned.order_by(Event.id).limit(1))


def wall_ends(action: Action) -> datetime:
    """A wall's link ends when the action's figures are fixed."""
    return action.ends_at + timedelta(minutes=action.close_after_minutes)


def open_walls(action: Action, scope: Scope, now: datetime) -> Sequence[LineGrant]:
    """The links of an action that still show something, oldest first: all of them to the office, to an
    organizer those of their areas."""
    grants = db.session.scalars(
        select(LineGrant)
        .join(Event, Event.id == LineGrant.event_id)
        .where(
            Event.action_id == action.id,
            LineGrant.kind == GrantKind.WALL,
            LineGrant.revoked_at.is_(None),
            LineGrant.ends_at > now,
        )
        .order_by(LineGrant.id)
    )
    return [
        grant for grant in grants if scope.everything or (grant.area_id and scope.sees_area(grant.area_id))
    ]


def areas_for_walls(action: Action, scope: Scope) -> Sequence[Area]:
    """The areas of which somebody may give a link: those of the action's chapters, by name."""
    chapters = select(EventChapter.site_id).where(
        EventChapter.action_id == action.id, EventChapter.gone_at.is_(None)
    )
    inside = select(Site.area_id).where(Site.id.in_(chapters))
    areas = db.session.scalars(select(Area).where(Area.id.in_(inside)).order_by(Area.name))
    return [area for area in areas if scope.sees_area(area.id)]
