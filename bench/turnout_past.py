"""Past actions for the turnout bench: same sites and members, with totals, attendance and eligible."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from bench.turnout_seed import START, bulk
from mobilize.actions.models import Action, ActionKind, Campaign, Event, EventChapter, Shift
from mobilize.database import atomic, db, is_postgres, new_id
from mobilize.keys.tokens import make_code
from mobilize.languages import Translated
from mobilize.turnout.models import ChapterTotal, OutsideTotal

CAME = 20_000
_ELIGIBLE = """
    INSERT INTO eligible (id, action_id, member_id, chapter_id, event_id)
    SELECT {id}, :new, e.member_id, e.chapter_id, ev.id FROM eligible e
    JOIN events ev ON ev.action_id = :new AND ev.site_id = e.chapter_id WHERE e.action_id = :old
"""
_ATTENDANCE = """
    INSERT INTO attendance (id, event_id, shift_id, member_id, chapter_id, tier, first_at, late, was_eligible)
    SELECT {id}, ev.id, sh.id, a.member_id, a.chapter_id, a.tier, {first_at}, a.late, a.was_eligible
    FROM attendance a JOIN events was ON was.id = a.event_id AND was.action_id = :old
    JOIN events ev ON ev.action_id = :new AND ev.site_id = was.site_id
    JOIN shifts sh ON sh.event_id = ev.id LIMIT :came
"""


def add_past(action: Action, figures: list[dict[str, object]], how_many: int, from_week: int) -> None:
    """So many weekly pickets before `action`, with its members and sites, closed with these figures."""
    campaign_id = action.campaign_id or _campaign(action)
    for week in range(from_week + 1, from_week + how_many + 1):
        _add(action, campaign_id, timedelta(weeks=week), figures)
    with atomic() as session:
        session.execute(text("ANALYZE"))


def _campaign(action: Action) -> UUID:
    with atomic() as session:
        campaign = Campaign(name=Translated(en="Bench"), made_at=action.made_at)
        session.add(campaign)
        session.flush()
        session.get_one(Action, action.id).campaign_id = campaign.id
        return campaign.id


def _add(action: Action, campaign_id: UUID, ago: timedelta, figures: list[dict[str, object]]) -> None:
    old = action.id
    same = select(Event).where(Event.action_id == old).order_by(Event.id)
    times = {"starts_at": action.starts_at - ago, "ends_at": action.ends_at - ago}
    past = Action(
        campaign_id=campaign_id, kind=ActionKind.PICKET, name=Translated(en="Past"), **times,
        made_at=action.made_at, made_by="bench",
    )  # fmt: skip
    with atomic() as session:
        if is_postgres():
            # Rows copied from good ones need no check of their foreign keys.
            session.execute(text("SET LOCAL session_replication_role = replica"))
        session.add(past)
        session.flush()
        events = [_event(event, past.id, times) for event in session.scalars(same)]
        bulk(Event, events)
        bulk(Shift, [{"id": new_id(), "event_id": e["id"], **times} for e in events])
        homes = [{"event_id": e["id"], "site_id": e["site_id"], "action_id": past.id} for e in events]
        bulk(EventChapter, homes)
        session.execute(ChapterTotal.__table__.insert(), _totals(past, events, figures))
        beside = {"action_id": past.id, "version": 1, "fixed_at": past.ends_at}
        session.execute(OutsideTotal.__table__.insert().values(**beside, figures=_NOBODY))
        _copy(old, past.id, ago)


_NOBODY: dict[str, object] = {"no_site": None, "others": None}


def _event(event: Event, action_id: UUID, times: dict[str, Any]) -> dict[str, Any]:
    same = {name: getattr(event, name) for name in ("site_id", "area_id", "venue", "meet_at", "tz")}
    return {
        "id": new_id(), "action_id": action_id, "code": make_code(), "text_code": "10000", "state": "closed",
        "version": 1, "made_at": event.made_at, "frozen_at": times["starts_at"],
        "closed_at": times["ends_at"], **same, **times,
    }  # fmt: skip


def _totals(past: Action, events: list[dict[str, Any]], figures: list[dict[str, object]]) -> list[Any]:
    return [
        {
            "id": new_id(), "action_id": past.id, "event_id": event["id"], "chapter_id": event["site_id"],
            "version": 1, "figures": counted, "fixed_at": past.ends_at,
        }
        for event, counted in zip(events, figures, strict=True)
    ]  # fmt: skip


def _copy(old: UUID, new: UUID, ago: timedelta) -> None:
    ids = {"old": old, "new": new} if is_postgres() else {"old": old.hex, "new": new.hex}
    # Ids that carry their time, as those of real rows do.
    time_part = f"{int((START - ago).timestamp() * 1000):012x}"
    rest = "substr(md5(random()::text), 1, 20))::uuid" if is_postgres() else "printf('%020x', {0}.rowid))"
    new_ids = f"('{time_part}' || {rest}"
    days = ago.days
    earlier = (
        f"a.first_at - interval '{days} days'" if is_postgres() else f"datetime(a.first_at, '-{days} days')"
    )
    db.session.execute(text(_ELIGIBLE.format(id=new_ids.format("e"))), ids)
    came = {**ids, "came": CAME}
    db.session.execute(text(_ATTENDANCE.format(id=new_ids.format("a"), first_at=earlier)), came)
