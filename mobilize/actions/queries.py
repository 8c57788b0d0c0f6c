"""Queries about campaigns, actions and events."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select, true
from sqlalchemy.orm import joinedload, selectinload

from mobilize.actions.models import Action, ActionKind, Campaign, Event, EventChapter, EventState, OldCode
from mobilize.backup import gaps
from mobilize.backup.gaps import RecoveryGap
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.keys.tokens import read_code
from mobilize.languages import DEFAULT, _, say_time
from mobilize.roster.models import Area, Member, Membership, MembershipRank, MemberStatus, Site
from mobilize.roster.names import PersonName

# How long before the start and after the end somebody may still check in: as in `docs/check-in.md`.
EARLY = timedelta(minutes=30)
LATE = timedelta(minutes=30)


def losses_of(of: Action | Event) -> Sequence[RecoveryGap]:
    """The gaps in which something of this action or event may be lost, the first one first."""
    return gaps.losses_between(of.starts_at - EARLY, of.ends_at + LATE)


def lost_at(event: Event) -> list[str]:
    """One sentence for whoever looks after this line for each time in which a restore may have lost something
    of it."""
    return [
        _(
            "%(start)s-%(end)s: a backup was put back, and what was sent in these minutes may be missing. "
            "Open the line page on each phone of the line: it sends its list again. Then report the head "
            "count once more.",
            start=say_time(gap.from_at, event.tz),
            end=say_time(gap.opened_at, event.tz),
        )
        for gap in losses_of(event)
    ]


def lost_minutes(action: Action, tz: str) -> list[str]:
    """The same for the reports of an action, in times of this zone."""
    return [
        _(
            "%(start)s-%(end)s: a backup was put back, and what members sent in these minutes may be "
            "missing. The phones of the lines have sent theirs again.",
            start=say_time(gap.from_at, tz),
            end=say_time(gap.opened_at, tz),
        )
        for gap in losses_of(action)
    ]


def event_by_code(typed: str) -> Event | None:
    """The event of a code, however it was typed; called-off ones too, whose poster still hangs. Also of an
    old code, since lines and members' own links go on under it: `cached_event` tells the difference."""
    code = read_code(typed)
    by_code = select(Event).options(
        joinedload(Event.site),
        joinedload(Event.action).joinedload(Action.campaign),
        selectinload(Event.shifts),
    )
    return db.session.scalar(by_code.where(Event.code == code)) or db.session.scalar(
        by_code.join(OldCode, OldCode.event_id == Event.id).where(OldCode.code == code)
    )


def event_ids_with_code(code: str) -> Select[uuid.UUID]:
    """SELECT of the id of the event that has this code, or had it before it was replaced."""
    old = select(OldCode.event_id).where(OldCode.code == code)
    return select(Event.id).where(or_(Event.code == code, Event.id.in_(old)))


def codes_of(event: Event) -> list[str]:
    """Every code an event has had, today's first."""
    old = select(OldCode.code).where(OldCode.event_id == event.id).order_by(OldCode.replaced_at.desc())
    return [event.code, *db.session.scalars(old)]


def event_by_text_code(digits: str, now: datetime) -> Event | None:
    """The event with these digits (`HERE 48219`), around its hours."""
    return db.session.scalar(
        select(Event).where(
            Event.text_code == digits,
            Event.state == EventState.PLANNED,
            Event.starts_at <= now + timedelta(hours=12),
            Event.ends_at >= now - timedelta(hours=12),
        )
    )


def old_text_code(digits: str, now: datetime) -> tuple[Event, datetime] | None:
    """The event that had these digits (`HERE 48219`), around its hours, and when they were replaced."""
    row = db.session.execute(
        select(Event, OldCode.replaced_at)
        .join(OldCode, OldCode.event_id == Event.id)
        .where(OldCode.text_code == digits, Event.state == EventState.PLANNED)
        .where(Event.starts_at <= now + timedelta(hours=12), Event.ends_at >= now - timedelta(hours=12))
        .order_by(OldCode.replaced_at.desc())
    ).first()
    return (row[0], row[1]) if row else None


def text_codes_in_use(now: datetime) -> set[str]:
    """Digits that must not be given out again: of events that are not over for a day, old ones too."""
    running = Event.ends_at > now - timedelta(days=1)
    old = select(OldCode.text_code).join(Event, Event.id == OldCode.event_id).where(running)
    return set(db.session.scalars(select(Event.text_code).where(running))) | set(db.session.scalars(old))


def sites_for(areas: Sequence[Area] | None) -> Sequence[Site]:
    """Sites the union represents, in all areas or in some; by area and name."""
    query = select(Site).join(Area).where(Site.represented).order_by(Area.name, Site.name)
    if areas is not None:
        query = query.where(Site.area_id.in_([area.id for area in areas]))
    return db.session.scalars(query).all()


def active_members_at(sites: Sequence[Site]) -> int:
    """How many would be eligible at an action of these chapters by today's roster."""
    at_home = Membership.rank == MembershipRank.HOME, Membership.to_at.is_(None)
    counts = (
        select(Membership.site_id, func.count())
        .join(Member, Member.id == Membership.member_id)
        .where(*at_home, Member.gone_on.is_(None), Member.status == MemberStatus.ACTIVE)
        .group_by(Membership.site_id)
    )
    by_site = dict(db.session.execute(counts).all())
    return sum(by_site.get(site.id, 0) for site in sites)


