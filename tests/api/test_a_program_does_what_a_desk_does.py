"""What a program does as an organizer does it at a desk: calls, walk-ins, members; texts and webhooks end."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.models import Person
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.models import Event
from mobilize.audit import AuditRow
from mobilize.checkins.models import Attendance, Void
from mobilize.database import atomic, db
from mobilize.reminders.models import Broadcast, BroadcastState
from mobilize.roster.models import Member, Membership, Site
from mobilize.turnout.calls.operations import claim_call
from mobilize.turnout.models import CallResult, SiteCall
from mobilize.webhooks.endpoints.operations import make_webhook
from mobilize.webhooks.models import Webhook, WebhookDelivery
from tests.api.program import Program, make_secret
from tests.builders import make_area, make_event, make_member, make_site

REPORT = frozenset({ApiScope.REPORT})


@pytest.fixture
def event(lincoln: Site) -> Event:
    now = clock.now()
    return make_event(lincoln, starts_at=now - timedelta(minutes=40), ends_at=now + timedelta(hours=1))


@pytest.fixture
def own(app: Flask, olga: Person) -> Program:
    """Of an organizer: their area's."""
    return Program(app, make_secret(olga))


@pytest.fixture
def mia(lincoln: Site) -> Member:
    return make_member("Reyes", "Mia", site=lincoln, phone="+12135550101", number="00000101")


@pytest.fixture
def elsewhere(app: Flask) -> Site:
    return make_site("Roosevelt", area=make_area("South"))


def count(table: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table)) or 0


# ---- Calls


def test_what_became_of_a_call_is_noted_once(own: Program, event: Event) -> None:
    path = f"/events/{event.id}/calls"
    for _twice in range(2):
        assert own.post(path, {"result": "no_answer"}, key="call-0001").json == {"changed": 1}
    [call] = db.session.scalars(select(SiteCall)).all()
    assert (call.result, call.by.partition(":")[0]) == (CallResult.NO_ANSWER, "token")


def test_a_site_that_somebody_is_calling_is_theirs(own: Program, event: Event, elsewhere: Site) -> None:
    assert claim_call(event.id, actor="person:another", now=clock.now())
    answer = own.post(f"/events/{event.id}/calls", {"result": "reached"})
    assert (answer.status_code, answer.json["code"]) == (409, "being_called")
    other = make_event(elsewhere, starts_at=event.starts_at, ends_at=event.ends_at)
    assert own.post(f"/events/{other.id}/calls", {"result": "reached"}).status_code == 404
    assert own.post(f"/events/{event.id}/calls", {"result": "shouted"}).status_code == 400


# ---- Check-ins that wait for a person


def test_a_walk_in_is_tied_to_a_member_or_to_nobody(own: Program, event: Event, mia: Member) -> None:
    for typed in ("Mia Reyes", "Nate Okafor"):
        assert own.post(f"/events/{event.id}/check-ins", {"typed": typed}).json["outcome"] == "walkup"
    listed = f"/actions/{event.action_id}/unmatched"
    by_words = {one["typed"]: one for one in own.all(listed)}
    assert (
        by_words["Mia Reyes"]["candidates"] == [str(mia.id)] and by_words["Nate Okafor"]["candidates"] == []
    )
    decided = f"/check-ins/{by_words['Mia Reyes']['id']}/decision"
    assert own.post(decided, {"verdict": "tie", "member_id": str(mia.id)}).json == {"changed": 1}
    assert count(Attendance) == 1
    other = f"/check-ins/{by_words['Nate Okafor']['id']}/decision"
    assert own.post(other, {"verdict": "not_ours"}).json["code"] == "no_reason"
    assert own.post(other, {"verdict": "not_ours", "reason": "A neighbor"}).status_code == 200
    assert own.all(listed) == []
    assert own.post(decided, {"verdict": "reopen", "reason": "A slip"}).status_code == 200
    assert count(Attendance) == 0


def test_what_waits_elsewhere_looks_absent(own: Program, app: Flask, event: Event, elsewhere: Site) -> None:
    other = make_event(elsewhere, starts_at=event.starts_at, ends_at=event.ends_at)
    whole = Program(app, make_secret())
    whole.post(f"/events/{other.id}/check-ins", {"typed": "Nate Okafor"})
    whole.post(f"/events/{event.id}/check-ins", {"typed": "Eve"})
    [elsewhere_id] = whole.all(f"/actions/{other.action_id}/unmatched")
    assert own.get(f"/actions/{other.action_id}/unmatched").status_code == 404
    body = {"verdict": "not_ours", "reason": "A neighbor"}
    assert own.post(f"/check-ins/{elsewhere_id['id']}/decision", body).status_code == 404
    [here] = own.all(f"/actions/{event.action_id}/unmatched")
    eve = make_member("Eve", "Eve", site=elsewhere)
    tie = own.post(f"/check-ins/{here['id']}/decision", {"verdict": "tie", "member_id": str(eve.id)})
    assert (tie.status_code, tie.json["code"]) == (422, "no_member")


def test_a_tick_by_mistake_is_taken_back_once(own: Program, event: Event, mia: Member) -> None:
    path, member = f"/events/{event.id}/check-ins", {"member": str(mia.id)}
    assert own.post(path, member).json["outcome"] == "counted"
    for _twice in range(2):
        assert own.post(path, {**member, "undo": True}, key="undo-0001").json["outcome"] == "undone"
    assert (count(Attendance), count(Void)) == (0, 1)
    assert own.post(path, member).json["outcome"] == "counted"
    items = [{"key": "undo-0002", **member, "undo": True}, {"key": "undo-0003", "typed": "101", "undo": True}]
    answers = own.post(f"{path}/batch", {"items": items}).json["data"]
    assert [one["outcome"] for one in answers] == ["undone", "unresolved"] and answers[1]["error"] == "who"
    assert count(Attendance) == 0


