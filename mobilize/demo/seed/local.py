"""The demo local: invented once, a picket that is open whenever the demo starts, and wiped on request."""

import random
import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select

from mobilize import clock, settings
from mobilize.actions.models import Action, ActionKind, Campaign, Event, EventState
from mobilize.actions.queries import text_codes_in_use
from mobilize.database import Model, atomic, db, new_id
from mobilize.demo.links import captain_link, chair_site_id, sign_in_links
from mobilize.demo.seed import names as seed_names
from mobilize.demo.seed.people import DEMO_AREA, SeedLocal, store, store_union, stored_union
from mobilize.demo.simulation.past_actions import (
    PastActionPlan,
    StoredAction,
    store_action,
    store_counts,
    store_eligible,
    store_turnout,
)
from mobilize.errors import Refused
from mobilize.keys.blind_index_key import IndexKey
from mobilize.languages import Translated, _
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.roster.models import Site
from mobilize.turnout.figures.closing import close_events

SEED = 1937
# Weeks ago, what it was, and the share of the union that came: each step harder, and more came.
PAST_ACTIONS = (
    (8, ActionKind.COUNT, seed_names.RED_STICKER_DAY, time(7, 30), time(15), 0.45),
    (5, ActionKind.PICKET, seed_names.FIRST_PICKET, time(7), time(7, 45), 0.58),
    (2, ActionKind.PICKET, seed_names.SECOND_PICKET, time(7), time(7, 45), 0.66),
)
BEFORE_NOW, AFTER_NOW = timedelta(minutes=20), timedelta(hours=2)
# A picket that ends sooner than this is as good as over for somebody who starts the demo now.
MIN_REMAINING = timedelta(minutes=25)
CHAPTER_SPREAD, ACTION_SPREAD = 0.12, 0.05


@dataclass(frozen=True)
class SeedPicket:
    """The lines for the terminal: (who, address that works once) in order, and where members check in."""

    links: list[tuple[str, str]]
    check_in_url: str


def load_demo(now: datetime) -> None:
    """Invent the local with its past, a picket now, a vigil tomorrow and a rally in two weeks.

    In one transaction; the same figures every time. Raises `Refused` where there are sites already.
    """
    if db.session.scalar(select(Site.id).limit(1)):
        raise Refused("not_empty", _("There is a local already. The demo only loads into an empty one."))
    rng, zone = random.Random(SEED), settings().union_timezone  # noqa: S311 - figures of a demo
    with atomic():
        local = store_union(rng, zone, now)
        campaign_id, text_codes = _store_campaign(now), text_codes_in_use(now)
        offsets = {chapter.id: rng.gauss(0, CHAPTER_SPREAD) for chapter in local.chapters}
        for weeks, kind, name, start, end, share in PAST_ACTIONS:
            day = _tuesday(now, zone, weeks)
            starts_at, ends_at = (clock.from_local(day, moment, zone, fold=0) for moment in (start, end))
            plan = PastActionPlan(
                kind, name, starts_at, ends_at, zone, campaign_id, starts_at - timedelta(days=9)
            )
            _store_past_action(rng, store_action(plan, local.chapters, text_codes), local, offsets, share)
        vigil, at = _store_upcoming(local, campaign_id, zone, text_codes, now)
        _store_open_picket(rng, local, campaign_id, zone, text_codes, now)
        set_default_rules(now)
        _make_reminder_due(vigil, at)


def open_todays_picket(now: datetime) -> SeedPicket:
    """A picket that is open now, made when there is none, and fresh links to it and to the demo's people.

    Running it again while one is open makes no second one; links given before end.
    """
    with atomic():
        event = _open_picket(now)
        if event is None:
            local, zone = stored_union(chair_site_id()), settings().union_timezone
            rng = random.Random(f"{SEED} {now.date()}")  # noqa: S311 - figures of a demo
            _store_open_picket(rng, local, _latest_campaign_id(), zone, text_codes_in_use(now), now)
            set_default_rules(now)
            event = _open_picket(now)
        assert event is not None  # noqa: S101 - made one line above
        return SeedPicket([*sign_in_links(now), captain_link(event, now)], event.check_in_address)


def reset(now: datetime) -> None:
    """Delete everything but the secret of indexes, which a migration made, and load the demo anew. Raises
    `Refused` in production."""
    if settings().is_production:
        raise Refused("production", _("This would delete everything. It is refused in production."))
    with atomic() as session:
        for table in reversed(Model.metadata.sorted_tables):
            if table is not IndexKey.__table__:
                session.execute(table.delete())
        load_demo(now)


def _store_campaign(now: datetime) -> uuid.UUID:
    campaign_id = new_id()
    row = {"name": seed_names.CAMPAIGN, "demands": seed_names.DEMANDS}
    store(Campaign, [{"id": campaign_id, "made_at": now - timedelta(weeks=10), **row}])
    return campaign_id


def _tuesday(now: datetime, zone: str, weeks: int) -> date:
    day = clock.local(now, zone).date() - timedelta(weeks=weeks)
    return day - timedelta(days=(day.weekday() - 1) % 7)


