"""The invented local itself: areas, sites, members, and the people who sign in. Rows for bulk inserts."""

import random
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.crypto import blind_index
from mobilize.database import db, new_id
from mobilize.demo import invented
from mobilize.roster.models import (
    Area,
    Gate,
    Member,
    Membership,
    MemberStatus,
    PhoneKind,
    Rank,
    Site,
    StatusSpan,
)
from mobilize.roster.names import PersonName

MADE_BY = "demo"
MEMBERS = 2500
# Whom the terminal prints links for; known again by these numbers.
ADMIN, ORGANIZER, CHAIR = "+12135550101", "+12135550102", "+12135550103"
NAMES = {ADMIN: "Ada Whitlock", ORGANIZER: "Olga Reed", CHAIR: "Carmen Ortiz"}
DEMO_AREA = "Old Town"
SINCE = timedelta(days=900)
# Of 60 sites so many have a chair, and so many a co-chair.
WITH_CHAIR, WITH_COCHAIR = 55, 18

Rows = list[dict[str, Any]]


@dataclass
class Chapter:
    """A site with its members' ids; only the active ones count into a share."""

    id: uuid.UUID
    area_id: uuid.UUID
    name: str
    active: list[uuid.UUID] = field(default_factory=list)
    others: list[uuid.UUID] = field(default_factory=list)
    chair: uuid.UUID | None = None


@dataclass
class Local:
    """What was invented. `chapters[0]` is the demo chair's."""

    areas: dict[str, uuid.UUID]
    chapters: list[Chapter]
    no_site: list[uuid.UUID]


def store_union(chance: random.Random, zone: str, now: datetime) -> Local:
    """Invent the local and store it, inside the caller's transaction."""
    rows: dict[Any, Rows] = defaultdict(list)
    areas = {name: new_id() for name, _lat, _lon in invented.AREAS}
    rows[Area] = [{"id": area_id, "name": name} for name, area_id in areas.items()]
    chapters, sizes = _sites(chance, zone, areas, rows)
    local = Local(areas, chapters, [])
    numbers = invented.phones()
    _members(chance, local, sizes, numbers, rows, now - SINCE)
    _people(chance, local, numbers, rows, now)
    for table in (Area, Site, Gate, Member, Membership, StatusSpan, Person, RoleTerm):
        store(table, rows[table])
    return local


def stored_union(first: uuid.UUID | None) -> Local:
    """The local as it is now, whatever was changed in it since; the site `first` leads."""
    homes = (
        select(Site.id, Site.area_id, Site.name, Member.id, Member.status)
        .join(Membership, Membership.site_id == Site.id)
        .join(Member, Member.id == Membership.member_id)
        .where(Site.represented, Membership.rank == Rank.HOME, Membership.to_at.is_(None))
        .where(Member.gone_on.is_(None))
        .order_by(Site.code, Member.id)
    )
    found: dict[uuid.UUID, Chapter] = {}
    for site_id, area_id, name, member_id, status in db.session.execute(homes):
        chapter = found.setdefault(site_id, Chapter(site_id, area_id, name))
        (chapter.active if status is MemberStatus.ACTIVE else chapter.others).append(member_id)
    chairs = select(RoleTerm.site_id, RoleTerm.person_id).where(
        RoleTerm.role == RoleName.CHAIR, RoleTerm.to_on.is_(None)
    )
    for where, person_id in db.session.execute(chairs):
        if where in found:
            found[where].chair = person_id
    chapters = sorted(found.values(), key=lambda chapter: chapter.id != first)
    areas = {area.name: area.id for area in db.session.scalars(select(Area))}
    without = select(Member.id).where(
        Member.status == MemberStatus.ACTIVE,
        Member.gone_on.is_(None),
        Member.id.not_in(select(Membership.member_id).where(Membership.to_at.is_(None))),
    )
    return Local(areas, chapters, list(db.session.scalars(without)))


def store(table: Any, rows: Rows) -> None:
    """Insert all rows with one statement."""
    if rows:
        db.session.execute(table.__table__.insert(), rows)


def _sites(
    chance: random.Random, zone: str, areas: dict[str, uuid.UUID], rows: dict[Any, Rows]
) -> tuple[list[Chapter], list[int]]:
    chapters, sizes = [], []
    for n, (name, size) in enumerate(invented.site_names(chance)):
        # The demo chair's is the first one; it stands in the demo area.
        at = [area for area, _lat, _lon in invented.AREAS].index(DEMO_AREA) if n == 0 else n % 8
        area, lat, lon = invented.AREAS[at]
        chapters.append(Chapter(new_id(), areas[area], name))
        sizes.append(34 if n == 0 else size)
        street = f"{chance.randint(100, 4900)} {chance.choice(invented.SITE_WORDS)} Ave"
        rows[Site].append(
            {
                "id": chapters[-1].id,
                "code": f"99{n:012d}",
                "name": name,
                "area_id": areas[area],
                "tz": zone,
                "street": street,
                "city": invented.CITY,
                "zip": str(invented.ZIPS + 10 * at + 1),
                "lat": round(lat + chance.gauss(0, 0.022), 5),
                "lon": round(lon + chance.gauss(0, 0.028), 5),
            }
        )
        if size > 80:
            gates = [{"id": new_id(), "site_id": chapters[-1].id, "name": g} for g in ("Main", "Back")]
            rows[Gate] += gates
    return chapters, sizes


