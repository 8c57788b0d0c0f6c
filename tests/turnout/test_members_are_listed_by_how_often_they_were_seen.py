"""A chair and their organizer see who was at none, some and all actions, while names are still linked."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import GrantKind, RoleName
from mobilize.actions.models import Action
from mobilize.database import atomic
from mobilize.languages import Translated
from mobilize.turnout.campaigns.matrix import matrix_of
from mobilize.turnout.campaigns.participation import participation_of
from mobilize.turnout.campaigns.readiness import coverage_of
from tests.builders import START, make_action, make_campaign, make_person, sign_in
from tests.turnout.conftest import NOON, Morning

WEEK = timedelta(days=7)


@pytest.fixture
def twice(app: object) -> tuple[Morning, Morning]:
    """Of Lincoln's six, Member0 and Member1 came both times, Member2 the second time; not all at home."""
    of = make_campaign()
    first = Morning(
        make_action(campaign_id=of.id, starts_at=START - WEEK, name=Translated(en="First picket"))
    )
    second = Morning(make_action(campaign_id=of.id), first.sites)
    for one, who in ((first, (0, 1)), (second, (0, 1, 2))):
        one.freeze()
        for n in who:
            one.send(first.members[first.lincoln.id][n], first.madison if n else first.lincoln)
    return first, second


def test_each_member_stands_in_one_list(twice: tuple[Morning, Morning]) -> None:
    first, second = twice
    result = participation_of(second.action.campaign_id, first.lincoln.id, NOON)
    assert result is not None
    by_list = [[one.name.last for one in people] for people in (result.none, result.some, result.all)]
    assert by_list == [["Member3", "Member4", "Member5"], ["Member2"], ["Member0", "Member1"]]
    assert [action.id for action in result.linked] == [first.action.id, second.action.id]


def test_what_was_forgotten_is_named_and_not_counted(
    twice: tuple[Morning, Morning], client: FlaskClient
) -> None:
    first, second = twice
    with atomic() as session:
        session.get_one(Action, first.action.id).forgotten_at = NOON
    result = participation_of(second.action.campaign_id, first.lincoln.id, NOON)
    assert result is not None
    assert (len(result.none), len(result.some), len(result.all)) == (3, 0, 3)
    sign_in(client, make_person(role=RoleName.CHAIR, site=first.lincoln))
    page = client.get(_address(second, first.lincoln)).text
    assert "No longer linked to names" in page and "First picket" in page


@pytest.mark.parametrize(
    ("role", "where", "status", "named"),
    [
        (RoleName.CHAIR, "lincoln", 200, True),
        (RoleName.ORGANIZER, "north", 200, True),
        (RoleName.ADMIN, None, 200, False),
        (RoleName.CHAIR, "roosevelt", 404, False),
        (RoleName.ORGANIZER, "south", 404, False),
    ],
)
def test_names_are_for_the_chair_and_their_own_organizer(
    twice: tuple[Morning, Morning],
    client: FlaskClient,
    role: RoleName,
    where: str | None,
    status: int,
    named: bool,
) -> None:
    first, second = twice
    place = {"area" if role is RoleName.ORGANIZER else "site": getattr(first, where)} if where else {}
    sign_in(client, make_person(role=role, **place))
    page = client.get(_address(second, first.lincoln))
    assert (page.status_code, "Member3" in page.text) == (status, named)


def test_a_chapter_with_too_few_captains_is_found(twice: tuple[Morning, Morning]) -> None:
    first, second = twice
    matrix = matrix_of(second.action.campaign_id, THE_OFFICE, NOON)
    assert matrix is not None
    assert coverage_of(matrix, NOON)[first.lincoln.id].too_few
    event = second.event(first.lincoln)
    grant_line(event.id, GrantKind.CAPTAIN, "Ana", None, "test", NOON, now=START)
    make_person(role=RoleName.CHAIR, site=first.madison)
    care = coverage_of(matrix, NOON)
    assert not care[first.lincoln.id].too_few and not care[first.madison.id].too_few
    assert care[first.roosevelt.id].too_few


def _address(morning: Morning, site: object) -> str:
    return f"/campaigns/{morning.action.campaign_id}/sites/{site.id}/seen"  # type: ignore[attr-defined]
