"""A union for the turnout bench: 37,000 members at 800 sites, and one picket at every site an hour ago."""

import random
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from mobilize.actions.models import Action, ActionKind, Eligible, Event, EventChapter, Shift
from mobilize.checkins.models import Attendance, HeadCount, Supporters, Tier
from mobilize.database import atomic, db, is_postgres, new_id
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import make_code
from mobilize.languages import Translated
from mobilize.roster.models import Area, Member, Membership, MembershipRank, Site, StatusSpan
from mobilize.roster.names import PersonName

AREAS, SITES, MEMBERS = 8, 800, 37_000
START = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ZONE = "America/Los_Angeles"
# Los Angeles, so that the map has something to draw.
LAT, LON = (33.7, 34.3), (-118.6, -118.1)


def seed(site_count: int = SITES, member_count: int = MEMBERS) -> Action:
    """Two thirds of the members came, a twentieth of them elsewhere; nine in ten sites reported."""
    dice = random.Random(7)
    areas = [{"id": new_id(), "name": f"Area {n}"} for n in range(AREAS)]
    sites = [_site(n, areas[n % AREAS]["id"], dice) for n in range(site_count)]
    times = {"starts_at": START, "ends_at": START + timedelta(minutes=45)}
    # Planned a week before, as actions are: what is older has nothing to do with it.
    named = {"name": Translated(en="Bench"), "made_by": "bench", "made_at": START - timedelta(days=7)}
    action = Action(kind=ActionKind.PICKET, **named, **times)
    with atomic() as session:
        bulk(Area, areas)
        bulk(Site, sites)
        session.add(action)
        session.flush()
        events = _events(action.id, sites)
        members = _members(sites, dice, member_count)
        _eligible(action.id, members, events)
        _attendance(members, events, dice)
        _counts(list(events.values()), dice)
    return action


def bulk(table: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Insert many rows that have the same columns; on PostgreSQL with COPY, which is ten times as quick."""
    if not is_postgres():
        db.session.execute(table.__table__.insert(), rows)
        return
    columns = list(rows[0])
    db.session.flush()
    driver: Any = db.session.connection().connection.driver_connection
    with driver.cursor() as cursor:
        into = ", ".join(f'"{name}"' for name in columns)
        with cursor.copy(f'COPY "{table.__tablename__}" ({into}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row([_plain(row[name]) for name in columns])


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _site(n: int, area_id: Any, dice: random.Random) -> dict[str, Any]:
    named = {"code": f"B{n:06d}", "name": f"School {n:03d}", "tz": ZONE}
    empty = {"street": "", "city": "", "zip": "", "represented": True}
    place = {"lat": dice.uniform(*LAT), "lon": dice.uniform(*LON)}
    return {"id": new_id(), "area_id": area_id, **named, **empty, **place}


def _events(action_id: Any, sites: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Site -> its event, with one shift under "shift"."""
    times = {"starts_at": START, "ends_at": START + timedelta(minutes=45)}
    fixed = {"venue": "", "meet_at": "", "tz": ZONE, "text_code": "10000", "state": "planned"}
    events = {
        site["id"]: {
            "id": new_id(), "action_id": action_id, "site_id": site["id"], "area_id": site["area_id"],
            "code": make_code(), "version": 1, "made_at": LONG_AGO, "frozen_at": START, **times, **fixed,
        }
        for site in sites
    }  # fmt: skip
    bulk(Event, list(events.values()))
    for event in events.values():
        event["shift"] = new_id()
    bulk(Shift, [{"id": e["shift"], "event_id": e["id"], **times} for e in events.values()])
    homes = [{"event_id": e["id"], "site_id": s, "action_id": action_id} for s, e in events.items()]
    bulk(EventChapter, homes)
    return events


def number_of(n: int) -> str:
    """The number of the member made as the nth."""
    return f"{n:08d}"


def phone_of(n: int) -> str:
    """The mobile number of the member made as the nth."""
    return f"+1213{n:07d}"


def _members(sites: list[dict[str, Any]], dice: random.Random, count: int) -> list[tuple[Any, Any]]:
    """(member, home site)."""
    homes = [(Member.make_id(), dice.choice(sites)["id"]) for _ in range(count)]
    since = {"from_at": LONG_AGO}
    bulk(Member, [_member(n, member) for n, (member, _site) in enumerate(homes)])
    at_home = {"rank": MembershipRank.HOME.value, **since}
    bulk(Membership, [{"id": new_id(), "member_id": m, "site_id": s, **at_home} for m, s in homes])
    bulk(StatusSpan, [{"id": new_id(), "member_id": m, "status": "active", **since} for m, _ in homes])
    return homes


def _member(n: int, member: Any) -> dict[str, Any]:
    number, phone = number_of(n), phone_of(n)
    return {
        "id": member,
        "number_index": blind_index("number", number),
        "number_enc": Member.number.seal(member, number),
        "name_enc": Member.name.seal(member, PersonName(f"Last {n}", "First").stored()),
        "phone_enc": Member.phone.seal(member, phone),
        "phone_index": blind_index("phone", phone),
        "phone_kind": "mobile",
        "status": "active",
        "language": "en",
        "opted_out_in_file": False,
        "added_at": LONG_AGO,
    }


def _eligible(action_id: Any, members: list[tuple[Any, Any]], events: dict[Any, dict[str, Any]]) -> None:
    rows = [
        {"id": new_id(), "action_id": action_id, "member_id": m, "chapter_id": s, "event_id": events[s]["id"]}
        for m, s in members
    ]
    bulk(Eligible, rows)


def _attendance(
    members: list[tuple[Any, Any]], events: dict[Any, dict[str, Any]], dice: random.Random
) -> None:
    rows, anywhere = [], list(events.values())
    for member, site in members:
        if dice.random() < 0.66:
            event = events[site] if dice.random() < 0.95 else dice.choice(anywhere)
            at = START + timedelta(seconds=dice.gauss(300, 600))
            where = {"event_id": event["id"], "shift_id": event["shift"], "chapter_id": site}
            more = {"member_id": member, "tier": dice.choice(list(Tier)), "first_at": at}
            rows.append({"id": new_id(), **where, **more, "late": False, "was_eligible": False})
    bulk(Attendance, rows)


def _counts(events: list[dict[str, Any]], dice: random.Random) -> None:
    heads = [
        {
            "id": new_id(), "event_id": e["id"], "shift_id": e["shift"], "nonce": secrets.token_bytes(16),
            "n": dice.randrange(60), "counted_at": START + timedelta(minutes=m), "recorded_at": START,
            "via": "text", "by": "bench",
        }
        for e in events[: len(events) * 9 // 10]
        for m in (15, 30)
    ]  # fmt: skip
    bulk(HeadCount, heads)
    friends = [
        {
            "id": new_id(), "event_id": e["id"], "nonce": secrets.token_bytes(16), "delta": dice.randrange(9),
            "happened_at": START, "recorded_at": START, "by": "bench",
        }
        for e in events[::4]
    ]  # fmt: skip
    bulk(Supporters, friends)