def event_at_time(
    site_id: uuid.UUID, starts_at: datetime, ends_at: datetime, *, besides: uuid.UUID | None = None
) -> Event | None:
    """The event that stands at this site during some of this time, other than the one with id `besides`."""
    return db.session.scalar(
        select(Event)
        .where(
            Event.site_id == site_id,
            Event.state != EventState.CALLED_OFF,
            Event.starts_at < ends_at,
            Event.ends_at > starts_at,
            Event.id != besides if besides else true(),
        )
        .order_by(Event.starts_at)
    )


def action_without_site(site: Site, starts_at: datetime, ends_at: datetime) -> Action | None:
    """The union's action that overlaps this time and has no home event for this site yet.

    A rally has its own place, and a drill its own people: a site's event joins neither.
    """
    has_site = select(EventChapter.action_id).where(
        EventChapter.site_id == site.id, EventChapter.gone_at.is_(None)
    )
    return db.session.scalar(
        select(Action)
        .where(
            Action.owner_site_id.is_(None),
            Action.called_off_at.is_(None),
            Action.kind != ActionKind.RALLY,
            ~Action.drill,
            Action.starts_at < ends_at,
            Action.ends_at > starts_at,
            Action.id.not_in(has_site),
        )
        .order_by(Action.starts_at)
    )


def find_action(named: str) -> Action:
    """An action by its id or the start of its name. Raises `Refused` when none or several fit."""
    try:
        fits = [db.session.get(Action, uuid.UUID(named))]
    except ValueError:
        start = func.lower(Action.name[DEFAULT].as_string()).startswith(named.lower(), autoescape=True)
        fits = list(db.session.scalars(select(Action).where(start).limit(3)))
    fits = [action for action in fits if action]
    if len(fits) != 1:
        what = (
            _("No action is called that.") if not fits else _("Several actions start like that: give the id.")
        )
        raise Refused("no_action", what, status=404)
    return fits[0]  # type: ignore[return-value]


def find_areas(names: str) -> list[Area]:
    """Areas by their names, separated by commas. Raises `Refused` naming the one that is unknown."""
    by_name = {area.name.casefold(): area for area in db.session.scalars(select(Area))}
    listed_names = [name.strip() for name in names.split(",") if name.strip()]
    for name in listed_names:
        if name.casefold() not in by_name:
            listed = ", ".join(sorted(area.name for area in by_name.values()))
            raise Refused(
                "no_area", _("There is no area “%(name)s”. There are: %(listed)s.", name=name, listed=listed)
            )
    return [by_name[name.casefold()] for name in listed_names]


def events_of(action: Action, area: Area | None = None) -> Sequence[Event]:
    """The events of an action that were not called off, by area and place."""
    query = (
        select(Event)
        .outerjoin(Site, Event.site_id == Site.id)
        .outerjoin(Area, Event.area_id == Area.id)
        .where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
        .options(joinedload(Event.site), joinedload(Event.area))
        .order_by(Area.name, Site.name, Event.venue)
    )
    return db.session.scalars(query.where(Event.area_id == area.id) if area else query).all()


def events_at(site: Site, *, after: datetime) -> Sequence[Event]:
    """Events a site's chapter belongs to that end after a moment, soonest first."""
    return db.session.scalars(
        select(Event)
        .join(EventChapter, EventChapter.event_id == Event.id)
        .where(EventChapter.site_id == site.id, EventChapter.gone_at.is_(None), Event.ends_at > after)
        .options(joinedload(Event.action), joinedload(Event.site))
        .order_by(Event.starts_at)
    ).all()


def all_campaigns() -> Sequence[Campaign]:
    """Campaigns with their actions, newest first."""
    return db.session.scalars(
        select(Campaign).options(selectinload(Campaign.actions)).order_by(Campaign.made_at.desc())
    ).all()


def actions_without_campaign() -> Sequence[Action]:
    """Actions of the office, or a chair's own, that belong to no campaign; newest first."""
    return db.session.scalars(
        select(Action).where(Action.campaign_id.is_(None)).order_by(Action.starts_at.desc()).limit(100)
    ).all()


def is_open(event: Event, now: datetime) -> bool:
    """Whether check-in is open: from 30 minutes before the start to 30 minutes after the end."""
    return event.state is EventState.PLANNED and event.starts_at - EARLY <= now <= event.ends_at + LATE


def captains_line_ends(event: Event) -> datetime:
    """The end of captains' links: the last moment that counts."""
    return event.ends_at + LATE


def chairs_line_ends(event: Event) -> datetime:
    """The end of the chair's line page: when the event is closed, after sign-in sheet and last head count."""
    return event.ends_at + timedelta(minutes=event.action.close_after_minutes)


def chapters_of(event_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """Ids of the chapters whose home event this is."""
    return db.session.scalars(
        select(EventChapter.site_id).where(EventChapter.event_id == event_id, EventChapter.gone_at.is_(None))
    ).all()


def chapter_names(site_id: uuid.UUID) -> list[tuple[uuid.UUID, PersonName]]:
    """The members of a chapter today, home or second site. The caller has the site in scope."""
    rows = db.session.execute(
        select(Member.id, Member.name_enc)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.site_id == site_id, Membership.to_at.is_(None), Member.gone_on.is_(None))
        .where(Member.erased_at.is_(None))
    ).all()
    sealed = {member: name for member, name in rows if name is not None}
    return [(member, PersonName.read(Member.name.open(member, name))) for member, name in sealed.items()]
