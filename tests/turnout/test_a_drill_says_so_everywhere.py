"""A rehearsal says so on every page and in every file, and is in no total. New routes are walked too."""

import io

from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook

from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.database import atomic
from mobilize.turnout.board.overview import past_actions
from mobilize.turnout.campaigns.matrix import matrix_of
from tests.builders import make_campaign, make_person, sign_in
from tests.staged import stage
from tests.turnout.conftest import NOON, Morning
from tests.world import World, address, routes_and_methods

# Posters and sheets are read in tests/actions.
OF_AN_ACTION = {"action_id", "event_id"}


def test_every_page_of_a_drill_says_so(sqlite_app: Flask) -> None:
    client, world = sqlite_app.test_client(), World()
    stage(world)  # a statement
    with atomic() as session:
        session.get_one(Action, world.own["action_id"]).drill = True
    silent, walked = [], set()
    for role in (RoleName.ADMIN, RoleName.CHAIR):
        sign_in(client, world.people[role])
        for rule, method in routes_and_methods(sqlite_app):
            if method != "GET" or not rule.arguments & OF_AN_ACTION or rule.endpoint in walked:
                continue
            answer = client.get(address(sqlite_app, rule, world.own))
            if answer.status_code == 200 and answer.mimetype == "text/html":
                walked.add(rule.endpoint)
                if "banner drill" not in answer.text:
                    silent.append((role.value, rule.rule))
    assert silent == []
    assert len(walked) >= 15


def test_its_files_say_so_in_their_name_and_first_line(morning: Morning, client: FlaskClient) -> None:
    _rehearse(morning)
    sign_in(client, make_person(role=RoleName.ADMIN))
    place = f"/actions/{morning.action.id}"
    for part in ("/report", f"/areas/{morning.north.id}/report", f"/sites/{morning.lincoln.id}/report"):
        for form in ("csv", "xlsx", "pdf"):
            file = client.get(f"{place}{part}.{form}")
            assert 'filename="drill-' in file.headers["Content-Disposition"], (part, form)
            if form == "csv":
                assert "DRILL" in file.text.splitlines()[0]
            if form == "xlsx":
                assert "DRILL" in load_workbook(io.BytesIO(file.data)).active.title
    assert client.get(f"{place}/turnout.json").json["drill"] is True


def test_it_is_in_no_series_and_no_total(morning: Morning) -> None:
    campaign = make_campaign()
    with atomic() as session:
        session.get_one(Action, morning.action.id).campaign_id = campaign.id
    _rehearse(morning)
    assert past_actions(THE_OFFICE, NOON) == []
    assert matrix_of(campaign.id, THE_OFFICE, NOON) is None


def _rehearse(morning: Morning) -> None:
    morning.freeze()
    morning.send(morning.members[morning.lincoln.id][0], morning.lincoln)
    with atomic() as session:
        session.get_one(Action, morning.action.id).drill = True
