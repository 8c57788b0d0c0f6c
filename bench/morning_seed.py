"""The morning in a seeded union: pickets, their phones and chairs, boards and walls, and the texts."""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, text, update

from bench.morning_plan import Line, Size, World
from bench.turnout_seed import bulk, phone_of
from mobilize import clock
from mobilize.accounts.models import GrantKind, LineGrant, Person, RoleName, RoleTerm, SignedInSession
from mobilize.actions.models import (
    Action,
    ActionKind,
    Campaign,
    Eligible,
    Event,
    EventChapter,
    EventState,
    Shift,
)
from mobilize.database import atomic, db, is_postgres, new_id
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import hash_token, make_code, make_text_code
from mobilize.languages import Translated
from mobilize.privacy.retention.legal_holds import place_hold
from mobilize.reminders.models import ReminderRule
from mobilize.reminders.rules.operations import default_rules
from mobilize.roster.models import Area, Member, Membership, Site
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_texts

MADE_BY = "bench"
TEXT_BODY = "The line at your school stands. Come!"


def seed_morning(size: Size, begins_at: datetime) -> World:
    """The morning as it stands at its first second: nobody has checked in, every phone is open.

    Expects the union and its history of `turnout_place`; what that calls today lies behind.
    """
    now = clock.now()
    _close_history(now)
    with atomic():
        sites = list(db.session.scalars(select(Site.id).order_by(Site.code).limit(size.sites)))
        db.session.execute(update(Site).where(Site.id.not_in(sites)).values(represented=False))
        action = _action(size, begins_at)
        events = _events(action, sites)
        listed = _eligible(action, events)
        chairs = _chairs(sites)
        cookies = _phones(size, action, events)
        boards = _boards(size, action)
        walls = _walls(size, action, events)
        db.session.execute(insert(ReminderRule).values(default_rules(action, small=False)))
    _texts(size, begins_at, now)
    if is_postgres():
        with atomic() as session:
            session.execute(text("ANALYZE"))
    lines = [
        Line(event["code"], cookies[event["id"]], listed[site], chairs[site])
        for site, event in events.items()
    ]
    return World(lines, boards, walls)


def add_history(rows: int) -> None:
    """So many rows more of evidence and of attendance, of mornings long over."""
    # Ids carry their time, as those of real rows do.
    time_part = f"{int(LONG_OVER.timestamp() * 1000):012x}"
    if is_postgres():
        way = {
            "id": f"('{time_part}' || substr(md5(random()::text), 1, 20))::uuid",
            "bytes": "uuid_send(gen_random_uuid())",
            "numbers": "generate_series(1, :rows)",
        }
    else:
        way = {
            "id": f"'{time_part}' || lower(hex(randomblob(10)))",
            "bytes": "randomblob(16)",
            "numbers": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows) "
            "SELECT i FROM n)",
        }
    with atomic() as session:
        for statement in (_ATTENDANCE, _EVIDENCE):
            filled = statement.format(**way, at=f"{LONG_OVER:%Y-%m-%d %H:%M:%S}")
            session.execute(text(filled), {"rows": rows})
    with atomic() as session:
        session.execute(text("ANALYZE"))


LONG_OVER = datetime(2025, 1, 15, 15, 5, tzinfo=UTC)
_ATTENDANCE = (
    "INSERT INTO attendance (id, event_id, shift_id, member_id, tier, first_at, late, was_eligible) "
    "SELECT {id}, {id}, {id}, {id}, 'self', '{at}', false, false FROM {numbers} AS n"
)
_EVIDENCE = (
    "INSERT INTO evidence (id, event_id, shift_id, nonce, body_hash, kind, method, tier, outcome, member_id, "
    "happened_at, recorded_at) SELECT {id}, {id}, {id}, {bytes}, {bytes}, 'here', 'poster', 'self', "
    "'counted', {id}, '{at}', '{at}' FROM {numbers} AS n"
)


def _close_history(now: datetime) -> None:
    """What stood open is closed, and nothing is due to be forgotten: a real service did it night by night."""
    with atomic() as session:
        still_open = update(Event).where(Event.state == EventState.PLANNED)
        session.execute(still_open.values(state=EventState.CLOSED, closed_at=Event.ends_at))
        session.execute(update(Campaign).values(forget_after_days=365))
        session.execute(delete(ReminderRule))
    place_hold(None, "History for the bench", by=MADE_BY, now=now)


