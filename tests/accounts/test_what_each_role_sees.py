"""A scope is the whole union, some areas or some chapters, from the roles that run on one day."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from mobilize.accounts.access.authority import EVER, RoleRank
from mobilize.accounts.access.scope import (
    NOBODY,
    THE_OFFICE,
    Scope,
    authority_of,
    not_over,
    running_on,
    scope_and_authority,
    scope_of,
    today,
)
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.database import atomic, db
from mobilize.roster.models import Membership, MembershipRank, Site
from tests.builders import LONG_AGO, make_area, make_member, make_person, make_site

NORTH, SOUTH = uuid.uuid4(), uuid.uuid4()
LINCOLN, MADISON, ROOSEVELT = (Site(id=uuid.uuid4(), area_id=area) for area in (NORTH, NORTH, SOUTH))
CHAIR = Scope(frozenset({RoleName.CHAIR}), sites=frozenset({LINCOLN.id}))
ORGANIZER = Scope(frozenset({RoleName.ORGANIZER}), areas=frozenset({NORTH}))
DAY = date(2026, 3, 3)


@pytest.mark.parametrize(
    ("scope", "sites", "areas"),
    [
        (NOBODY, [], []),
        (CHAIR, [LINCOLN], []),
        (ORGANIZER, [LINCOLN, MADISON], [NORTH]),
        (THE_OFFICE, [LINCOLN, MADISON, ROOSEVELT, None], [NORTH, SOUTH, None]),
    ],
)
def test_a_chair_sees_chapters_an_organizer_areas_and_the_office_everything(
    scope: Scope, sites: list[Site | None], areas: list[uuid.UUID | None]
) -> None:
    assert [site for site in (LINCOLN, MADISON, ROOSEVELT, None) if scope.sees(site)] == sites
    assert [area for area in (NORTH, SOUTH, None) if scope.sees_area(area)] == areas


def test_members_are_those_of_its_sites_by_home_or_second_site(app: Flask) -> None:
    north, south = make_area("North"), make_area("South")
    lincoln, madison = make_site("Lincoln", area=north), make_site("Madison", area=south)
    here, elsewhere = make_member(site=lincoln), make_member(site=madison)
    moved = make_member(site=lincoln)
    with atomic() as session:
        session.add(
            Membership(
                member_id=elsewhere.id, site_id=lincoln.id, rank=MembershipRank.SECOND, from_at=LONG_AGO
            )
        )
        own = Membership.member_id == moved.id
        session.execute(update(Membership).where(own).values(to_at=LONG_AGO + timedelta(days=1)))

    def members_of(scope: Scope) -> set[uuid.UUID] | None:
        members = scope.members()
        return None if members is None else set(db.session.scalars(members))

    assert members_of(Scope(sites=frozenset({lincoln.id}))) == {here.id, elsewhere.id}
    assert members_of(Scope(areas=frozenset({south.id}))) == {elsewhere.id}
    assert members_of(NOBODY) == set() and members_of(THE_OFFICE) is None


@pytest.mark.parametrize(
    ("role", "is_organizer"),
    [
        (RoleName.CHAIR, False),
        (RoleName.COCHAIR, False),
        (RoleName.VICE_CHAIR, False),
        (RoleName.ORGANIZER, True),
        (RoleName.ADMIN, True),
    ],
)
def test_admins_may_do_what_organizers_may_and_chairs_may_not(role: RoleName, is_organizer: bool) -> None:
    assert Scope(frozenset({role})).is_organizer is is_organizer


@pytest.fixture
def sites(app: Flask) -> dict[str, Site]:
    north, south = make_area("North"), make_area("South")
    return {
        "Lincoln": make_site("Lincoln", area=north),
        "Madison": make_site("Madison", area=north),
        "Roosevelt": make_site("Roosevelt", area=south),
    }


@pytest.mark.parametrize(
    ("areas", "chapters", "expected"),
    [
        ([], [], []),
        ([], ["Lincoln"], ["Lincoln"]),
        (["Lincoln"], [], ["Lincoln", "Madison"]),
        (["Roosevelt"], ["Madison"], ["Madison", "Roosevelt"]),
    ],
)
def test_a_query_is_narrowed_to_what_is_in_scope(
    sites: dict[str, Site], areas: list[str], chapters: list[str], expected: list[str]
) -> None:
    scope = Scope(
        areas=frozenset(sites[name].area_id for name in areas),
        sites=frozenset(sites[name].id for name in chapters),
    )
    query = select(Site.name).order_by(Site.name)
    assert list(db.session.scalars(scope.limit(query))) == expected
    assert list(db.session.scalars(scope.limit_by(query, Site.id))) == expected


def test_of_the_whole_union_nothing_is_left_out(sites: dict[str, Site]) -> None:
    query = select(Site.name).order_by(Site.name)
    assert THE_OFFICE.limit(query) is query and THE_OFFICE.limit_by(query, Site.id) is query
    assert not Scope(frozenset({RoleName.CHAIR})).everything and not NOBODY.everything


def term(person: Person, role: RoleName, from_on: date, to_on: date | None, **where: uuid.UUID) -> RoleTerm:
    role_term = RoleTerm(
        person_id=person.id, role=role, from_on=from_on, to_on=to_on, granted_by="shell", **where
    )
    role_term.granted_at = LONG_AGO
    with atomic() as session:
        session.add(role_term)
    return role_term


def test_a_role_runs_from_its_first_day_to_the_day_before_it_ends(sites: dict[str, Site]) -> None:
    person = make_person("Carmen Ortiz")
    begins, ends = DAY, DAY + timedelta(days=2)
    term(person, RoleName.CHAIR, begins, ends, site_id=sites["Lincoln"].id)
    days = [DAY + timedelta(days=n) for n in range(-1, 4)]
    runs = [bool(db.session.scalar(select(RoleTerm.id).where(running_on(day)))) for day in days]
    is_not_over = [bool(db.session.scalar(select(RoleTerm.id).where(not_over(day)))) for day in days]
    assert runs == [False, True, True, False, False]
    assert is_not_over == [True, True, True, False, False]
    assert [bool(scope_of(person, day).sites) for day in days] == runs
    noon = [datetime(2026, 3, 3, 20, tzinfo=UTC) + timedelta(days=n) for n in range(-1, 4)]
    assert [bool(scope_and_authority(person, now)[0].sites) for now in noon] == runs


def test_a_role_without_a_last_day_runs_on_and_anothers_role_is_not_mine(sites: dict[str, Site]) -> None:
    carmen, olga = make_person("Carmen Ortiz"), make_person("Olga Brandt")
    term(carmen, RoleName.CHAIR, DAY, None, site_id=sites["Lincoln"].id)
    term(olga, RoleName.ORGANIZER, DAY, None, area_id=sites["Roosevelt"].area_id)
    later = DAY + timedelta(days=3000)
    assert db.session.scalars(select(RoleTerm.id).where(running_on(later), not_over(later))).all()
    chair = Scope(frozenset({RoleName.CHAIR}), sites=frozenset({sites["Lincoln"].id}))
    organizer = Scope(frozenset({RoleName.ORGANIZER}), areas=frozenset({sites["Roosevelt"].area_id}))
    assert (scope_of(carmen, later), scope_of(olga, later)) == (chair, organizer)
    now = datetime(2026, 3, 3, 20, tzinfo=UTC)
    assert (scope_and_authority(carmen, now)[0], scope_and_authority(olga, now)[0]) == (chair, organizer)


def test_several_roles_open_together_what_each_of_them_opens(sites: dict[str, Site]) -> None:
    person = make_person("Ada Stone")
    term(person, RoleName.COCHAIR, DAY, None, site_id=sites["Lincoln"].id)
    term(person, RoleName.ORGANIZER, DAY, None, area_id=sites["Roosevelt"].area_id)
    result = scope_of(person, DAY)
    assert result.sites == {sites["Lincoln"].id} and result.areas == {sites["Roosevelt"].area_id}
    assert result.roles == {RoleName.COCHAIR, RoleName.ORGANIZER} and not result.everything
    term(person, RoleName.ADMIN, DAY, None)
    assert scope_of(person, DAY).everything


def test_the_day_and_a_roles_beginning_are_those_of_the_unions_clock(app: Flask) -> None:
    evening = datetime(2026, 3, 4, 7, 59, tzinfo=UTC)  # 11:59 PM on the 3rd in Los Angeles
    assert today(evening) == DAY and today(evening + timedelta(minutes=1)) == DAY + timedelta(days=1)
    person = make_person("Ada Stone")
    term(person, RoleName.ADMIN, DAY + timedelta(days=1), None)
    assert authority_of(person, evening).rank is RoleRank.NONE
    now = authority_of(person, evening + timedelta(minutes=1))
    assert (now.rank, now.trusted_from, now.newest) == (
        RoleRank.ADMIN,
        datetime(2026, 3, 4, 8, tzinfo=UTC),
    ) + (datetime(2026, 3, 4, 8, tzinfo=UTC),)


def test_whoever_was_restarted_is_trusted_from_then_on(app: Flask) -> None:
    person = make_person("Ada Stone")
    term(person, RoleName.ADMIN, DAY, None)
    now = datetime(2026, 3, 9, 20, tzinfo=UTC)
    with atomic():
        person.restarted_at = now
    assert authority_of(person, now).trusted_from == now
    assert authority_of(make_person("Nina Vale"), now).trusted_from == EVER


def test_a_role_without_its_place_opens_none_and_no_place_of_another_kind(sites: dict[str, Site]) -> None:
    person = make_person("Ada Stone")
    term(person, RoleName.ORGANIZER, DAY, None)
    term(person, RoleName.CHAIR, DAY, None)
    result = scope_of(person, DAY)
    assert (result.areas, result.sites) == (frozenset(), frozenset())
    term(person, RoleName.COCHAIR, DAY, None, area_id=sites["Lincoln"].area_id)
    term(person, RoleName.ORGANIZER, DAY, None, site_id=sites["Lincoln"].id)
    result = scope_of(person, DAY)
    assert (result.areas, result.sites) == (frozenset(), frozenset())
