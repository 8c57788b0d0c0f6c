"""Figures stand as they were fixed; what is handed in later makes a further version, and is listed."""

import io
from datetime import timedelta

from flask.testing import FlaskClient
from openpyxl import load_workbook

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.database import atomic, db
from mobilize.privacy.retention.forgetting import forget_action
from mobilize.turnout.figures.closing import close_due_events, correct_action, correct_closed_actions
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.snapshots import versions_of
from mobilize.turnout.figures.types import Board
from tests.builders import START, make_member, make_person
from tests.turnout.conftest import Morning, arrive, enter

DAY = timedelta(days=1)


def test_an_upload_after_closing_makes_version_2_once(morning: Morning) -> None:
    arrive(morning, morning.members[morning.lincoln.id][:2], morning.lincoln)
    close_due_events(START + DAY)
    assert correct_closed_actions(clock.now()) == 0
    arrive(morning, morning.members[morning.lincoln.id][2:3], morning.madison)
    assert board(morning.action).chapter(morning.lincoln.id).names.came == 2
    assert [correct_closed_actions(clock.now()) for _ in range(2)] == [2, 0]
    counted = board(morning.action)
    lincoln, madison = counted.chapter(morning.lincoln.id), counted.chapter(morning.madison.id)
    assert (lincoln.names.came, lincoln.version) == (3, 2)
    assert (madison.line.hosted, madison.version) == (1, 2)
    assert counted.chapter(morning.roosevelt.id).version == 1
    versions = versions_of(morning.action.id, morning.lincoln.id)
    assert [(one.version, one.names.came) for one in versions] == [(1, 2), (2, 3)]


def test_a_member_without_a_chapter_who_comes_late_is_a_correction_too(morning: Morning) -> None:
    central = make_member("Central")
    morning.freeze()
    close_due_events(START + DAY)
    assert board(morning.action).no_site.came == 0
    arrive(morning, [central], morning.lincoln)
    correct_closed_actions(clock.now())
    assert board(morning.action).no_site.came == 1


def test_the_recount_is_the_same_on_day_0_31_and_91_across_forgetting(morning: Morning) -> None:
    make_member("Central")
    lincoln = morning.members[morning.lincoln.id]
    arrive(morning, lincoln[:4], morning.lincoln)
    arrive(morning, [*lincoln[3:5], make_member(site=morning.lincoln, status="retired")], morning.madison)
    morning.count(morning.lincoln, 9)
    close_due_events(START + DAY)
    first = _recount(morning)
    assert _figures(first) == _figures(board(morning.action))
    assert first.total.names.came == 5
    db.session.expire_all()
    assert _figures(_recount(morning)) == _figures(first)  # day 31: nothing of it has moved
    assert forget_action(morning.action.id, by="test", now=START + 91 * DAY)
    assert _figures(_recount(morning)) == _figures(first)
    assert correct_action(morning.action.id, START + 91 * DAY) == 0


def test_corrections_are_listed_and_the_workbook_says_the_same(morning: Morning, client: FlaskClient) -> None:
    morning.freeze()
    close_due_events(START + DAY)
    arrive(morning, morning.members[morning.lincoln.id][:1], morning.lincoln)
    correct_closed_actions(clock.now())
    enter(client, make_person("Olga Office", role=RoleName.ADMIN), clock.now())
    report = f"/actions/{morning.action.id}/sites/{morning.lincoln.id}/report"
    assert "Corrections" in client.get(report).text
    sheet = load_workbook(io.BytesIO(client.get(f"/actions/{morning.action.id}/report.xlsx").data))["Sites"]
    rows = [dict(zip([c.value for c in sheet[1]], [c.value for c in row], strict=True)) for row in sheet]
    lincoln = next(row for row in rows if row["Site"] == "Lincoln")
    assert [lincoln[word] for word in ("Eligible", "Came", "Head count", "Version")] == [6, 1, None, 2]
    assert lincoln["Code"] == morning.lincoln.code


def test_by_the_numbers_stands_in_both_languages_without_small_counts(
    morning: Morning, client: FlaskClient
) -> None:
    morning.freeze()
    arrive(morning, morning.members[morning.lincoln.id], morning.lincoln)
    arrive(morning, morning.members[morning.roosevelt.id][:1], morning.roosevelt)
    enter(client, make_person("Olga Office", role=RoleName.ADMIN), clock.now())
    page = client.get(f"/actions/{morning.action.id}/numbers").text
    assert 'lang="es"' in page and "Piquete matutino" in page and "Morning picket" in page
    assert "not shown" in page and "Member0" not in page


def _recount(morning: Morning) -> Board:
    with atomic() as session:
        return board(session.get_one(Action, morning.action.id), fixed=False)


def _figures(counted: Board) -> object:
    return [(c.names, c.line) for c in counted.chapters], counted.no_site, counted.total.names