def _action(size: Size, begins_at: datetime) -> Action:
    # Chairs are asked for their count a quarter of an hour after the start: early in the measured morning.
    starts_at = begins_at + timedelta(seconds=size.seconds / 10, minutes=-15)
    campaign = db.session.scalar(select(Campaign.id).limit(1))
    action = Action(
        campaign_id=campaign,
        kind=ActionKind.PICKET,
        name=Translated(en="The morning", es="La mañana"),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=60),
        made_at=starts_at - timedelta(days=7),
        made_by=MADE_BY,
    )
    db.session.add(action)
    db.session.flush()
    return action


def zone_at_seven(now: datetime) -> str:
    """A time zone in which it is about seven in the morning, so that texts keep to the hours they have."""
    ahead = (7 - now.hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def _events(action: Action, sites: Sequence[Any]) -> dict[Any, dict[str, Any]]:
    """Site -> its event, with one shift under "shift"."""
    times = {"starts_at": action.starts_at, "ends_at": action.ends_at}
    areas: dict[Any, Any] = dict(db.session.execute(select(Site.id, Site.area_id)).all())
    fixed = {"venue": "", "meet_at": "", "tz": zone_at_seven(clock.now()), "state": "planned", "version": 1}
    fixed |= {"made_at": action.made_at, "frozen_at": action.starts_at}
    used: set[str] = set()
    events = {
        site: {"id": new_id(), "action_id": action.id, "site_id": site, "area_id": areas[site],
               "code": make_code(), "text_code": _unused(used), **times, **fixed}
        for site in sites
    }  # fmt: skip
    bulk(Event, list(events.values()))
    for event in events.values():
        event["shift"] = new_id()
    bulk(Shift, [{"id": e["shift"], "event_id": e["id"], **times} for e in events.values()])
    homes = [{"event_id": e["id"], "site_id": s, "action_id": action.id} for s, e in events.items()]
    bulk(EventChapter, homes)
    return events


def _unused(used: set[str]) -> str:
    code = make_text_code(5)
    while code in used:
        code = make_text_code(5)
    used.add(code)
    return code


def _eligible(action: Action, events: dict[Any, dict[str, Any]]) -> dict[Any, list[tuple[str, str]]]:
    """Site -> its members, as (id, number)."""
    homes = db.session.execute(
        select(Membership.member_id, Membership.site_id, Member.number_enc)
        .join(Member, Member.id == Membership.member_id)
        .where(Membership.site_id.in_(list(events)))
        .order_by(Member.number_index)
    ).all()
    rows = [
        {"id": new_id(), "action_id": action.id, "member_id": member, "chapter_id": site,
         "event_id": events[site]["id"]}
        for member, site, _number in homes
    ]  # fmt: skip
    bulk(Eligible, rows)
    listed: dict[Any, list[tuple[str, str]]] = defaultdict(list)
    for member, site, sealed in homes:
        listed[site].append((str(member), str(Member.number.open(member, sealed))))
    return listed


def _person(phone: str | None = None, n: int = 0) -> dict[str, Any]:
    person = Person.make_id()
    return {
        "id": person,
        "name_enc": Person.name.seal(person, f"Chair {n}"),
        "phone_enc": Person.phone.seal(person, phone) if phone else None,
        "phone_index": blind_index("phone", phone) if phone else None,
        "language": "en",
        "made_at": clock.now() - timedelta(days=99),
    }


def _role(person: dict[str, Any], role: RoleName, **where: Any) -> dict[str, Any]:
    since = clock.now() - timedelta(days=99)
    places = {"site_id": None, "area_id": None} | where
    granted = {"from_on": since.date(), "granted_by": MADE_BY, "granted_at": since}
    return {"id": new_id(), "person_id": person["id"], "role": role, **places, **granted}


def _chairs(sites: Sequence[Any]) -> dict[Any, str]:
    """Site -> the phone number of its chair."""
    phones = {site: f"+1562556{n:04d}" for n, site in enumerate(sites)}
    people = [_person(phone, n) for n, phone in enumerate(phones.values())]
    roles = [_role(one, RoleName.CHAIR, site_id=site) for one, site in zip(people, sites, strict=True)]
    db.session.execute(insert(Person), people)
    db.session.execute(insert(RoleTerm), roles)
    return phones


def _phones(size: Size, action: Action, events: dict[Any, dict[str, Any]]) -> dict[Any, list[str]]:
    """Event -> the cookies of the phones that have its line page open."""
    cookies: dict[Any, list[str]] = defaultdict(list)
    rows, in_turn = [], list(events.values())
    for n in range(size.phones):
        event = in_turn[n % len(in_turn)]
        token = secrets.token_hex(20).upper()
        cookies[event["id"]].append(f"line-{event['code']}={token}")
        rows.append(_grant(event["id"], GrantKind.CAPTAIN, token, action))
    db.session.execute(insert(LineGrant), rows)
    return cookies


def _grant(event_id: Any, kind: GrantKind, token: str, action: Action) -> dict[str, Any]:
    own = {"id": new_id(), "event_id": event_id, "token_hash": hash_token(token), "kind": kind}
    author = {"made_by": MADE_BY, "made_at": action.starts_at - timedelta(hours=1)}
    return {**own, **author, "ends_at": action.ends_at + timedelta(hours=3)}


def _boards(size: Size, action: Action) -> list[tuple[str, str]]:
    """A fifth is the office's, the others are of somebody with one area: (path, cookie)."""
    areas = list(db.session.scalars(select(Area.id).order_by(Area.name)))
    people, roles, sessions, boards = [], [], [], []
    now = clock.now()
    for n in range(size.boards):
        person, token = _person(n=n), secrets.token_urlsafe(32)
        office = n % 5 == 0
        people.append(person)
        where = {} if office else {"area_id": areas[n % len(areas)]}
        roles.append(_role(person, RoleName.ADMIN if office else RoleName.ORGANIZER, **where))
        session_times = {"began_at": now, "seen_at": now, "ends_at": now + timedelta(hours=12)}
        proved = {"second_asked": True, "second_at": now, "stepped_up_at": now}
        sessions.append(
            {"token_hash": hash_token(token), "person_id": person["id"], **session_times, **proved}
        )
        boards.append((f"/actions/{action.id}/turnout.json?with=html", f"session={token}"))
    for table, rows in ((Person, people), (RoleTerm, roles), (SignedInSession, sessions)):
        db.session.execute(insert(table), rows)
    return boards


def _walls(size: Size, action: Action, events: dict[Any, dict[str, Any]]) -> list[str]:
    first = next(iter(events.values()))["id"]
    tokens = [secrets.token_hex(20).upper() for _ in range(size.walls)]
    db.session.execute(insert(LineGrant), [_grant(first, GrantKind.WALL, one, action) for one in tokens])
    return [f"/wall/{token}/board.json?lang=en" for token in tokens]


def _texts(size: Size, begins_at: datetime, now: datetime) -> None:
    """Reminders that wait for the afternoon, and what leaves in the course of the morning."""
    for start in range(0, size.planned, 5000):
        numbers = range(start, min(start + 5000, size.planned))
        queue_texts([_text("later", n, begins_at + timedelta(hours=9)) for n in numbers], now=now)
    # Within a third of the morning, faster than they may leave.
    spread = size.seconds / 3 / max(size.texts, 1)
    due = [begins_at + timedelta(seconds=5 + n * spread) for n in range(size.texts)]
    queue_texts([_text("now", n, at, urgent=True) for n, at in enumerate(due)], now=now)


def _text(purpose: str, n: int, due_at: datetime, *, urgent: bool = False) -> PlannedText:
    return PlannedText(
        purpose=f"morning.{purpose}:1:1",
        phone=phone_of(n),
        wording="as_written",
        language="en",
        text_class=TextClass.MEMBER,
        tz=zone_at_seven(due_at),
        due_at=due_at,
        expires_at=due_at + timedelta(hours=3),
        merge_fields={"body": TEXT_BODY},
        urgent=urgent,
    )
