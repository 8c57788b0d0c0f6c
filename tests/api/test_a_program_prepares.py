"""What a program plans for many places at once; what asks a person stands ready for them on its page."""

from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.models import Person, RoleName
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.models import Action, Campaign, Event, Shift
from mobilize.database import db
from mobilize.reminders.models import (
    Audience,
    AudienceFilter,
    Broadcast,
    BroadcastState,
    ReminderRule,
    RuleKind,
)
from mobilize.roster.models import Area, Gate
from mobilize.turnout.models import Statement
from tests.api.program import ALL, Program, make_secret
from tests.builders import make_action, make_area, make_event, make_member, make_person, make_site, sign_in

NOON = (clock.now() + timedelta(days=40)).replace(hour=19, minute=0, second=0, microsecond=0)
NAME = {"en": "Picket, all of us", "es": "Piquete, todos"}
TIMES = {"starts_at": NOON.isoformat(), "ends_at": (NOON + timedelta(hours=1)).isoformat()}
WORDS = {"en": "{union}: see you at seven", "es": "{union}: nos vemos a las siete"}


@pytest.fixture
def north(app: Flask) -> Area:
    return make_area("North")


@pytest.fixture
def ada(app: Flask) -> Person:
    return make_person("Ada Stone", role=RoleName.ADMIN)


@pytest.fixture
def office(app: Flask, ada: Person) -> Program:
    return Program(app, make_secret(ada))


@pytest.fixture
def organizers(app: Flask, north: Area) -> Program:
    olga = make_person("Olga Brandt", role=RoleName.ORGANIZER, area=north)
    return Program(app, make_secret(olga))


def event_in(area: Area) -> Event:
    when = {"starts_at": NOON, "ends_at": NOON + timedelta(hours=1)}
    return make_event(make_site("Lincoln", area=area), action=make_action(**when), **when)


def count(table: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def fields_of(page: str) -> dict[str, Any]:
    """The form of a new action as a browser would send it."""
    sent: dict[str, Any] = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            attributes = dict(attrs)
            name, value = attributes.get("name"), attributes.get("value") or ""
            if tag == "option" and "selected" in attributes:
                sent[self.select] = value
            if tag == "select":
                self.select = name
            if (
                tag != "input"
                or not name
                or (attributes.get("type") in ("radio", "checkbox") and "checked" not in attributes)
            ):
                return
            sent.setdefault(name, []).append(value)

    Reader().feed(page.partition('id="new-action"')[2].partition("</form>")[0])
    return sent


def test_an_action_at_many_sites_is_prepared_and_a_person_makes_it(
    office: Program, client: FlaskClient, ada: Person, north: Area
) -> None:
    for name in ("Lincoln", "Madison"):
        make_site(name, area=north)
    make_site("Roosevelt", area=make_area("South"))
    body = {"name": NAME, "kind": "strike", "area_ids": [str(north.id)], "target_percent": 60, **TIMES}
    answer = office.post("/actions", body, key="the-strike-1")
    assert (answer.status_code, answer.json["state"], count(Action)) == (202, "prepared", 0)
    assert office.post("/actions", body, key="the-strike-1").data == answer.data
    assert office.get(f"/actions/{answer.json['id']}").status_code == 404, "nobody has made it yet"
    sign_in(client, ada)
    address = urlsplit(answer.json["confirm_url"])
    page = client.get(f"{address.path}?{address.query}")
    sent = fields_of(page.text)
    for _twice in range(2):
        assert client.post(address.path, data=sent).status_code == 303
    created = office.get(f"/actions/{answer.json['id']}").json
    expected = {"name": NAME, "kind": "strike", "target_percent": 60, "drill": False}
    assert {name: created[name] for name in expected} == expected and count(Action) == 1
    events = office.all(f"/events?action_id={created['id']}")
    assert len(events) == 2 and {event["area_id"] for event in events} == {str(north.id)}


def test_a_rally_is_prepared_with_its_venue(
    office: Program, client: FlaskClient, ada: Person, north: Area
) -> None:
    make_site("Lincoln", area=north)
    body = {"name": NAME, "kind": "rally", "venue": "City Hall & steps", "elsewhere_ok": False, **TIMES}
    answer = office.post("/actions", body)
    sign_in(client, ada)
    address = urlsplit(answer.json["confirm_url"])
    sent = fields_of(client.get(f"{address.path}?{address.query}").text)
    assert sent["venue"] == ["City Hall & steps"] and "elsewhere_ok" not in sent
    assert client.post(address.path, data=sent).status_code == 303
    assert db.session.scalars(select(Event)).one().venue == "City Hall & steps"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"kind": "rally"}, 422, "no_venue"),
        ({"name": {"en": " "}}, 422, "no_name"),
        ({"campaign_id": "00000000-0000-0000-0000-000000000001"}, 422, "no_campaign"),
        ({"area_ids": ["00000000-0000-0000-0000-000000000001"]}, 422, "no_area"),
        ({"starts_at": "2020-01-01T15:00:00Z", "ends_at": "2020-01-01T16:00:00Z"}, 422, "in_the_past"),
        ({"name": {"en": "é" * 120, "es": "é" * 120}, "venue": "é" * 200}, 422, "too_long"),
        ({"area_ids": []}, 400, "bad_body"),
        ({"target_percent": 0}, 400, "bad_body"),
        ({"kind": "dance"}, 400, "bad_body"),
    ],
)
def test_what_could_not_be_made_is_declined_at_once(
    office: Program, north: Area, change: dict[str, Any], status: int, code: str
) -> None:
    make_site("Lincoln", area=north)
    answer = office.post("/actions", {"name": NAME, **TIMES, **change})
    assert (answer.status_code, answer.json["code"], count(Action), count(Event)) == (status, code, 0, 0)


