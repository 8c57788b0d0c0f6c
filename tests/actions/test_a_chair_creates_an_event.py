"""A chair makes an event for their site in under a minute, or finds the one the office made."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action, ActionKind, Event, EventState
from mobilize.actions.operations import create_site_event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import Translated
from mobilize.roster.models import Site
from tests.builders import START, make_action, make_event, make_person, make_site, sign_in

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
MORNING = LocalTimeRange(date(2026, 3, 3), time(7), time(7, 45))
FORM = {"name_en": "Picket at our gate", "day": "2026-03-03", "start": "07:00", "end": "07:45"}


@pytest.fixture(autouse=True)
def the_day_before() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def site(app: Flask, client: FlaskClient) -> Site:
    """Carmen's site, and Carmen signed in."""
    school: Site = make_site("Glenwood Elementary")
    sign_in(client, make_person("Carmen", role=RoleName.CHAIR, site=school))
    return school


def create(site: Site, span: LocalTimeRange = MORNING) -> Event:
    return create_site_event(site, Translated(en="Ours"), span, "Main gate", actor="shell", now=NOW)


def events() -> int:
    return db.session.scalar(select(func.count()).select_from(Event)) or 0


def test_their_event_is_an_action_of_their_own_when_the_office_has_none(app: Flask) -> None:
    site = make_site()
    event = create(site)
    assert event.action.owner_site_id == site.id
    assert (event.starts_at, event.meet_at, event.shifts[0].ends_at) == (START, "Main gate", event.ends_at)


def test_their_event_joins_the_offices_action_that_lacks_their_site(app: Flask) -> None:
    action = make_action()
    make_event(action=action)
    assert create(make_site()).action_id == action.id


def test_their_event_joins_neither_a_drill_nor_a_rally_nor_another_day(app: Flask) -> None:
    make_action(drill=True)
    make_action(kind=ActionKind.RALLY)
    make_action(starts_at=START + timedelta(days=1))
    site = make_site()
    assert create(site).action.owner_site_id == site.id


def test_a_second_one_at_the_same_time_is_refused(app: Flask) -> None:
    site = make_site()
    make_event(site)
    with pytest.raises(Refused) as refused:
        create(site)
    assert (refused.value.code, events()) == ("already_one", 1)


def test_a_called_off_event_makes_room(app: Flask) -> None:
    site = make_site()
    event = make_event(site)
    with atomic():
        event.state = EventState.CALLED_OFF
    assert create(site).id != event.id


def test_an_event_that_is_over_already_is_refused(app: Flask) -> None:
    with pytest.raises(Refused) as refused:
        create(make_site(), LocalTimeRange(date(2026, 3, 1), time(7), time(7, 45)))
    assert refused.value.code == "in_the_past"


def test_the_form_is_filled_in_and_one_tap_creates(client: FlaskClient, site: Site) -> None:
    page = client.get(f"/sites/{site.id}/events/new").text
    for filled in ("2026-03-03", "07:00", "07:45", "Picket at Glenwood Elementary"):
        assert f'value="{filled}' in page
    answer = client.post(f"/sites/{site.id}/events/new", data=FORM, follow_redirects=True)
    assert "Your event is ready" in answer.text
    assert "Print the poster" in answer.text


def test_a_double_tap_makes_one_and_links_to_it(client: FlaskClient, site: Site) -> None:
    first = client.post(f"/sites/{site.id}/events/new", data=FORM)
    second = client.post(f"/sites/{site.id}/events/new", data=FORM)
    assert (first.status_code, second.status_code, events()) == (303, 409, 1)
    assert first.headers["Location"] in second.text
    assert 'value="Picket at our gate"' in second.text


def test_the_page_says_when_it_joined_the_offices_action(client: FlaskClient, site: Site) -> None:
    make_event(action=make_action(name=Translated(en="Big Tuesday")))
    answer = client.post(f"/sites/{site.id}/events/new", data=FORM, follow_redirects=True)
    assert "part of the union&#39;s action “Big Tuesday”" in answer.text


def test_the_form_shows_what_is_planned_already(client: FlaskClient, site: Site) -> None:
    event = make_event(site)
    page = client.get(f"/sites/{site.id}/events/new").text
    assert "Already planned here" in page and f"/events/{event.id}" in page


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"end": "06:00"}, "Check the times"),
        ({"name_en": " "}, "Give it a name"),
        ({"day": "2026-03-08", "start": "02:30", "end": "03:30"}, "Did you mean 03:30?"),
        ({"day": "2026-11-01", "start": "01:30", "end": "02:15"}, "this time comes twice"),
        ({"day": "2026-02-30"}, "Not a valid date"),
        ({"day": "1999-01-01"}, "Check the day"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    client: FlaskClient, site: Site, wrong: dict[str, str], message: str
) -> None:
    answer = client.post(f"/sites/{site.id}/events/new", data={"name_es": "Nuestro", **FORM, **wrong})
    assert answer.status_code == 422
    assert message in answer.text and 'value="Nuestro"' in answer.text
    assert events() == 0


def test_an_event_may_end_after_midnight(app: Flask) -> None:
    event = create(make_site(), LocalTimeRange(date(2026, 3, 3), time(23, 30), time(0, 30)))
    assert event.ends_at - event.starts_at == timedelta(hours=1)


def test_on_the_night_clocks_go_back_both_hours_can_be_meant(app: Flask) -> None:
    night, half_past, later = date(2026, 11, 1), time(1, 30), time(2, 15)
    starts = [
        create(make_site(), LocalTimeRange(night, half_past, later, second)).starts_at
        for second in (False, True)
    ]
    assert starts == [datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (8, 9)]


def test_an_organizer_stands_in_for_a_site_without_a_chair(app: Flask, client: FlaskClient) -> None:
    site = make_site()
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=site.area))
    assert "No chair" in client.get(f"/sites/{site.id}/events/new").text
    answer = client.post(f"/sites/{site.id}/events/new", data=FORM, follow_redirects=True)
    assert "There is no chair here yet" in answer.text
    assert db.session.scalars(select(Action)).one().owner_site_id == site.id