# ---- Members


def test_a_member_is_added_once_and_transferred(own: Program, lincoln: Site, elsewhere: Site) -> None:
    body = {
        "number": "321",
        "first": "Rosa",
        "last": "Lund",
        "phone": "(213) 555-0177",
        "site_id": str(lincoln.id),
    }
    first, again = (own.post("/members", body, key="rosa-0001") for _twice in range(2))
    assert first.status_code == 201 and first.data == again.data and count(Member) == 1
    assert (first.json["number"], first.json["home_site_id"]) == ("00000321", str(lincoln.id))
    assert own.post("/members", body).json["code"] == "number_taken"
    path = f"/members/{first.json['id']}/transfer"
    moved, after = (own.post(path, {"site_id": str(elsewhere.id)}, key="rosa-0002") for _twice in range(2))
    assert moved.json["home_site_id"] == str(elsewhere.id) and moved.data == after.data, "also out of view"
    assert own.post(path, {"site_id": str(lincoln.id)}).status_code == 404
    assert count(Membership) == 2
    verbs = db.session.scalars(select(AuditRow.verb)).all()
    assert {"member.add", "member.transfer", "token.read"} <= set(verbs)


def test_nobody_is_added_out_of_view_or_without_names(
    own: Program, app: Flask, olga: Person, lincoln: Site, elsewhere: Site
) -> None:
    body = {"number": "322", "last": "Lund"}
    for site_id in (None, str(elsewhere.id), str(olga.id)):
        assert own.post("/members", {**body, "site_id": site_id}).json["code"] == "no_site"
    plans = Program(app, make_secret(olga, frozenset({ApiScope.PLAN})))
    assert plans.post("/members", {**body, "site_id": str(lincoln.id)}).json["code"] == "scope"
    assert count(Member) == 0


# ---- What ends


def test_a_text_is_called_back(own: Program, event: Event, mia: Member) -> None:
    words = {"text": {"en": "{union}: see you", "es": "{union}: nos vemos"}}
    draft = own.post(f"/actions/{event.action_id}/texts", words).json["id"]
    path = f"/broadcasts/{draft}/call-back"
    answer = own.post(path, {})
    assert (answer.status_code, answer.json["code"]) == (409, "not_confirmed")
    with atomic() as session:
        session.scalars(select(Broadcast)).one().state = BroadcastState.QUEUED
    assert own.post(path, {}).json == {"changed": 0}
    db.session.rollback()
    assert db.session.scalars(select(Broadcast)).one().called_back_at is not None
    assert own.post(f"/broadcasts/{event.id}/call-back", {}).status_code == 404


def test_a_webhook_is_tested_switched_off_and_removed(app: Flask, own: Program) -> None:
    webhook, _secret = make_webhook(
        "Map", "http://localhost", ["event.moved"], actor="shell", now=clock.now()
    )
    whole, path = Program(app, make_secret()), f"/webhooks/{webhook.id}"
    for step in ("test", "off", "remove"):
        assert own.post(f"{path}/{step}", {}).status_code == 404, "it tells of the whole union"
    assert whole.post(f"{path}/test", {}).status_code == 200 and count(WebhookDelivery) == 1
    assert whole.post(f"{path}/off", {}).json["off_at"] is not None
    for _twice in range(2):
        assert whole.post(f"{path}/remove", {}, key="remove-01").json == {"changed": 1}
    assert count(Webhook) == 0 and whole.post(f"{path}/off", {}).status_code == 404


def test_a_scope_of_each(app: Flask, event: Event, mia: Member) -> None:
    reports = Program(app, make_secret(scopes=REPORT))
    assert reports.post(f"/events/{event.id}/calls", {"result": "reached"}).status_code == 200
    assert reports.get(f"/actions/{event.action_id}/unmatched").json["code"] == "scope"
    body = {"verdict": "not_ours", "reason": "A neighbor"}
    assert reports.post(f"/check-ins/{mia.id}/decision", body).json["code"] == "scope"


def test_the_gates_of_an_event_are_what_a_head_count_takes(own: Program, event: Event) -> None:
    now = clock.now().replace(microsecond=0)
    tomorrow = clock.local(now + timedelta(days=1), event.tz).replace(hour=7, minute=0, second=0)
    later = make_event(event.site, starts_at=tomorrow, ends_at=tomorrow + timedelta(hours=1))
    plan = {"shifts": [{"start": "07:00", "end": "08:00"}], "gates": ["Back", "Front"]}
    gates = own.post(f"/events/{later.id}/shifts", plan).json["gates"]
    assert [gate["name"] for gate in gates] == ["Back", "Front"]
    assert own.get(f"/events/{event.id}").json["gates"] == gates, "gates are the site's"
    assert [one["gates"] for one in own.all("/events")] == [gates, gates]
    counted = own.post(f"/events/{event.id}/head-counts", {"n": 5, "gate": gates[0]["id"]})
    assert counted.json["outcome"] == "counted"
    assert own.all(f"/events/{event.id}/head-counts")[0]["gate_id"] == gates[0]["id"]