def test_without_a_site_there_is_nothing_to_prepare(office: Program) -> None:
    assert office.post("/actions", {"name": NAME, **TIMES}).json["code"] == "no_sites"


def test_an_organizers_program_prepares_for_its_areas_alone(organizers: Program, north: Area) -> None:
    make_site("Lincoln", area=north)
    south = make_area("South")
    make_site("Roosevelt", area=south)
    for areas, code in ((None, "not_yours"), ([str(south.id)], "no_area"), ([str(north.id)], None)):
        answer = organizers.post("/actions", {"name": NAME, "area_ids": areas, **TIMES})
        assert answer.json.get("code") == code


def test_a_campaign_is_made_once_and_changed(office: Program) -> None:
    body = {"name": {"en": "Spring"}, "demands": {"en": "Smaller classes\nA nurse in every school"}}
    first = office.post("/campaigns", body, key="campaign-01")
    assert office.post("/campaigns", body, key="campaign-01").data == first.data
    assert (first.status_code, count(Campaign)) == (201, 1)
    path = f"/campaigns/{first.json['id']}"
    changed = office.post(path, {"name": {"en": "Spring", "es": "Primavera"}})
    assert changed.json == office.get(path).json and changed.json["name"]["es"] == "Primavera"
    assert office.post(path, {"name": {"en": " "}}).json["code"] == "no_name"
    assert office.post("/campaigns/00000000-0000-0000-0000-000000000001", body).status_code == 404


def test_shifts_are_given_to_one_place_and_to_all(office: Program, north: Area) -> None:
    event = make_event(make_site("Lincoln", area=north), starts_at=NOON, ends_at=NOON + timedelta(hours=8))
    make_event(make_site(), action=event.action, starts_at=NOON, ends_at=NOON + timedelta(hours=8))
    start = clock.local(NOON, event.tz)
    at = [f"{start + timedelta(hours=hours):%H:%M}" for hours in (0, 4, 8)]
    both = [{"start": at[0], "end": at[1]}, {"start": at[1], "end": at[2]}]
    answer = office.post(f"/events/{event.id}/shifts", {"shifts": both, "gates": ["North", "South"]})
    assert len(answer.json["shifts"]) == 2 and count(Gate) == 2
    assert office.post(f"/events/{event.id}/shifts", {"shifts": both}).status_code == 200 and count(Gate) == 2
    path = f"/actions/{event.action_id}/shifts"
    assert office.post(path, {"shifts": both}).json == {"changed": 1} and count(Shift) == 4
    assert office.post(path, {"shifts": both[::-1]}).json["code"] == "overlap"
    assert office.post(path, {"shifts": [{"start": "7:00", "end": "25:00"}]}).json["code"] == "bad_body"


def test_the_office_shows_the_lines_and_an_organizer_does_not(
    office: Program, organizers: Program, client: FlaskClient, north: Area
) -> None:
    event = event_in(north)
    path = f"/actions/{event.action_id}/line-finder"
    assert organizers.post(path, {"show": True}).json["code"] == "not_yours"
    assert (
        office.post(path, {"show": True}).json["lines_shown_at"] and client.get("/where").status_code == 200
    )
    assert office.post(path, {"show": False}).json["lines_shown_at"] is None
    assert client.get("/where").status_code == 404


