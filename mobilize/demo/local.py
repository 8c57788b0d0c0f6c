"""The demo local: invented once, a picket that is open whenever the demo starts, and wiped on request."""

import random
import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select

from mobilize import clock, settings
from mobilize.actions.models import Action, ActionKind, Campaign, Event, EventState
from mobilize.actions.queries import check_in_address, text_codes_in_use
from mobilize.database import Model, atomic, db, new_id
from mobilize.demo import invented
from mobilize.demo.links import captains_link, chairs_site, sign_in_links
from mobilize.demo.mornings import Morning, Plan, store_action, store_counts, store_eligible, store_turnout
from mobilize.demo.union import DEMO_AREA, Local, store, store_union, stored_union
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.operations import set_default_rules
from mobilize.roster.models import Site
from mobilize.turnout.operations import close_events

SEED = 1937
# Weeks ago, what it was, and the share of the union that came: each step harder, and more came.
PAST = (
    (8, ActionKind.COUNT, "Red sticker day", "Día de la calcomanía roja", time(7, 30), time(15), 0.45),
    (5, ActionKind.PICKET, "First morning picket", "Primer piquete matutino", time(7), time(7, 45), 0.58),
    (2, ActionKind.PICKET, "Second morning picket", "Segundo piquete matutino", time(7), time(7, 45), 0.66),
)
BEFORE_NOW, AFTER_NOW = timedelta(minutes=20), timedelta(hours=2)
# A picket that ends sooner than this is as good as over for somebody who starts the demo now.
STILL = timedelta(minutes=25)
VARIES, WAVERS = 0.12, 0.05


@dataclass(frozen=True)
class Picket:
    """What the terminal shows: (who, address that works once) in order, and where members check in."""

    links: list[tuple[str, str]]
    check_in_url: str


def load_demo(now: datetime) -> None:
    """Invent the local with its past, a picket now, a vigil tomorrow and a rally in two weeks.

    In one transaction; the same figures every time. Raises `Refused` where there are sites already.
    """
    if db.session.scalar(select(Site.id).limit(1)):
        raise Refused("not_empty", _("There is a local already. The demo is only loaded into an empty one."))
    chance, zone = random.Random(SEED), settings().union_timezone  # noqa: S311 - figures of a demo
    with atomic():
        local = store_union(chance, zone, now)
        campaign_id, taken = _campaign(now), text_codes_in_use(now)
        strength = {chapter.id: chance.gauss(0, VARIES) for chapter in local.chapters}
        for weeks, kind, en, es, start, end, share in PAST:
            day = _tuesday(now, zone, weeks)
            began, ended = (clock.from_local(day, moment, zone, fold=0) for moment in (start, end))
            plan = Plan(kind, en, es, began, ended, zone, campaign_id, began - timedelta(days=9))
            _hold(chance, store_action(plan, local.chapters, taken), local, strength, share)
        vigil, at = _to_come(local, campaign_id, zone, taken, now)
        _open(chance, local, campaign_id, zone, taken, now)
        set_default_rules(now)
        _remind_now(vigil, at)


def open_todays_picket(now: datetime) -> Picket:
    """A picket that is open now, made when there is none, and fresh links to it and to the demo's people.

    Running it again while one is open makes no second one; links given before end.
    """
    with atomic():
        event = _open_picket(now)
        if event is None:
            local, zone = stored_union(chairs_site()), settings().union_timezone
            chance = random.Random(f"{SEED} {now.date()}")  # noqa: S311 - figures of a demo
            _open(chance, local, _campaign_of_today(), zone, text_codes_in_use(now), now)
            set_default_rules(now)
            event = _open_picket(now)
        assert event is not None  # noqa: S101 - made one line above
        return Picket([*sign_in_links(now), captains_link(event, now)], check_in_address(event))


def reset(now: datetime) -> None:
    """Delete everything and load the demo anew. Raises `Refused` in production."""
    if settings().is_production:
        raise Refused("production", _("This would delete everything. It is refused in production."))
    with atomic() as session:
        for table in reversed(Model.metadata.sorted_tables):
            session.execute(table.delete())
        load_demo(now)


def _campaign(now: datetime) -> uuid.UUID:
    campaign_id = new_id()
    (name_en, name_es), (demands_en, demands_es) = invented.CAMPAIGN, invented.DEMANDS
    row = {"name_en": name_en, "name_es": name_es, "demands_en": demands_en, "demands_es": demands_es}
    store(Campaign, [{"id": campaign_id, "made_at": now - timedelta(weeks=10), **row}])
    return campaign_id


def _tuesday(now: datetime, zone: str, weeks: int) -> date:
    day = clock.local(now, zone).date() - timedelta(weeks=weeks)
    return day - timedelta(days=(day.weekday() - 1) % 7)


def _hold(
    chance: random.Random, morning: Morning, local: Local, strength: dict[uuid.UUID, float], share: float
) -> None:
    """One action of the past, from its first check-in to its closing."""
    over = morning.plan.ends_at + timedelta(hours=3)
    wanted = {c.id: share + strength[c.id] + chance.gauss(0, WAVERS) for c in local.chapters}
    shares = _with_mean(wanted, {c.id: len(c.active) for c in local.chapters}, share)
    store_eligible(morning, local)
    _freeze(morning)
    hosted = store_turnout(chance, morning, local, shares, until=over)
    if morning.plan.kind is ActionKind.PICKET:
        # A tenth of the lines never say how many they were.
        reporting = [(c, hosted[c.id]) for c in local.chapters if chance.random() > 0.1]
        store_counts(chance, morning, reporting, after_minutes=(16, 32), until=over)
    close_events(morning.action_id, [event_id for event_id, _shift in morning.lines.values()], over)


