"""Queries about sites, chapters and members. The caller checks the scope."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from mobilize import phones
from mobilize.database import db
from mobilize.roster.members import number_key, phone_key
from mobilize.roster.models import (
    Area,
    Gate,
    Import,
    ImportState,
    Member,
    Membership,
    MembershipRank,
    MemberStatus,
    Site,
)
from mobilize.roster.names import PersonName, fold

Narrow = Callable[[Any], Any]
MOST_MATCHES = 100


@dataclass(frozen=True)
class SiteSummary:
    """A site on a list. `active` counts the active members whose home chapter it is."""

    id: uuid.UUID
    code: str
    name: str
    area: str
    represented: bool
    active: int


@dataclass(frozen=True)
class ChapterLine:
    """A member on a chapter's list."""

    id: uuid.UUID
    name: PersonName
    status: MemberStatus
    rank: MembershipRank | None
    has_phone: bool


def areas() -> list[Area]:
    """All areas by name."""
    return list(db.session.scalars(select(Area).order_by(Area.name)))


def site_summaries(narrow: Narrow, *, words: str = "", area_id: uuid.UUID | None = None) -> list[SiteSummary]:
    """The sites in scope by name; of those `words` occurs in the name or code, blind to case and accents."""
    active = (
        select(Membership.site_id, func.count().label("n"))
        .join(Member, Member.id == Membership.member_id)
        .where(
            Membership.rank == MembershipRank.HOME,
            Membership.to_at.is_(None),
            Member.status == MemberStatus.ACTIVE,
        )
        .group_by(Membership.site_id)
        .subquery()
    )
    columns = (Site.id, Site.code, Site.name, Area.name, Site.represented, func.coalesce(active.c.n, 0))
    query = select(*columns).join(Area).outerjoin(active, active.c.site_id == Site.id).order_by(Site.name)
    if area_id is not None:
        query = query.where(Site.area_id == area_id)
    lines = [SiteSummary(*row) for row in db.session.execute(narrow(query)).all()]
    sought = fold(words)
    return [line for line in lines if sought in fold(line.name) or sought in line.code]


def gates_of_sites(site_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID | None, list[Gate]]:
    """Site -> its gates, by name; none for what is no site."""
    gates: defaultdict[uuid.UUID | None, list[Gate]] = defaultdict(list)
    for gate in db.session.scalars(select(Gate).where(Gate.site_id.in_(site_ids)).order_by(Gate.name)):
        gates[gate.site_id].append(gate)
    return gates


def site_by_code(code: str) -> Site | None:
    return db.session.scalar(select(Site).where(Site.code == code))


def chapter(site_id: uuid.UUID) -> list[ChapterLine]:
    """The members whose home or second site this is, by surname."""
    query = select(Member, Membership.rank).join(Membership, Membership.member_id == Member.id)
    rows = db.session.execute(query.where(Membership.site_id == site_id, Membership.to_at.is_(None)))
    return _by_surname(
        ChapterLine(m.id, m.person, m.status, rank, m.phone_index is not None) for m, rank in rows
    )


def members_by_number_or_phone(typed: str) -> list[Member]:
    """The members with this member number or phone number, also those who are gone."""
    keys = (
        [Member.number_index == number_key(typed)]
        if typed.strip().isdigit() and len(typed.strip()) <= 8
        else []
    )
    reading = phones.normalize(typed)
    if reading.phone:
        keys.append(Member.phone_index == phone_key(reading.phone))
    if not keys:
        return []
    query = select(Member).where(keys[0] if len(keys) == 1 else keys[0] | keys[1], Member.erased_at.is_(None))
    return list(db.session.scalars(query))


def members_by_name(words: str, area_id: uuid.UUID) -> list[ChapterLine]:
    """Members of one area whose name has every word, by surname, at most 100.

    Names are sealed, so they are opened here and compared; one area keeps that under a second.
    """
    sought = [fold(word) for word in words.split() if fold(word)]
    if not sought:
        return []
    query = select(Member, Membership.rank).join(Membership, Membership.member_id == Member.id)
    query = query.join(Site, Site.id == Membership.site_id).where(Site.area_id == area_id)
    rows = db.session.execute(query.where(Membership.to_at.is_(None), Membership.rank == MembershipRank.HOME))
    lines = (ChapterLine(m.id, m.person, m.status, rank, m.phone_index is not None) for m, rank in rows)
    return _by_surname(line for line in lines if all(w in line.name.searched_in for w in sought))[
        :MOST_MATCHES
    ]


def on_roster(members: Select[uuid.UUID] | None) -> Select[Member]:
    """SELECT of the members on the roster; only those among the ids `members` selects, unless it is None."""
    query = select(Member).where(Member.gone_on.is_(None), Member.erased_at.is_(None))
    return query if members is None else query.where(Member.id.in_(members))


def number_of_members(members: Select[uuid.UUID] | None) -> int:
    """How many members `on_roster` selects."""
    return db.session.scalar(select(func.count()).select_from(on_roster(members).subquery())) or 0


def sites_of(member_id: uuid.UUID) -> dict[MembershipRank, Site]:
    """The sites a member belongs to now, by rank."""
    query = select(Membership.rank, Site).join(Site, Site.id == Membership.site_id)
    rows = db.session.execute(query.where(Membership.member_id == member_id, Membership.to_at.is_(None)))
    return {row.rank: row.Site for row in rows}


def recent_imports(most: int = 20) -> list[Import]:
    """The last imports, newest first, without those that were dropped."""
    query = select(Import).where(Import.state.not_in((ImportState.DROPPED, ImportState.READING)))
    return list(db.session.scalars(query.order_by(Import.started_at.desc()).limit(most)))


def _by_surname(lines: Iterable[ChapterLine]) -> list[ChapterLine]:
    return sorted(lines, key=lambda line: line.name.sorted_by)
