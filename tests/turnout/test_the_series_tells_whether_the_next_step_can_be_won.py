"""Site by action across a campaign: shares, bands, drop-offs, and which area is ready."""

from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.database import atomic, db
from mobilize.turnout.campaigns.matrix import MatrixCell, matrix_of
from mobilize.turnout.campaigns.readiness import readiness
from mobilize.turnout.figures.closing import close_due_events
from mobilize.turnout.figures.queries import board
from mobilize.turnout.models import ChapterTotal
from tests.builders import START, make_action, make_campaign, make_member, make_person
from tests.turnout.conftest import NOON, Morning, enter

WEEK = timedelta(days=7)


@pytest.fixture
def campaign(app: object) -> Morning:
    """Two actions: Lincoln 6 then 3 of 6, Madison 1 then 4 of 4, Roosevelt 2 and 2 of 2; the second is open.

    Between them a drill, which is in no series.
    """
    of = make_campaign()
    first = Morning(make_action(campaign_id=of.id, starts_at=START - WEEK))
    second = Morning(make_action(campaign_id=of.id), first.sites)
    Morning(make_action(campaign_id=of.id, starts_at=START - WEEK / 2, drill=True), first.sites)
    for action, counts in ((first, (6, 1, 2)), (second, (3, 4, 2))):
        action.freeze()
        for site, count in zip(first.sites, counts, strict=True):
            for member in first.members[site.id][:count]:
                action.send(member, site)
    close_due_events(START)
    return second


def test_every_site_area_and_the_union_stand_in_the_matrix(campaign: Morning) -> None:
    matrix = matrix_of(campaign.action.campaign_id, THE_OFFICE, NOON)
    assert matrix is not None
    rows = {row.name: row.cells for row in matrix.sites}
    assert rows == {"Lincoln": [(6, 6), (6, 3)], "Madison": [(4, 1), (4, 4)], "Roosevelt": [(2, 2), (2, 2)]}
    assert [(row.name, row.cells) for row in matrix.areas] == [
        ("North", [(10, 7), (10, 7)]),
        ("South", [(2, 2), (2, 2)]),
    ]
    assert matrix.together.cells == [(12, 9), (12, 9)]
    assert [row.name for row in matrix.dropped] == ["Lincoln"]
    assert matrix.sites[0].change == pytest.approx(-0.5)


def test_a_site_of_a_few_is_said_to_be_small_and_compared_with_nothing(
    campaign: Morning, client: FlaskClient
) -> None:
    """Madison has four: 1 of them, then 4. That is +75.0 points, and three people."""
    matrix = matrix_of(campaign.action.campaign_id, THE_OFFICE, NOON)
    assert matrix is not None
    madison = matrix.sites[1]
    assert (madison.name, madison.last, madison.change, matrix.grown) == ("Madison", (4, 4), None, [])
    enter(client, make_person("Olga North", role=RoleName.ORGANIZER, area=campaign.north), clock.now())
    series = client.get(f"/campaigns/{campaign.action.campaign_id}/series").text
    row = series[series.index(">Madison</a>") :].split("</tr>")[0]
    assert "1/4" in row and "4/4" in row and "%" not in row
    assert "Small: fewer than 5 eligible members" in series
    report = client.get(f"/actions/{campaign.action.id}/areas/{campaign.north.id}/report").text
    row = report[report.index(">Madison</a>") :].split("</tr>")[0]
    assert ">small<" in row and "%" not in row
    of_madison = client.get(f"/actions/{campaign.action.id}/sites/{campaign.madison.id}/report").text
    assert '<p class="value">4 of 4</p>' in of_madison


def test_an_action_that_runs_is_compared_at_the_same_minute_and_with_no_whole_action(
    campaign: Morning, client: FlaskClient
) -> None:
    """Ten minutes after the start three of Lincoln's six are in. A week before it was all six, in the end."""
    ten_past = START + timedelta(minutes=10)
    matrix = matrix_of(campaign.action.campaign_id, THE_OFFICE, ten_past)
    assert matrix is not None and matrix.running == [campaign.action]
    north = matrix.areas[0]
    assert (north.last, north.change, matrix.dropped) == ((10, 7), None, [])
    assert all("Fewer came" not in reason for one in readiness(matrix, ten_past) for reason in one.against)
    with time_machine.travel(ten_past, tick=False):
        enter(client, make_person("Olga Office", role=RoleName.ADMIN), ten_past)
        page = client.get(f"/campaigns/{campaign.action.campaign_id}/series").text
        report = client.get(f"/actions/{campaign.action.id}/report").text
    assert "Still running" in page and "stood after 10 minutes" in page
    assert "points" not in page.split('id="sites"')[0].split("multiples")[1].split("</ul>")[0]
    assert "What still runs is not compared with what is over." in report and "-50.0" not in report


def test_nothing_is_said_of_readiness_before_an_action_is_over(app: object) -> None:
    of = make_campaign()
    only = Morning(make_action(campaign_id=of.id))
    only.freeze()
    matrix = matrix_of(of.id, THE_OFFICE, START)
    assert matrix is not None
    north = readiness(matrix, START)[0]
    assert (north.judged, north.ready) == (False, False)
    assert north.against[0] == "No action is over yet in which it had a part."