def test_a_text_is_written_and_its_makers_alone_to_send(
    office: Program, client: FlaskClient, ada: Person, north: Area
) -> None:
    event = event_in(north)
    path = f"/actions/{event.action_id}/texts"
    answer = office.post(path, {"text": WORDS, "members": "missing", "place_ids": [str(north.id)]})
    assert answer.status_code == 202
    draft = db.session.scalars(select(Broadcast)).one()
    assert (draft.state, draft.audience, draft.audience_filter, draft.made_by) == (
        BroadcastState.DRAFT, Audience.MEMBERS, AudienceFilter.MISSING, f"person:{ada.id}",
    )  # fmt: skip
    sign_in(client, ada)
    assert "see you at seven" in client.get(urlsplit(answer.json["confirm_url"]).path).text
    for body, code in (
        ({"text": {"en": "Only in English"}}, "no_words"),
        ({"text": WORDS, "language": "tlh"}, "no_language"),
        ({"text": WORDS, "place_ids": ["00000000-0000-0000-0000-000000000001"]}, "no_such_place"),
    ):
        assert office.post(path, body).json["code"] == code
    assert count(Broadcast) == 1


def test_a_reminder_is_switched_off_and_a_person_switches_it_on(
    office: Program, organizers: Program, north: Area
) -> None:
    event = event_in(north)
    path, kind = f"/actions/{event.action_id}/reminders", RuleKind.DAY_BEFORE
    rule = select(ReminderRule.on).where(ReminderRule.kind == kind)
    for _twice in range(2):
        off = organizers.post(path, {"kind": kind, "on": False})
        assert (off.status_code, off.json["kind"], off.json["on"]) == (200, kind, False)
    assert db.session.scalar(rule) is False
    answer = organizers.post(path, {"kind": kind, "on": True})
    assert answer.status_code == 202 and answer.json["confirm_url"].endswith("/reminders/day_before")
    db.session.rollback()
    assert db.session.scalar(rule) is False
    make_event(make_site(), action=event.action)
    assert organizers.post(path, {"kind": kind, "on": False}).json["code"] == "not_yours"


def test_when_a_reminder_goes_out_is_set_at_once_while_it_is_off(office: Program, north: Area) -> None:
    event = event_in(north)
    path = f"/actions/{event.action_id}/reminders"
    body = {"kind": "day_before", "on": False, "at_local": "18:30"}
    first = office.post(path, body, key="half-past-six")
    assert (first.status_code, first.json["at_local"], first.json["on"]) == (200, "18:30", False)
    assert first.json["minutes_before"] is None
    assert office.post(path, body, key="half-past-six").data == first.data
    steps = {"minutes_after_start": 10, "again_after_minutes": 20, "call_after_minutes": 40}
    assert office.post(path, {"kind": "count_question", "on": False, **steps}).json.items() >= steps.items()
    listed = {rule["kind"]: rule for rule in office.get(path).json["reminders"]}
    assert (listed["day_before"]["at_local"], listed["day_before"]["on"]) == ("18:30", False)
    assert listed["count_question"].items() >= steps.items()


def test_a_program_reads_what_reminders_cost_and_when_they_are_through(
    office: Program, organizers: Program, north: Area
) -> None:
    event = event_in(north)
    make_member(site=event.site, phone="+12135550142")
    path = f"/actions/{event.action_id}/reminders"
    for program in (office, organizers):
        rule = next(one for one in program.get(path).json["reminders"] if one["kind"] == "day_before")
        assert (rule["phones"], rule["on"]) == (1, True) and rule["segments"] >= 1 and rule["cost_cents"] >= 1
        starts_at, done_at = (datetime.fromisoformat(rule[name]) for name in ("starts_at", "done_at"))
        assert clock.now() < starts_at < done_at < NOON
    south = make_event(make_site("Roosevelt", area=make_area("South")))
    assert organizers.get(f"/actions/{south.action_id}/reminders").status_code == 404


