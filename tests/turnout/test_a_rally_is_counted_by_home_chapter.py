"""A rally: coming against arrived by home chapter and area, and no name on a device at its gates."""

import csv
import io
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import update

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, RoleName
from mobilize.actions.eligibility import freeze_event
from mobilize.checkins.line.queries import the_list
from mobilize.checkins.models import Attendance, Tier
from mobilize.database import atomic
from mobilize.reminders.merge_fields import merge_fields_for_member
from mobilize.reminders.models import Rsvp
from mobilize.texts.models import OutboxText, Priority, QuestionKind, TextClass, TextState
from mobilize.texts.operations import PlannedText, queue_texts
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
            session.add(Rsvp(event_id=event.id, member_id=members[n].id, coming=coming, at=START))
        for n in (0, 2, 3, 4):
            session.add(_attendance(event, members[n].id, sites[n // 3].id))
    enter(client, make_person("Ada Office", role=RoleName.ADMIN), clock.now())
    address = f"/actions/{action.id}/coming"
    rows = list(csv.DictReader(io.StringIO(client.get(f"{address}.csv").get_data(True)[1:])))
    lines = [(r["site"], r["said_coming"], r["of_those_arrived"], r["said_not"], r["arrived"]) for r in rows]
    assert lines == [("Lincoln", "2", "1", "1", "2"), ("Roosevelt", "1", "1", "0", "2")]
    page = client.get(address).text
    assert "3 said they were coming; 2 of those are here" in page and "Member0" not in page
    enter(client, make_person("Omar South", role=RoleName.ORGANIZER, area=south), clock.now())
    page = client.get(address).text
    assert "Roosevelt" in page and "Lincoln" not in page


def test_where_nobody_was_asked_nobody_said_zero(app: Any, client: FlaskClient) -> None:
    north = make_area("North")
    sites = [make_site("Lincoln", area=north), make_site("Roosevelt", area=north)]
    member = make_member("Mia", phone="+12135550111", site=sites[0])
    action = make_action()
    events = [make_event(site, action=action) for site in sites]
    enter(client, make_person("Ada Office", role=RoleName.ADMIN), clock.now())
    address = f"/actions/{action.id}/coming"
    page = client.get(address).text
    assert "Nobody was asked who is coming." in page and "Said they are coming" not in page
    assert queue_texts([_question(events[0], member.phone or "")], now=clock.now()) == 1
    with atomic() as session:
        session.execute(update(OutboxText).values(state=TextState.DELIVERED))
    page = client.get(address).text
    assert "0 said they were coming" in page and page.count("nobody asked") == 1
    rows = list(csv.DictReader(io.StringIO(client.get(f"{address}.csv").get_data(True)[1:])))
    assert [(row["said_coming"], row["said_not"]) for row in rows] == [("0", "0"), ("", "")]


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
    _grant, token = grant_line(event.id, GrantKind.LINK, "Gate 2", None, "shell", ends_at, now=now)
    client.post(f"/l/{token}")
    page, state = (client.get(f"/line/{event.code}{part}") for part in ("", "/state"))
    assert (page.status_code, state.status_code) == (200, 200)
    return page.text + state.text


def _attendance(event: Any, member_id: Any, chapter_id: Any) -> Attendance:
    return Attendance(
        event_id=event.id,
        shift_id=event.shifts[0].id,
        member_id=member_id,
        chapter_id=chapter_id,
        tier=Tier.SELF,
        first_at=START,
        late=False,
    )


def _question(event: Any, phone: str) -> PlannedText:
    """Are you coming?"""
    now = clock.now()
    return PlannedText(
        purpose=f"coming:{phone}",
        phone=phone,
        wording="reminder_day_before",
        language="en",
        text_class=TextClass.MEMBER,
        tz="UTC",
        due_at=now,
        expires_at=now + timedelta(hours=1),
        priority=Priority.REMINDER,
        merge_fields=merge_fields_for_member("reminder_day_before", event, "en"),
        event_id=event.id,
        asks=QuestionKind.COMING,
        asks_until=now + timedelta(hours=1),
    )
