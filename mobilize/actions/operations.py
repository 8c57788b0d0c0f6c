"""What can be done with campaigns, actions and events. The printed code of an event never changes here."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from mobilize import audit, settings
from mobilize.actions.models import Action, ActionKind, Campaign, Event, EventChapter, EventState, Shift
from mobilize.actions.queries import action_without_site, sites_for, text_codes_in_use
from mobilize.actions.spans import LocalSpan
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Area, Site
from mobilize.tokens import make_code, make_text_code


@dataclass(frozen=True)
class Bilingual:
    """A few words in both languages; without Spanish the English stands for both until somebody translates."""

    en: str
    es: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "en", self.en.strip())
        object.__setattr__(self, "es", self.es.strip() or self.en)


@dataclass(frozen=True)
class NewAction:
    """What an organizer decides about an action before it has any place."""

    name: Bilingual
    kind: ActionKind
    span: LocalSpan
    campaign_id: uuid.UUID | None = None
    drill: bool = False
    elsewhere_ok: bool = True
    target_percent: int = 75


def create_campaign(name: Bilingual, demands: Bilingual, *, actor: str, now: datetime) -> Campaign:
    """A campaign with its demands, one a line. Twice makes two: people name them."""
    with atomic() as session:
        campaign = Campaign(
            name_en=_named(name.en),
            name_es=name.es[:120],
            demands_en=demands.en,
            demands_es=demands.es,
            made_at=now,
        )
        session.add(campaign)
        session.flush()
        audit.note(actor, "campaign.create", campaign.id, now=now)
    return campaign


def create_action_at_sites(
    new: NewAction, *, areas: Sequence[Area] | None = None, actor: str, now: datetime
) -> Action:
    """An action with one event at every site the union represents, or at those of some areas.

    Each event starts at the same time of day where its site is. Everything or nothing is stored.
    Raises `Refused` when there is no such site.
    """
    with atomic():
        sites = sites_for(areas)
        if not sites:
            raise Refused("no_sites", _("There is no site to hold it at. Import the sites first."))
        action = _action(new, actor=actor, now=now)
        _add_events(action, new.span, sites, now=now)
        audit.note(actor, "action.create", action.id, now=now)
    return action


def create_rally(
    new: NewAction, venue: str, *, areas: Sequence[Area], tz: str | None = None, actor: str, now: datetime
) -> Action:
    """A rally at one venue, the home event of every chapter of `areas`. Raises `Refused` without a venue."""
    if not venue.strip():
        raise Refused("no_venue", _("Say where the rally is."))
    with atomic() as session:
        chapters = sites_for(areas)
        action = _action(new, actor=actor, now=now)
        starts_at, ends_at = new.span.moments(tz or settings().union_timezone)
        home_area = areas[0].id if len(areas) == 1 else None
        event = _event(action, starts_at, ends_at, tz or settings().union_timezone, set(), now)
        event.venue, event.area_id = venue.strip()[:200], home_area
        session.add_all([event, _shift(event)])
        session.add_all(EventChapter(event_id=event.id, site_id=s.id, action_id=action.id) for s in chapters)
        audit.note(actor, "action.create", action.id, now=now)
    return action


def create_site_event(
    site: Site, name: Bilingual, span: LocalSpan, meet_at: str = "", *, actor: str, now: datetime
) -> Event:
    """A chair's own event at her site.

    It joins the office's action of that day when that one lacks her site; else it is an action of her own.
    Raises `Refused` when there is already one at this site at that time.
    """
    starts_at, ends_at = span.moments(site.tz)
    with atomic() as session:
        # Two taps on "Create" wait for each other here, and the second is told of the first.
        session.refresh(site, with_for_update=True)
        _refuse_second(site, starts_at, ends_at)
        action = action_without_site(site, starts_at, ends_at)
        if action is None:
            action = _local_action(site, name, span, actor, now)
        event = _event(action, starts_at, ends_at, site.tz, text_codes_in_use(now), now, site)
        event.meet_at = meet_at.strip()[:200]
        session.add_all([event, _shift(event)])
        session.add(EventChapter(event_id=event.id, site_id=site.id, action_id=action.id))
        audit.note(actor, "event.create", event.id, now=now)
    return event


def move_event(event: Event, span: LocalSpan, meet_at: str, *, actor: str, now: datetime) -> bool:
    """Change when an event is, or where its people meet; True when that changed anything.

    The printed code stays good. `version` grows, by which members who were told are told again. Saying
    the same twice changes nothing. Raises `Refused` for an event that is over or called off.
    """
    starts_at, ends_at = span.moments(event.tz)
    with atomic() as session:
        session.refresh(event, with_for_update=True)
        _refuse_over(event, now)
        asked = (starts_at, ends_at, meet_at.strip()[:200])
        if asked == (event.starts_at, event.ends_at, event.meet_at):
            return False
        _move_shifts(event, starts_at, ends_at)
        event.starts_at, event.ends_at, event.meet_at = asked
        event.version += 1
        audit.note(actor, "event.move", event.id, now=now)
    return True


def _move_shifts(event: Event, starts_at: datetime, ends_at: datetime) -> None:
    """One shift follows its event; several keep their length and move by as much as the start."""
    if len(event.shifts) == 1:
        event.shifts[0].starts_at, event.shifts[0].ends_at = starts_at, ends_at
        return
    by = starts_at - event.starts_at
    for shift in event.shifts:
        shift.starts_at, shift.ends_at = shift.starts_at + by, shift.ends_at + by


def _add_events(action: Action, span: LocalSpan, sites: Iterable[Site], *, now: datetime) -> None:
    used = text_codes_in_use(now)
    by_zone: dict[str, tuple[datetime, datetime]] = {}
    for site in sites:
        starts_at, ends_at = by_zone.setdefault(site.tz, span.moments(site.tz))
        event = _event(action, starts_at, ends_at, site.tz, used, now, site)
        db.session.add_all([event, _shift(event)])
        db.session.add(EventChapter(event_id=event.id, site_id=site.id, action_id=action.id))
    db.session.flush()


def _action(new: NewAction, *, actor: str, now: datetime, owner: Site | None = None) -> Action:
    starts_at, ends_at = new.span.moments(owner.tz if owner else settings().union_timezone)
    action = Action(
        campaign_id=new.campaign_id,
        kind=new.kind,
        name_en=_named(new.name.en),
        name_es=new.name.es[:120],
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


def _local_action(site: Site, name: Bilingual, span: LocalSpan, actor: str, now: datetime) -> Action:
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
        text_code=_free_text_code(used_text_codes),
        starts_at=starts_at,
        ends_at=ends_at,
        made_at=now,
    )


def _free_text_code(used: set[str]) -> str:
    # Five digits hold 9,000 codes; past a third of them, guessing one open event gets easy, and one more is used.
    length = 5 if len(used) < 3000 else 6
    code = make_text_code(length)
    while code in used:
        code = make_text_code(length)
    used.add(code)
    return code


def _shift(event: Event) -> Shift:
    return Shift(event_id=event.id, starts_at=event.starts_at, ends_at=event.ends_at)


def _named(name: str) -> str:
    if not name:
        raise Refused("no_name", _("Give it a name."))
    return name[:120]


def _refuse_second(site: Site, starts_at: datetime, ends_at: datetime) -> None:
    there = db.session.scalar(
        select(Event).where(
            Event.site_id == site.id,
            Event.state != EventState.CALLED_OFF,
            Event.starts_at < ends_at,
            Event.ends_at > starts_at,
        )
    )
    if there:
        raise Refused(
            "already_one",
            _("There is already an event at your site at that time. Open it instead."),
            status=409,
        )


def _refuse_over(event: Event, now: datetime) -> None:
    if event.state is not EventState.PLANNED or now > event.ends_at:
        raise Refused("is_over", _("This event is over or called off. It cannot be moved."), status=409)
