"""The page of an action's reminders: what it shows before anything is turned on, and who may change it."""

from datetime import time, timedelta

from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.reminders.models import RuleKind
from mobilize.reminders.queries import rules_of
from tests.builders import make_action, make_area, make_event, make_member, make_person, make_site, sign_in
from tests.reminders.conftest import MIA, NATE


def enter(client: FlaskClient, role: RoleName, **where: object) -> None:
    sign_in(client, make_person("Olga Reed", role=role, **where))


def an_action(area: object = None) -> Action:
    action = make_action(starts_at=clock.now() + timedelta(days=3))
    site = make_event(make_site("Elm Street School", area=area or make_area()), action=action).site
    make_member(site=site, phone=MIA)
    make_member(site=site, phone=NATE, language="es")
    return action


def test_the_page_shows_whom_it_reaches_what_it_costs_and_the_words(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client, RoleName.ADMIN)
    page = client.get(f"/actions/{action.id}/reminders").get_data(as_text=True)
    for shown in ("Phones it reaches", "Segments to pay for", "Last text leaves", "tomorrow", "mañana"):
        assert shown in page


def test_turning_it_off_and_changing_the_time(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client, RoleName.ADMIN)
    address = f"/actions/{action.id}/reminders"
    client.get(address)
    sent = client.post(address, data={"at_local": "18:30", "do": "day_before:off"})
    assert sent.status_code == 303
    rule = rules_of(action)[RuleKind.DAY_BEFORE]
    assert (rule.on, rule.at_local) == (False, time(18, 30))
    sent = client.post(address, data={"minutes": "10", "do": "count_question:on"})
    assert rules_of(action)[RuleKind.COUNT_QUESTION].minutes_after_start == 10


def test_the_three_steps_of_the_question_are_set_on_one_form(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client, RoleName.ADMIN)
    address = f"/actions/{action.id}/reminders"
    assert all(f'value="{minutes}"' in client.get(address).text for minutes in (15, 25, 35))
    steps = {"minutes": "10", "again_after": "20", "call_after": "40", "do": "count_question:on"}
    assert client.post(address, data=steps).status_code == 303
    rule = rules_of(action)[RuleKind.COUNT_QUESTION]
    assert (rule.minutes_after_start, rule.again_after_minutes, rule.call_after_minutes) == (10, 20, 40)
    refused = client.post(address, data=steps | {"again_after": "50"})
    assert (
        refused.status_code == 422
        and "Each step comes later" in refused.text
        and 'value="50"' in refused.text
    )


def test_a_time_at_which_nobody_is_texted_is_refused_and_kept_on_the_page(
    app: Flask, client: FlaskClient
) -> None:
    action = an_action()
    enter(client, RoleName.ADMIN)
    address = f"/actions/{action.id}/reminders"
    client.get(address)
    sent = client.post(address, data={"at_local": "22:00", "do": "day_before:on"})
    assert sent.status_code == 422
    assert "22:00" in sent.get_data(as_text=True)
    assert client.post(address, data={"at_local": "x", "do": "day_before:on"}).status_code == 422
    assert client.post(address, data={"do": "nonsense"}).status_code == 400


def test_an_organizer_changes_only_what_is_all_in_her_areas(app: Flask, client: FlaskClient) -> None:
    mine = make_area()
    action = an_action(mine)
    enter(client, RoleName.ORGANIZER, area=mine)
    address = f"/actions/{action.id}/reminders"
    body = {"at_local": "18:00", "do": "day_before:on"}
    assert client.get(address).status_code == 200
    assert client.post(address, data=body).status_code == 303
    make_event(action=action)
    assert client.get(address).status_code == 200
    assert client.post(address, data=body).status_code == 403


def test_another_areas_action_looks_like_none_at_all(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client, RoleName.ORGANIZER, area=make_area())
    assert client.get(f"/actions/{action.id}/reminders").status_code == 404