def _members(
    chance: random.Random,
    local: Local,
    sizes: list[int],
    numbers: Iterator[str],
    rows: dict[Any, Rows],
    since: datetime,
) -> None:
    """2,500 of them: most at a school, some substitutes and a few of the central office without one."""
    scale = (MEMBERS - 60) / sum(sizes)
    homes = [
        chapter
        for chapter, size in zip(local.chapters, sizes, strict=True)
        for _n in range(max(5, round(size * scale)))
    ]
    homes = homes[: MEMBERS - 40]
    shared = ""
    for n in range(MEMBERS):
        home = homes[n] if n < len(homes) else None
        status = _status(chance, home)
        # Now and then two members share a phone, as couples do.
        phone = "" if chance.random() < 0.05 else shared or next(numbers)
        shared = phone if chance.random() < 0.008 else ""
        member = _member(chance, n, status, phone, since)
        rows[Member].append(member)
        rows[StatusSpan].append(
            {"id": new_id(), "member_id": member["id"], "status": status, "from_at": since, "to_at": None}
        )
        if home is None:
            local.no_site += [member["id"]] if status is MemberStatus.ACTIVE else []
            continue
        (home.active if status is MemberStatus.ACTIVE else home.others).append(member["id"])
        rows[Membership].append(_membership(member["id"], home.id, Rank.HOME, since))
        if chance.random() < 0.015:
            second = chance.choice([c for c in local.chapters if c is not home])
            rows[Membership].append(_membership(member["id"], second.id, Rank.SECOND, since))


def _status(chance: random.Random, home: Chapter | None) -> MemberStatus:
    if home is None:
        return chance.choices([MemberStatus.SUBSTITUTE, MemberStatus.ACTIVE], [75, 25])[0]
    return chance.choices([MemberStatus.ACTIVE, MemberStatus.LEAVE, MemberStatus.RETIRED], [95.5, 3.0, 1.5])[
        0
    ]


def _member(
    chance: random.Random, n: int, status: MemberStatus, phone: str, since: datetime
) -> dict[str, Any]:
    row_id, number = uuid.UUID(int=chance.getrandbits(128), version=4), f"{10_200_000 + 7 * n:08d}"
    kinds = [PhoneKind.MOBILE, PhoneKind.LANDLINE]
    return {
        "id": row_id,
        "number_bix": blind_index("number", number),
        "number_enc": Member.number.seal(row_id, number),
        "name_enc": Member.name.seal(row_id, PersonName(*invented.person_name(chance)).stored()),
        "phone_enc": Member.phone.seal(row_id, phone) if phone else None,
        "phone_bix": blind_index("phone", phone) if phone else None,
        "phone_kind": chance.choices(kinds, [98, 2])[0] if phone else PhoneKind.UNKNOWN,
        "status": status,
        "language": chance.choices(["en", "es", "hy", "ko"], [75, 22, 1.5, 1.5])[0],
        "opted_out_in_file": bool(phone) and chance.random() < 0.015,
        "added_at": since,
    }


def _membership(member_id: uuid.UUID, site_id: uuid.UUID, rank: Rank, since: datetime) -> dict[str, Any]:
    ids = {"id": new_id(), "member_id": member_id, "site_id": site_id}
    return ids | {"rank": rank, "from_at": since, "to_at": None}


def _people(
    chance: random.Random, local: Local, numbers: Iterator[str], rows: dict[Any, Rows], now: datetime
) -> None:
    """The office, organizers, chairs, and some co-chairs; all can sign in with a code on their demo phone."""
    today = clock.local(now, "UTC").date()
    ada, olga = _person(ADMIN, NAMES[ADMIN], now), _person(ORGANIZER, NAMES[ORGANIZER], now)
    terms: list[tuple[dict[str, Any], RoleName, dict[str, Any]]] = [(ada, RoleName.ADMIN, {})]
    terms += [
        (olga, RoleName.ORGANIZER, {"area_id": local.areas[a]}) for a in (DEMO_AREA, "Riverbend", "Harbor")
    ]
    people = [ada, olga]
    for area in (a for a in local.areas if a not in (DEMO_AREA, "Riverbend", "Harbor")):
        people.append(_person(next(numbers), _full_name(chance), now))
        terms.append((people[-1], RoleName.ORGANIZER, {"area_id": local.areas[area]}))
    for n, chapter in enumerate(local.chapters):
        for role, has_one in ((RoleName.CHAIR, n < WITH_CHAIR), (RoleName.COCHAIR, 0 < n <= WITH_COCHAIR)):
            if not has_one:
                continue
            hers = n == 0 and role is RoleName.CHAIR
            people.append(
                _person(CHAIR if hers else next(numbers), NAMES[CHAIR] if hers else _full_name(chance), now)
            )
            people[-1]["language"] = "en" if hers else chance.choices(["en", "es"], [70, 30])[0]
            terms.append((people[-1], role, {"site_id": chapter.id}))
            chapter.chair = chapter.chair or people[-1]["id"]
    rows[Person] = people
    rows[RoleTerm] = [
        {"id": new_id(), "person_id": person["id"], "role": role, "site_id": None, "area_id": None, **place}
        | {"from_on": today - SINCE, "given_by": MADE_BY, "given_at": now - SINCE}
        for person, role, place in terms
    ]


def _full_name(chance: random.Random) -> str:
    last, first = invented.person_name(chance)
    return f"{first} {last}"


def _person(phone: str, name: str, now: datetime) -> dict[str, Any]:
    row_id = Person.make_id()
    return {
        "id": row_id,
        "name_enc": Person.name.seal(row_id, name),
        "phone_enc": Person.phone.seal(row_id, phone),
        "phone_bix": blind_index("phone", phone),
        "language": "en",
        "made_at": now - SINCE,
    }
