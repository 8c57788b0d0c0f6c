"""Operations on campaigns, actions and events. The printed code of an event never changes here."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, update

from mobilize import audit, settings
from mobilize.accounts.access.grants import move_grants
from mobilize.accounts.models import GrantKind
from mobilize.actions.events.codes import free_text_code, one_at_a_time
from mobilize.actions.models import Action, ActionKind, Campaign, Event, EventChapter, EventState, Shift
from mobilize.actions.queries import (
    action_without_site,
    captains_line_ends,
    chairs_line_ends,
    event_at_time,
    sites_for,
    text_codes_in_use,
)
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.backup import journal
from mobilize.database import atomic, db, new_id
from mobilize.errors import Refused
from mobilize.fast.versions import mark_changed
from mobilize.keys.tokens import make_code
from mobilize.languages import DEFAULT, Translated, _
from mobilize.roster.models import Area, Site

LONGEST_NAME = 120


@dataclass(frozen=True)
class NewAction:
    """The values of an action before it has any place.

    `id` is made when the form is opened: sent twice, it makes one action.
    """

    name: Translated
    kind: ActionKind
    span: LocalTimeRange
    campaign_id: uuid.UUID | None = None
    drill: bool = False
    elsewhere_ok: bool = True
    target_percent: int = 75
    id: uuid.UUID = field(default_factory=new_id)


def create_campaign(
    name: Translated, demands: Translated, *, actor: str, now: datetime, id: uuid.UUID | None = None
) -> Campaign:
    """Create a campaign with its demands, one a line. With the same `id` twice it is created once."""
    with atomic() as session:
        one_at_a_time()
        existing = session.get(Campaign, id) if id else None
        if existing:
            return existing
        campaign = Campaign(
            id=id or new_id(),
            name=_named(name),
            demands=demands,
            made_at=now,
        )
        session.add(campaign)
        session.flush()
        audit.note(actor, "campaign.create", campaign.id, now=now)
    return campaign


def change_campaign(
    campaign: Campaign, name: Translated, demands: Translated, *, actor: str, now: datetime
) -> None:
    """Change its name and demands: on pages, receipts, and posters printed later."""
    with atomic():
        campaign.name, campaign.demands = _named(name), demands
        audit.note(actor, "campaign.change", campaign.id, now=now)


def create_action_at_sites(
    new: NewAction, *, areas: Sequence[Area] | None = None, actor: str, now: datetime
) -> Action:
    """Create an action with one event at every site the union represents, or at those of some areas.

    Each event starts at the same time of day where its site is. Everything or nothing is stored.
    Twice with the same `new.id` makes one. Raises `Refused` when there is no such site.
    """
    with atomic() as session:
        one_at_a_time()
        existing = session.get(Action, new.id)
        if existing:
            return existing
        sites = sites_for(areas)
        if not sites:
            raise Refused("no_sites", _("There is no site to hold it at. Import the sites first."))
        action = _action(new, actor=actor, now=now)
        _add_events(action, new.span, sites, now=now)
        audit.note(actor, "action.create", action.id, now=now)
    return action


def create_rally(
    new: NewAction,
    venue: str,
    *,
    areas: Sequence[Area] | None,
    tz: str | None = None,
    actor: str,
    now: datetime,
) -> Action:
    """Create a rally at one venue, the home event of every chapter of `areas` (None: of the whole union).

    Twice with the same `new.id` makes one. Raises `Refused` without a venue or without any chapter.
    """
    if not venue.strip():
        raise Refused("no_venue", _("Enter where the rally is."))
    with atomic() as session:
        one_at_a_time()
        existing = session.get(Action, new.id)
        if existing:
            return existing
        chapters = sites_for(areas)
        if not chapters:
            raise Refused("no_sites", _("No chapter would come to it. Import the sites first."))
        action = _action(new, actor=actor, now=now)
        zone = tz or settings().union_timezone
        starts_at, ends_at = new.span.moments(zone)
        home_area = areas[0].id if areas and len(areas) == 1 else None
        event = _event(action, starts_at, ends_at, zone, text_codes_in_use(now), now)
        event.venue, event.area_id = venue.strip()[:200], home_area
        session.add_all([event, _shift(event)])
        session.add_all(EventChapter(event_id=event.id, site_id=s.id, action_id=action.id) for s in chapters)
        audit.note(actor, "action.create", action.id, now=now)
    return action


def create_site_event(
    site: Site, name: Translated, span: LocalTimeRange, meet_at: str = "", *, actor: str, now: datetime
) -> Event:
    """Create a chair's own event at their site.

    It joins the office's action of that day when that one lacks the site; else it is an action of its own.
    Raises `Refused` when there is already one at this site at that time.
    """
    starts_at, ends_at = span.moments(site.tz)
    with atomic() as session:
        # Two taps on "Create" wait for each other here, and the second is told of the first.
        one_at_a_time()
        _refuse_past(ends_at, now)
        _refuse_second(site.id, starts_at, ends_at)
        action = action_without_site(site, starts_at, ends_at)
        if action is None:
            action = _local_action(site, name, span, actor, now)
        event = _event(action, starts_at, ends_at, site.tz, text_codes_in_use(now), now, site)
        event.meet_at = meet_at.strip()[:200]
        session.add_all([event, _shift(event)])
        session.add(EventChapter(event_id=event.id, site_id=site.id, action_id=action.id))
        audit.note(actor, "event.create", event.id, now=now)
    return event


def move_event(
    event: Event, span: LocalTimeRange, meet_at: str, *, venue: str = "", actor: str, now: datetime
) -> bool:
    """Change when an event is, where its people meet, or a rally's `venue`; True when that changed anything.

    The printed code stays good. `version` grows, by which members who were told are told again. The same
    values twice change nothing; the links of its phones last as long as it does now. Raises `Refused` for an
    event that is over or called off, for a time that is over, and for one at which another event stands at
    the site.
    """
    starts_at, ends_at = span.moments(event.tz)
    with atomic() as session:
        one_at_a_time()
        session.refresh(event, with_for_update={"of": Event})
        _refuse_over(event, now)
        values = (starts_at, ends_at, meet_at.strip()[:200], _new_venue(event, venue))
        if values == (event.starts_at, event.ends_at, event.meet_at, event.venue):
            return False
        _refuse_past(ends_at, now)
        if event.site_id:
            _refuse_second(event.site_id, starts_at, ends_at, besides=event.id)
        _move(event, values, event.version + 1, actor, now)
    return True


def repeat_move(
    event: Event, values: tuple[datetime, datetime, str, str], version: int, *, actor: str, now: datetime
) -> None:
    """Move an event again to where it was as of this version, in minutes that a restore has lost. One that
    was moved since, called off or closed stays as it is."""
    with atomic() as session:
        session.refresh(event, with_for_update={"of": Event})
        if event.version < version and event.state is EventState.PLANNED:
            _move(event, values, version, actor, now)


def _move(
    event: Event, values: tuple[datetime, datetime, str, str], version: int, actor: str, now: datetime
) -> None:
    _move_shifts(event, values[0], values[1])
    event.starts_at, event.ends_at, event.meet_at, event.venue = values
    event.version = version
    event.moved_at = now
    _move_action_with(event)
    move_grants(event.id, GrantKind.CAPTAIN, captains_line_ends(event), now=now)
    move_grants(event.id, GrantKind.CHAIR, chairs_line_ends(event), now=now)
    audit.note(actor, "event.move", event.id, now=now)
    times = {"starts_at": values[0].isoformat(), "ends_at": values[1].isoformat()}
    place = {"meet_at": event.meet_at, "venue": event.venue}
    entry = {"event": str(event.id), **times, **place, "version": version, "by": actor}
    journal.note("event.move", entry, now=now)


def call_off_action(action: Action, *, actor: str, now: datetime) -> bool:
    """Call off every event of it that is not closed; False when that was done before, which changes nothing.

    Pages and the posters' codes say it from here on; the room reminders tells who had been told. Refused:
    "is_over" when all of it has ended.
    """
    with atomic() as session:
        session.refresh(action, with_for_update={"of": Action})
        if action.called_off_at is not None:
            return False
        called_off = session.scalars(
            update(Event)
            .where(Event.action_id == action.id, Event.state == EventState.PLANNED, Event.ends_at > now)
            .values(state=EventState.CALLED_OFF)
            .returning(Event.id)
            .execution_options(synchronize_session=False)
        ).all()
        mark_changed(*called_off)
        if not called_off:
            raise Refused("is_over", _("This action is over. There is nothing to call off."), status=409)
        action.called_off_at = now
        audit.note(actor, "action.call_off", action.id, now=now)
        journal.note("action.call_off", {"action": str(action.id), "by": actor}, now=now)
    session.expire_all()
    return True


def _new_venue(event: Event, venue: str) -> str:
    return event.venue if event.site_id else venue.strip()[:200] or event.venue


def _move_action_with(event: Event) -> None:
    """An action with this one event is when the event is; one at many sites keeps the time it was set for."""
    others = select(Event.id).where(Event.action_id == event.action_id, Event.id != event.id).limit(1)
    if db.session.scalar(others) is None:
        event.action.starts_at, event.action.ends_at = event.starts_at, event.ends_at


def _move_shifts(event: Event, starts_at: datetime, ends_at: datetime) -> None:
    """One shift follows its event; several keep their length and move by as much as the start."""
    if len(event.shifts) == 1:
        event.shifts[0].starts_at, event.shifts[0].ends_at = starts_at, ends_at
        return
    by = starts_at - event.starts_at
    for shift in event.shifts:
        shift.starts_at, shift.ends_at = shift.starts_at + by, shift.ends_at + by


def _add_events(action: Action, span: LocalTimeRange, sites: Iterable[Site], *, now: datetime) -> None:
    used = text_codes_in_use(now)
    by_zone: dict[str, tuple[datetime, datetime]] = {}
    for site in sites:
        if site.tz not in by_zone:
            by_zone[site.tz] = span.moments(site.tz)
        starts_at, ends_at = by_zone[site.tz]
        event = _event(action, starts_at, ends_at, site.tz, used, now, site)
        db.session.add_all([event, _shift(event)])
        db.session.add(EventChapter(event_id=event.id, site_id=site.id, action_id=action.id))
    db.session.flush()


def _action(new: NewAction, *, actor: str, now: datetime, owner: Site | None = None) -> Action:
    starts_at, ends_at = new.span.moments(owner.tz if owner else settings().union_timezone)
    action = Action(
        id=new.id,
        campaign_id=new.campaign_id,
        kind=new.kind,
        name=_named(new.name),
        owner_site_id=owner.id if owner else None,
        drill=new.drill,
        elsewhere_ok=new.elsewhere_ok,
        target_percent=new.target_percent,
        starts_at=starts_at,
        ends_at=ends_at,
        made_at=now,
        made_by=actor,
    )
    db.session.add(action)
    db.session.flush()
    return action


def _local_action(site: Site, name: Translated, span: LocalTimeRange, actor: str, now: datetime) -> Action:
    return _action(NewAction(name, ActionKind.PICKET, span), actor=actor, now=now, owner=site)


def _event(
    action: Action,
    starts_at: datetime,
    ends_at: datetime,
    tz: str,
    used_text_codes: set[str],
    now: datetime,
    site: Site | None = None,
) -> Event:
    return Event(
        action_id=action.id,
        site_id=site.id if site else None,
        area_id=site.area_id if site else None,
        tz=tz,
        code=make_code(),
        text_code=free_text_code(used_text_codes),
        starts_at=starts_at,
        ends_at=ends_at,
        made_at=now,
    )


def _shift(event: Event) -> Shift:
    return Shift(event_id=event.id, starts_at=event.starts_at, ends_at=event.ends_at)


def _named(name: Translated) -> Translated:
    name = name.map(lambda text: text.strip()[:LONGEST_NAME])
    if DEFAULT not in name:
        raise Refused("no_name", _("Give it a name."))
    return name


def _refuse_second(
    site_id: uuid.UUID, starts_at: datetime, ends_at: datetime, *, besides: uuid.UUID | None = None
) -> None:
    if event_at_time(site_id, starts_at, ends_at, besides=besides):
        raise Refused(
            "already_one",
            _("There is already an event at this site at that time. Open it instead."),
            status=409,
        )


def _refuse_past(ends_at: datetime, now: datetime) -> None:
    if ends_at <= now:
        raise Refused("in_the_past", _("That time is over already. Check the day."))


def _refuse_over(event: Event, now: datetime) -> None:
    if event.state is not EventState.PLANNED or now > event.ends_at:
        raise Refused("is_over", _("This event is over or called off. It cannot be moved."), status=409)