def _freeze(morning: Morning) -> None:
    """The denominator is stored beside it; an event that knows so is not frozen again."""
    events = Event.__table__.update().where(Event.action_id == morning.action_id)  # type: ignore[attr-defined]
    db.session.execute(events.values(frozen_at=morning.plan.starts_at))


def _with_mean(
    wanted: dict[uuid.UUID, float], sizes: dict[uuid.UUID, int], share: float
) -> dict[uuid.UUID, float]:
    """The shares within 3 to 97 %, moved together until the union's share is as told."""
    off, members = 0.0, sum(sizes.values())
    for _round in range(20):
        found = {key: min(max(value + off, 0.03), 0.97) for key, value in wanted.items()}
        off += share - sum(found[key] * sizes[key] for key in found) / members
    return found


def _open(
    chance: random.Random,
    local: Local,
    campaign_id: uuid.UUID | None,
    zone: str,
    taken: set[str],
    now: datetime,
) -> None:
    """A picket at every site, begun 20 minutes ago: some are there, some have counted, some are silent."""
    began = now - timedelta(minutes=now.minute % 5, seconds=now.second, microseconds=now.microsecond)
    starts_at = began - BEFORE_NOW
    names = "Picket for a fair contract", "Piquete por un contrato justo"
    made_at = starts_at - timedelta(days=6)
    plan = Plan(ActionKind.PICKET, *names, starts_at, began + AFTER_NOW, zone, campaign_id, made_at)
    morning = store_action(plan, local.chapters, taken)
    first, rest = local.chapters[0], local.chapters[1:]
    silent = set(chance.sample([c.id for c in rest], len(rest) // 5))
    shares = {c.id: 0.0 if c.id in silent else chance.uniform(0.12, 0.6) for c in rest} | {first.id: 0.4}
    store_eligible(morning, local)
    _freeze(morning)
    hosted = store_turnout(chance, morning, local, shares, until=now)
    # The demo chair has not counted yet, so that she is asked; one line has reported that nobody is there.
    reporting = [(c, hosted[c.id]) for c in rest if c.id not in silent and chance.random() < 0.35]
    nobody = next((c for c in rest if c.id in silent and not hosted[c.id]), None)
    reporting += [(nobody, 0)] if nobody else []
    store_counts(chance, morning, reporting, after_minutes=(12,), until=now)


def _to_come(
    local: Local, campaign_id: uuid.UUID, zone: str, taken: set[str], now: datetime
) -> tuple[uuid.UUID, time]:
    """A vigil of one area tomorrow, and the union's rally. Returns the vigil, and the time of day now."""
    here = clock.local(now, zone)
    inside = [chapter for chapter in local.chapters if chapter.area_id == local.areas[DEMO_AREA]]
    evening = clock.from_local(here.date() + timedelta(days=1), time(18), zone, fold=0)
    vigil = Plan(
        ActionKind.RALLY, "Evening vigil", "Vigilia", evening, evening + timedelta(hours=1), zone,
        campaign_id, now, "District Office, Lantern Street", local.areas[DEMO_AREA],
    )  # fmt: skip
    afternoon = clock.from_local(here.date() + timedelta(days=14), time(16, 30), zone, fold=0)
    rally = Plan(
        ActionKind.RALLY, "Rally for our schools", "Mitin por nuestras escuelas", afternoon,
        afternoon + timedelta(minutes=90), zone, campaign_id, now, "Courthouse Plaza",
    )  # fmt: skip
    store_action(rally, local.chapters, taken)
    return store_action(vigil, inside, taken).action_id, here.time().replace(second=0, microsecond=0)


def _remind_now(vigil: uuid.UUID, at: time) -> None:
    """The vigil's reminder is due this very minute, so that one can be seen on a demo phone at once."""
    mine = ReminderRule.action_id == vigil, ReminderRule.kind == RuleKind.DAY_BEFORE
    rules = ReminderRule.__table__.update().where(*mine)  # type: ignore[attr-defined]
    db.session.execute(rules.values(at_local=at, on=True))


def _open_picket(now: datetime) -> Event | None:
    """The event that stands now at the demo chair's site, or anywhere when she has none."""
    hers = chairs_site()
    standing = (
        select(Event)
        .join(Action)
        .where(Event.state == EventState.PLANNED, Event.starts_at <= now, Event.ends_at > now + STILL)
        .where(Action.kind == ActionKind.PICKET, Event.site_id.is_not(None))
        .order_by(Event.site_id != hers if hers else Event.starts_at, Event.starts_at.desc())
    )
    return db.session.scalar(standing.limit(1))


def _campaign_of_today() -> uuid.UUID | None:
    """The latest campaign; a person may have made another one."""
    return db.session.scalar(select(Campaign.id).order_by(Campaign.made_at.desc()).limit(1))
