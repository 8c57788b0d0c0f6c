"""Time and place change; the printed code stays good, and what grows is the version."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, RoleName
from mobilize.actions.models import Event, EventState
from mobilize.actions.operations import move_event
from mobilize.actions.queries import captains_line_ends
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.database import atomic, db
from mobilize.errors import Refused
from tests.builders import make_action, make_event, make_person, make_site, sign_in

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
LATER = LocalTimeRange(date(2026, 3, 3), time(8), time(9))


@pytest.fixture(autouse=True)
def the_day_before() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def move(event: Event, span: LocalTimeRange = LATER, meet_at: str = "Back gate", now: datetime = NOW) -> bool:
    return move_event(event, span, meet_at, actor="shell", now=now)


def test_the_code_stays_and_the_version_grows(app: Flask) -> None:
    event = make_event()
    before = (event.code, event.text_code)
    assert move(event)
    assert (event.code, event.text_code, event.version) == (*before, 2)
    assert event.starts_at == datetime(2026, 3, 3, 16, tzinfo=UTC)
    assert (event.shifts[0].starts_at, event.shifts[0].ends_at) == (event.starts_at, event.ends_at)


def test_saying_the_same_twice_changes_nothing(app: Flask) -> None:
    event = make_event()
    assert (move(event), move(event), event.version) == (True, False, 2)


def test_an_action_of_one_event_moves_with_it_and_one_of_many_does_not(app: Flask) -> None:
    alone, action = make_event(), make_action()
    together = [make_event(action=action) for _ in range(2)][0]
    move(alone)
    move(together)
    assert alone.action.starts_at == alone.starts_at
    assert action.starts_at != together.starts_at


def test_the_links_of_its_phones_last_as_long_as_it_does(app: Flask) -> None:
    event = make_event()
    ends_at = captains_line_ends(event)
    grant, _token = grant_line(event.id, GrantKind.CAPTAIN, "Ana", None, "shell", ends_at, now=NOW)
    move(event)
    db.session.refresh(grant)
    assert grant.ends_at == ends_at + timedelta(minutes=75)


@pytest.mark.parametrize(
    ("span", "code"),
    [
        (LocalTimeRange(date(2026, 3, 1), time(7), time(8)), "in_the_past"),
        (LocalTimeRange(date(2026, 3, 8), time(2, 30), time(3, 30)), "no_such_time"),
        (LocalTimeRange(date(2026, 11, 1), time(1, 30), time(2, 30)), "two_such_times"),
        (LocalTimeRange(date(2026, 3, 4), time(8), time(7)), "too_long"),
        (LocalTimeRange(date(2026, 3, 4), time(12), time(13)), "already_one"),
    ],
)
def test_a_time_that_cannot_be_is_refused(app: Flask, span: LocalTimeRange, code: str) -> None:
    site = make_site()
    event = make_event(site)
    make_event(
        site,
        starts_at=event.starts_at + timedelta(days=1, hours=5),
        ends_at=event.ends_at + timedelta(days=1, hours=5),
    )
    with pytest.raises(Refused) as refused:
        move(event, span)
    assert (refused.value.code, event.version) == (code, 1)


def test_an_event_that_is_over_or_called_off_is_not_moved(app: Flask) -> None:
    event, off = make_event(), make_event()
    with atomic():
        off.state = EventState.CALLED_OFF
    for gone, now in ((event, NOW + timedelta(days=2)), (off, NOW)):
        with pytest.raises(Refused) as refused:
            move(gone, now=now)
        assert refused.value.code == "is_over"


def test_a_rally_gets_another_venue_and_a_site_stays_where_it_is(app: Flask) -> None:
    site = make_site()
    rally, picket = make_event(chapters=[site], venue="City Hall"), make_event(make_site())
    for event in (rally, picket):
        move_event(event, LATER, "", venue="The park", actor="shell", now=NOW)
    assert (rally.place, picket.venue) == ("The park", "")


def test_the_chair_moves_it_from_the_page(app: Flask, client: FlaskClient) -> None:
    event = make_event()
    sign_in(client, make_person(role=RoleName.CHAIR, site=event.site))
    page = client.get(f"/events/{event.id}/change").text
    assert 'value="2026-03-03"' in page and 'value="07:45"' in page
    form = {"day": "2026-03-04", "start": "08:00", "end": "09:00", "meet_at": "Back gate"}
    answer = client.post(f"/events/{event.id}/change", data=form, follow_redirects=True)
    assert "stay good" in answer.text and "Back gate" in answer.text
    bad = client.post(f"/events/{event.id}/change", data={**form, "meet_at": "Elsewhere", "end": "07:00"})
    assert bad.status_code == 422
    assert 'value="Elsewhere"' in bad.text
