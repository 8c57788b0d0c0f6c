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
from mobilize.database import db, new_id
from mobilize.demo.seed import names
from mobilize.keys.crypto import blind_index
from mobilize.roster.models import (
    Area,
    Gate,
    Member,
    Membership,
    MembershipRank,
    MemberStatus,
    PhoneKind,
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
MEMBERSHIP_AGE = timedelta(days=900)
# Of 60 sites so many have a chair, and so many a co-chair.
WITH_CHAIR, WITH_COCHAIR = 55, 18

SeedRows = list[dict[str, Any]]


@dataclass
class SeedChapter:
    """A site with its members' ids; only the active ones count into a share."""

    id: uuid.UUID
    area_id: uuid.UUID
    name: str
    active: list[uuid.UUID] = field(default_factory=list)
    others: list[uuid.UUID] = field(default_factory=list)
    chair: uuid.UUID | None = None


@dataclass
class SeedLocal:
    """The invented local. `chapters[0]` is the demo chair's."""

    areas: dict[str, uuid.UUID]
    chapters: list[SeedChapter]
    no_site: list[uuid.UUID]


def store_union(rng: random.Random, zone: str, now: datetime) -> SeedLocal:
    """Invent the local and store it, inside the caller's transaction."""
    rows: dict[Any, SeedRows] = defaultdict(list)
    areas = {name: new_id() for name, _lat, _lon in names.AREAS}
    rows[Area] = [{"id": area_id, "name": name} for name, area_id in areas.items()]
    chapters, sizes = _sites(rng, zone, areas, rows)
    local = SeedLocal(areas, chapters, [])
    phones = names.phones()
    _members(rng, local, sizes, phones, rows, now - MEMBERSHIP_AGE)
    _people(rng, local, phones, rows, now)
    for table in (Area, Site, Gate, Member, Membership, StatusSpan, Person, RoleTerm):
        store(table, rows[table])
    return local


def stored_union(first: uuid.UUID | None) -> SeedLocal:
    """The local as it is now, whatever was changed in it since; the site `first` leads."""
    homes = (
        select(Site.id, Site.area_id, Site.name, Member.id, Member.status)
        .join(Membership, Membership.site_id == Site.id)
        .join(Member, Member.id == Membership.member_id)
        .where(Site.represented, Membership.rank == MembershipRank.HOME, Membership.to_at.is_(None))
        .where(Member.gone_on.is_(None))
        .order_by(Site.code, Member.id)
    )
    chapters_by_site: dict[uuid.UUID, SeedChapter] = {}
    for site_id, area_id, name, member_id, status in db.session.execute(homes):
        chapter = chapters_by_site.setdefault(site_id, SeedChapter(site_id, area_id, name))
        (chapter.active if status is MemberStatus.ACTIVE else chapter.others).append(member_id)
    chairs = select(RoleTerm.site_id, RoleTerm.person_id).where(
        RoleTerm.role == RoleName.CHAIR, RoleTerm.to_on.is_(None)
    )
    for chaired_id, person_id in db.session.execute(chairs):
        if chaired_id in chapters_by_site:
            chapters_by_site[chaired_id].chair = person_id
    chapters = sorted(chapters_by_site.values(), key=lambda chapter: chapter.id != first)
    areas = {area.name: area.id for area in db.session.scalars(select(Area))}
    no_site = select(Member.id).where(
        Member.status == MemberStatus.ACTIVE,
        Member.gone_on.is_(None),
        Member.id.not_in(select(Membership.member_id).where(Membership.to_at.is_(None))),
    )
    return SeedLocal(areas, chapters, list(db.session.scalars(no_site)))


def store(table: Any, rows: SeedRows) -> None:
    """Insert all rows with one statement."""
    if rows:
        db.session.execute(table.__table__.insert(), rows)


def _sites(
    rng: random.Random, zone: str, areas: dict[str, uuid.UUID], rows: dict[Any, SeedRows]
) -> tuple[list[SeedChapter], list[int]]:
    chapters, sizes = [], []
    for n, (name, size) in enumerate(names.site_names(rng)):
        # The demo chair's is the first one; it stands in the demo area.
        at = [area for area, _lat, _lon in names.AREAS].index(DEMO_AREA) if n == 0 else n % 8
        area, lat, lon = names.AREAS[at]
        chapters.append(SeedChapter(new_id(), areas[area], name))
        sizes.append(34 if n == 0 else size)
        street = f"{rng.randint(100, 4900)} {rng.choice(names.SITE_WORDS)} Ave"
        rows[Site].append(
            {
                "id": chapters[-1].id,
                "code": f"99{n:012d}",
                "name": name,
                "area_id": areas[area],
                "tz": zone,
                "street": street,
                "city": names.CITY,
                "zip": str(names.FIRST_ZIP + 10 * at + 1),
                "lat": round(lat + rng.gauss(0, 0.022), 5),
                "lon": round(lon + rng.gauss(0, 0.028), 5),
            }
        )
        if size > 80:
            gates = [{"id": new_id(), "site_id": chapters[-1].id, "name": g} for g in ("Main", "Back")]
            rows[Gate] += gates
    return chapters, sizes


def _members(
    rng: random.Random,
    local: SeedLocal,
    sizes: list[int],
    phones: Iterator[str],
    rows: dict[Any, SeedRows],
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
        status = _status(rng, home)
        # Now and then two members share a phone, as couples do.
        phone = "" if rng.random() < 0.05 else shared or next(phones)
        shared = phone if rng.random() < 0.008 else ""
        member = _member(rng, n, status, phone, since)
        rows[Member].append(member)
        rows[StatusSpan].append(
            {"id": new_id(), "member_id": member["id"], "status": status, "from_at": since, "to_at": None}
        )
        if home is None:
            local.no_site += [member["id"]] if status is MemberStatus.ACTIVE else []
            continue
        (home.active if status is MemberStatus.ACTIVE else home.others).append(member["id"])
        rows[Membership].append(_membership(member["id"], home.id, MembershipRank.HOME, since))
        if rng.random() < 0.015:
            second = rng.choice([c for c in local.chapters if c is not home])
            rows[Membership].append(_membership(member["id"], second.id, MembershipRank.SECOND, since))


def _status(rng: random.Random, home: SeedChapter | None) -> MemberStatus:
    if home is None:
        return rng.choices([MemberStatus.SUBSTITUTE, MemberStatus.ACTIVE], [75, 25])[0]
    return rng.choices([MemberStatus.ACTIVE, MemberStatus.LEAVE, MemberStatus.RETIRED], [95.5, 3.0, 1.5])[0]


def _member(rng: random.Random, n: int, status: MemberStatus, phone: str, since: datetime) -> dict[str, Any]:
    row_id, number = uuid.UUID(int=rng.getrandbits(128), version=4), f"{10_200_000 + 7 * n:08d}"
    kinds = [PhoneKind.MOBILE, PhoneKind.LANDLINE]
    return {
        "id": row_id,
        "number_index": blind_index("number", number),
        "number_enc": Member.number.seal(row_id, number),
        "name_enc": Member.name.seal(row_id, PersonName(*names.person_name(rng)).stored()),
        "phone_enc": Member.phone.seal(row_id, phone) if phone else None,
        "phone_index": blind_index("phone", phone) if phone else None,
        "phone_kind": rng.choices(kinds, [98, 2])[0] if phone else PhoneKind.UNKNOWN,
        "status": status,
        "language": rng.choices(["en", "es", "hy", "ko"], [75, 22, 1.5, 1.5])[0],
        "opted_out_in_file": bool(phone) and rng.random() < 0.015,
        "added_at": since,
    }


def _membership(
    member_id: uuid.UUID, site_id: uuid.UUID, rank: MembershipRank, since: datetime
) -> dict[str, Any]:
    ids = {"id": new_id(), "member_id": member_id, "site_id": site_id}
    return ids | {"rank": rank, "from_at": since, "to_at": None}


def _people(
    rng: random.Random, local: SeedLocal, phones: Iterator[str], rows: dict[Any, SeedRows], now: datetime
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
        people.append(_person(next(phones), _full_name(rng), now))
        terms.append((people[-1], RoleName.ORGANIZER, {"area_id": local.areas[area]}))
    for n, chapter in enumerate(local.chapters):
        for role, is_filled in ((RoleName.CHAIR, n < WITH_CHAIR), (RoleName.COCHAIR, 0 < n <= WITH_COCHAIR)):
            if not is_filled:
                continue
            is_demo_chair = n == 0 and role is RoleName.CHAIR
            phone, name = (CHAIR, NAMES[CHAIR]) if is_demo_chair else (next(phones), _full_name(rng))
            people.append(_person(phone, name, now))
            people[-1]["language"] = "en" if is_demo_chair else rng.choices(["en", "es"], [70, 30])[0]
            terms.append((people[-1], role, {"site_id": chapter.id}))
            chapter.chair = chapter.chair or people[-1]["id"]
    rows[Person] = people
    rows[RoleTerm] = [
        {"id": new_id(), "person_id": person["id"], "role": role, "site_id": None, "area_id": None, **place}
        | {"from_on": today - MEMBERSHIP_AGE, "granted_by": MADE_BY, "granted_at": now - MEMBERSHIP_AGE}
        for person, role, place in terms
    ]


def _full_name(rng: random.Random) -> str:
    last, first = names.person_name(rng)
    return f"{first} {last}"


def _person(phone: str, name: str, now: datetime) -> dict[str, Any]:
    row_id = Person.make_id()
    return {
        "id": row_id,
        "name_enc": Person.name.seal(row_id, name),
        "phone_enc": Person.phone.seal(row_id, phone),
        "phone_index": blind_index("phone", phone),
        "language": "en",
        "made_at": now - MEMBERSHIP_AGE,
    }