def test_another_time_of_what_is_on_is_typed_in_for_a_person(
    organizers: Program, client: FlaskClient, north: Area
) -> None:
    event = event_in(north)
    path = f"/actions/{event.action_id}/reminders"
    steps = {"minutes_after_start": 10, "again_after_minutes": 20, "call_after_minutes": 40}
    early = {"reason": "the school burns & nobody can go in", "at_local": None}
    for kind, settings, typed in (
        ("day_before", {"at_local": "18:30"}, ["18:30"]),
        ("hour_before", {"minutes_before": 90}, ["90"]),
        ("count_question", steps, ["10", "20", "40"]),
        ("early_call", early, ["the school burns &amp; nobody can go in"]),
    ):
        answer = organizers.post(path, {"kind": kind, "on": True, **settings})
        assert (answer.status_code, answer.json["state"]) == (202, "prepared"), answer.json
        sign_in(client, db.session.scalars(select(Person)).one())
        address = urlsplit(answer.json["confirm_url"])
        page = client.get(f"{address.path}?{address.query}").text
        assert all(f'value="{value}"' in page for value in typed), kind
    rules = {rule["kind"]: rule for rule in organizers.get(path).json["reminders"]}
    assert rules["day_before"]["at_local"] == "17:00" and not rules["early_call"]["on"], "nobody has saved it"


@pytest.mark.parametrize(
    ("settings", "status", "code"),
    [
        ({"kind": "day_before", "at_local": "22:00"}, 422, "bad_time"),
        ({"kind": "hour_before", "minutes_before": 5}, 422, "bad_minutes"),
        ({"kind": "count_question", "again_after_minutes": 1}, 422, "bad_order"),
        ({"kind": "day_before", "minutes_before": 60}, 422, "no_such_setting"),
        ({"kind": "thanks", "reason": "just so"}, 422, "no_such_setting"),
        ({"kind": "day_before", "at_local": "6 pm"}, 400, "bad_body"),
        ({"kind": "hour_before", "minutes_before": -1}, 400, "bad_body"),
    ],
)
@pytest.mark.parametrize("on", [True, False])
def test_a_time_that_cannot_be_is_declined_by_the_pages_rules(
    office: Program, north: Area, settings: dict[str, Any], status: int, code: str, on: bool
) -> None:
    path = f"/actions/{event_in(north).action_id}/reminders"
    answer = office.post(path, {"on": on, **settings})
    assert (answer.status_code, answer.json["code"]) == (status, code)
    rules = {rule["kind"]: rule for rule in office.get(path).json["reminders"]}
    assert (rules["day_before"]["at_local"], rules["hour_before"]["minutes_before"]) == ("17:00", 60)


def test_an_urgent_text_is_written_with_its_reason_and_a_person_sends_it(
    office: Program, client: FlaskClient, ada: Person, north: Area
) -> None:
    event = event_in(north)
    path = f"/actions/{event.action_id}/texts"
    answer = office.post(path, {"text": WORDS, "urgent_reason": "The line moved across the street"})
    draft = db.session.scalars(select(Broadcast)).one()
    assert (answer.status_code, draft.state) == (202, BroadcastState.DRAFT)
    assert draft.urgent_reason == "The line moved across the street"
    sign_in(client, ada)
    page = client.get(urlsplit(answer.json["confirm_url"]).path).text
    assert "Urgent, because" in page and "The line moved across the street" in page
    to_chairs = office.post(path, {"text": WORDS, "audience": "chairs", "urgent_reason": "Now"})
    assert (to_chairs.status_code, to_chairs.json["code"], count(Broadcast)) == (422, "bad_audience", 1)


def test_a_statement_is_frozen_and_signed_by_the_office(
    office: Program, organizers: Program, client: FlaskClient, ada: Person, north: Area
) -> None:
    event = make_event(make_site("Lincoln", area=north))
    path = f"/actions/{event.action_id}/statement"
    assert organizers.post(path, {}).json["code"] == "not_yours"
    answer = office.post(path, {})
    [draft] = db.session.scalars(select(Statement)).all()
    assert (answer.status_code, answer.json["id"], draft.person_id) == (202, str(draft.id), ada.id)
    sign_in(client, ada)
    assert client.get(urlsplit(answer.json["confirm_url"]).path).status_code == 200


def test_a_report_is_put_together_anew(office: Program, organizers: Program, north: Area) -> None:
    event = event_in(north)
    path, chapter = f"/actions/{event.action_id}/reports", {"kind": "chapter", "place_id": str(event.site_id)}
    assert organizers.post(path, chapter).json["code"] == "not_closed"
    whole = {"kind": "union", "place_id": str(event.action_id)}
    assert organizers.post(path, whole).json["code"] == "no_place"


def test_whoever_only_reports_plans_nothing(app: Flask, ada: Person, north: Area) -> None:
    reports = Program(app, make_secret(ada, ALL - {ApiScope.PLAN}))
    answer = reports.post("/actions", {"name": NAME, **TIMES})
    assert (answer.status_code, answer.json["code"]) == (403, "scope")
