"""A rally: coming against arrived by home chapter and area, and no name on a device at its gates."""

import csv
import io
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.grants import grant_line
from mobilize.accounts.models import GrantKind, RoleName
from mobilize.actions.denominator import freeze_event
from mobilize.checkins.models import Attendance, Tier
from mobilize.checkins.queries import the_list
from mobilize.database import atomic
from mobilize.reminders.models import Coming
from tests.builders import START, make_action, make_area, make_event, make_member, make_person, make_site
from tests.turnout.conftest import enter


def test_coming_and_arrived_stand_side_by_side(app: Any, client: FlaskClient) -> None:
    north, south = make_area("North"), make_area("South")
    sites = [make_site("Lincoln", area=north), make_site("Roosevelt", area=south)]
    members = [make_member(f"Member{n}", site=sites[n // 3]) for n in range(6)]
    action = make_action(kind="rally")
    event = make_event(action=action, chapters=sites, venue="City Hall")
    freeze_event(event.id, START)
    answers = {0: True, 1: True, 2: False, 3: True}
    with atomic() as session:
        for n, coming in answers.items():
            session.add(Coming(event_id=event.id, member_id=members[n].id, coming=coming, at=START))
        for n in (0, 2, 3, 4):
            session.add(_there(event, members[n].id, sites[n // 3].id))
    enter(client, make_person("Ada Office", role=RoleName.ADMIN), clock.now())
    address = f"/actions/{action.id}/coming"
    rows = list(csv.DictReader(io.StringIO(client.get(f"{address}.csv").get_data(True)[1:])))
    said = [(r["site"], r["said_coming"], r["of_those_arrived"], r["said_not"], r["arrived"]) for r in rows]
    assert said == [("Lincoln", "2", "1", "1", "2"), ("Roosevelt", "1", "1", "0", "2")]
    page = client.get(address).text
    assert "3 said they were coming; 2 of those are here" in page and "Member0" not in page
    enter(client, make_person("Omar South", role=RoleName.ORGANIZER, area=south), clock.now())
    page = client.get(address).text
    assert "Roosevelt" in page and "Lincoln" not in page


def test_no_name_is_on_a_device_at_the_gate_of_a_rally(app: Any, client: FlaskClient) -> None:
    now = clock.now()
    site = make_site("Lincoln")
    make_member("Reyes", "Quillany", site=site)
    action = make_action(kind="rally", starts_at=now, ends_at=now + timedelta(hours=1))
    rally = make_event(action=action, chapters=[site], venue="City Hall")
    picket = make_event(site, action=make_action(starts_at=now, ends_at=now + timedelta(hours=1)))
    pages = [_open_line(client, event, now) for event in (picket, rally)]
    assert ["Quillany" in page for page in pages] == [True, False]
    assert the_list(rally.id) is None


def _open_line(client: FlaskClient, event: Any, now: Any) -> str:
    """Everything a captain's phone is given: the page, and what it polls."""
    ends_at = event.ends_at
    _grant, token = grant_line(event.id, GrantKind.CAPTAIN, "Gate 2", None, "shell", ends_at, now=now)
    client.post(f"/l/{token}")
    page, state = (client.get(f"/line/{event.code}{part}") for part in ("", "/state"))
    assert (page.status_code, state.status_code) == (200, 200)
    return page.text + state.text


def _there(event: Any, member_id: Any, chapter_id: Any) -> Attendance:
    return Attendance(
        event_id=event.id,
        shift_id=event.shifts[0].id,
        member_id=member_id,
        chapter_id=chapter_id,
        tier=Tier.SELF,
        first_at=START,
        late=False,
    )