def test_the_pictures_of_a_series_say_what_its_table_says(campaign: Morning, client: FlaskClient) -> None:
    enter(client, make_person("Olga Office", role=RoleName.ADMIN), clock.now())
    page = client.get(f"/campaigns/{campaign.action.campaign_id}/series").text
    pictures, table = page.split("As a table")[0], page.split("As a table")[1]
    assert pictures.count('<svg viewBox="0 0 168 112"') == 3  # together, North, South
    assert '<p><strong>75.0%</strong> <span class="small soft">+0.0 points</span></p>' in pictures
    assert 'aria-label="1: 70.0%, 2: 70.0%"' in pictures
    for share in ("75.0%", "70.0%"):
        assert f">{share}</text>" in pictures and f">{share}</span>" in table


def test_of_hundreds_of_sites_those_of_one_area_are_shown(
    campaign: Morning, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mobilize.turnout.campaigns.views.SITES_AT_ONCE", 2)
    enter(client, make_person("Olga Office", role=RoleName.ADMIN), clock.now())
    address = f"/campaigns/{campaign.action.campaign_id}/series"
    all_areas, north = client.get(address).text, client.get(f"{address}?area={campaign.north.id}").text
    assert "Choose an area to see its sites" in all_areas and ">Madison</a>" not in all_areas
    assert ">Madison</a>" in north and ">Roosevelt</a>" not in north
    assert client.get(f"{address}?area=nonsense").status_code == 200


def test_what_is_corrected_later_shows_in_the_matrix(campaign: Morning) -> None:
    """A further version takes the place of the first, in whatever order the database hands them out."""
    of_first = select(ChapterTotal).join(Action).where(Action.starts_at == START - WEEK)
    fixed = db.session.scalars(of_first.where(ChapterTotal.chapter_id == campaign.madison.id)).one()
    for version, came in ((3, 4), (2, 3)):
        row = {"action_id": fixed.action_id, "event_id": fixed.event_id, "chapter_id": fixed.chapter_id}
        figures = {**fixed.figures, "came": came}
        with atomic() as session:
            session.add(ChapterTotal(**row, version=version, figures=figures, fixed_at=START))
    matrix = matrix_of(campaign.action.campaign_id, THE_OFFICE, NOON)
    assert matrix is not None
    assert matrix.sites[1].cells == [(4, 4), (4, 4)]
    assert matrix.together.cells == [(12, 12), (12, 9)]


def test_members_without_a_chapter_count_in_the_total_of_the_union(app: object, client: FlaskClient) -> None:
    make_member("Central")
    of = make_campaign()
    only = Morning(make_action(campaign_id=of.id))
    only.freeze()
    only.send(only.members[only.lincoln.id][0], only.lincoln)
    names = board(only.action).total.names
    assert (names.eligible, names.came) == (13, 1)
    for _closed in range(2):
        matrix = matrix_of(of.id, THE_OFFICE, NOON)
        assert matrix is not None and matrix.no_site is not None
        assert (matrix.no_site.cells, matrix.together.cells) == ([(1, 0)], [(13, 1)])
        close_due_events(START + WEEK)
    enter(client, make_person("Ada Office", role=RoleName.ADMIN), clock.now())
    assert "No site" in client.get(f"/campaigns/{of.id}/series").text
    enter(client, make_person("Omar South", role=RoleName.ORGANIZER, area=only.south), clock.now())
    assert "No site" not in client.get(f"/campaigns/{of.id}/series").text


@pytest.mark.parametrize(("came", "band"), [(49, 0), (50, 1), (65, 2), (75, 3), (89, 3), (90, 4)])
def test_a_band_begins_at_its_threshold(came: int, band: int) -> None:
    assert MatrixCell(100, came).band((50, 65, 75, 90)) == band


def test_an_area_is_ready_or_the_reasons_are_told(campaign: Morning) -> None:
    make_person(role=RoleName.CHAIR, site=campaign.roosevelt, phone="+12135550111")
    matrix = matrix_of(campaign.action.campaign_id, THE_OFFICE, NOON)
    assert matrix is not None
    north, south = readiness(matrix, clock.now())
    assert south.ready
    assert north.against == (
        "Fewer than 75% came to the last action.",
        "2 of 2 chapters have no chair.",
    )


def test_an_organizer_sees_the_series_of_their_areas(campaign: Morning, client: FlaskClient) -> None:
    enter(client, make_person("Omar South", role=RoleName.ORGANIZER, area=campaign.south), clock.now())
    address = f"/campaigns/{campaign.action.campaign_id}/series"
    page, file = client.get(address).text, client.get(f"{address}?form=csv").text
    assert "Roosevelt" in page and "Lincoln" not in page
    assert file.splitlines()[1] == "Roosevelt,South,100.0,100.0"
    enter(client, make_person("Nora", role=RoleName.ORGANIZER), clock.now())
    assert client.get(address).status_code == 404