def _store_past_action(
    rng: random.Random,
    action: StoredAction,
    local: SeedLocal,
    offsets: dict[uuid.UUID, float],
    share: float,
) -> None:
    """One action of the past, from its first check-in to its closing."""
    closed_at = action.plan.ends_at + timedelta(hours=3)
    targets = {c.id: share + offsets[c.id] + rng.gauss(0, ACTION_SPREAD) for c in local.chapters}
    shares = _scale_to_mean(targets, {c.id: len(c.active) for c in local.chapters}, share)
    store_eligible(action, local)
    _freeze(action)
    present_at = store_turnout(rng, action, local, shares, until=closed_at)
    if action.plan.kind is ActionKind.PICKET:
        # A tenth of the lines never say how many they were.
        reporting = [(c, present_at[c.id]) for c in local.chapters if rng.random() > 0.1]
        store_counts(rng, action, reporting, after_minutes=(16, 32), until=closed_at)
    close_events(action.action_id, [event_id for event_id, _shift in action.events.values()], closed_at)


def _freeze(action: StoredAction) -> None:
    """The denominator is stored beside it; an event that knows so is not frozen again."""
    events = Event.__table__.update().where(Event.action_id == action.action_id)  # type: ignore[attr-defined]
    db.session.execute(events.values(frozen_at=action.plan.starts_at))


def _scale_to_mean(
    shares: dict[uuid.UUID, float], sizes: dict[uuid.UUID, int], share: float
) -> dict[uuid.UUID, float]:
    """The shares within 3 to 97 %, moved together until the union's share is `share`."""
    offset, members = 0.0, sum(sizes.values())
    for _round in range(20):
        scaled = {key: min(max(value + offset, 0.03), 0.97) for key, value in shares.items()}
        offset += share - sum(scaled[key] * sizes[key] for key in scaled) / members
    return scaled


def _store_open_picket(
    rng: random.Random,
    local: SeedLocal,
    campaign_id: uuid.UUID | None,
    zone: str,
    text_codes: set[str],
    now: datetime,
) -> None:
    """A picket at every site, begun 20 minutes ago: some are there, some have counted, some are silent."""
    began = now - timedelta(minutes=now.minute % 5, seconds=now.second, microseconds=now.microsecond)
    starts_at = began - BEFORE_NOW
    name = Translated(en="Picket for a fair contract", es="Piquete por un contrato justo")
    made_at = starts_at - timedelta(days=6)
    plan = PastActionPlan(ActionKind.PICKET, name, starts_at, began + AFTER_NOW, zone, campaign_id, made_at)
    action = store_action(plan, local.chapters, text_codes)
    first, others = local.chapters[0], local.chapters[1:]
    silent = set(rng.sample([c.id for c in others], len(others) // 5))
    shares = {c.id: 0.0 if c.id in silent else rng.uniform(0.12, 0.6) for c in others} | {first.id: 0.4}
    store_eligible(action, local)
    _freeze(action)
    present_at = store_turnout(rng, action, local, shares, until=now)
    # The demo chair has not counted yet, and is therefore asked; one line has reported that nobody is there.
    reporting = [(c, present_at[c.id]) for c in others if c.id not in silent and rng.random() < 0.35]
    empty_chapter = next((c for c in others if c.id in silent and not present_at[c.id]), None)
    reporting += [(empty_chapter, 0)] if empty_chapter else []
    store_counts(rng, action, reporting, after_minutes=(12,), until=now)


def _store_upcoming(
    local: SeedLocal, campaign_id: uuid.UUID, zone: str, text_codes: set[str], now: datetime
) -> tuple[uuid.UUID, time]:
    """A vigil of one area tomorrow, and the union's rally. Returns the vigil, and the time of day now."""
    local_now = clock.local(now, zone)
    area_chapters = [chapter for chapter in local.chapters if chapter.area_id == local.areas[DEMO_AREA]]
    evening = clock.from_local(local_now.date() + timedelta(days=1), time(18), zone, fold=0)
    vigil = PastActionPlan(
        ActionKind.RALLY, Translated(en="Evening vigil", es="Vigilia"), evening,
        evening + timedelta(hours=1), zone, campaign_id, now, "District Office, Lantern Street",
        local.areas[DEMO_AREA],
    )  # fmt: skip
    afternoon = clock.from_local(local_now.date() + timedelta(days=14), time(16, 30), zone, fold=0)
    rally = PastActionPlan(
        ActionKind.RALLY, Translated(en="Rally for our schools", es="Mitin por nuestras escuelas"), afternoon,
        afternoon + timedelta(minutes=90), zone, campaign_id, now, "Courthouse Plaza",
    )  # fmt: skip
    store_action(rally, local.chapters, text_codes)
    vigil_id = store_action(vigil, area_chapters, text_codes).action_id
    return vigil_id, local_now.time().replace(second=0, microsecond=0)


def _make_reminder_due(vigil: uuid.UUID, at: time) -> None:
    """The vigil's reminder is due this very minute, so that one can be seen on a demo phone at once."""
    conditions = ReminderRule.action_id == vigil, ReminderRule.kind == RuleKind.DAY_BEFORE
    rules = ReminderRule.__table__.update().where(*conditions)  # type: ignore[attr-defined]
    db.session.execute(rules.values(at_local=at, on=True))


def _open_picket(now: datetime) -> Event | None:
    """The event that is open now at the demo chair's site, or anywhere when the chair has none."""
    site_id = chair_site_id()
    query = (
        select(Event)
        .join(Action)
        .where(Event.state == EventState.PLANNED, Event.starts_at <= now, Event.ends_at > now + MIN_REMAINING)
        .where(Action.kind == ActionKind.PICKET, Event.site_id.is_not(None))
        .order_by(Event.site_id != site_id if site_id else Event.starts_at, Event.starts_at.desc())
    )
    return db.session.scalar(query.limit(1))


def _latest_campaign_id() -> uuid.UUID | None:
    """The latest campaign; a person may have made another one."""
    return db.session.scalar(select(Campaign.id).order_by(Campaign.made_at.desc()).limit(1))
