"""What a program reads with its token: its part of the union, by scopes, page by page, and nothing else."""

import json
import re
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.permissions import permission_of
from mobilize.accounts.models import RoleName
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.eligibility import freeze_event
from mobilize.audit import AuditRow
from mobilize.checkins.models import Method
from mobilize.checkins.record.head_counts import add_supporters, report_head_count
from mobilize.checkins.record.operations import CheckInRequest, check_in
from mobilize.database import db
from mobilize.roster.models import Area
from mobilize.webhooks.endpoints.operations import make_webhook, send_test
from tests.api.program import ALL, Program, make_secret
from tests.builders import (
    make_action,
    make_area,
    make_campaign,
    make_event,
    make_member,
    make_person,
    make_site,
)
from tests.test_security_headers import check
from tests.world import World, absent, address, routes_and_methods, stating

OF_THE_WHOLE_UNION = {"webhooks_api.webhook_list", "webhooks_api.webhook_deliveries"}


def narrow(app: Flask, area_id: uuid.UUID, *scopes: ApiScope) -> Program:
    """A program of somebody who organizes this area."""
    area = db.session.get_one(Area, area_id)
    olga = make_person("Olga Brandt", role=RoleName.ORGANIZER, area=area)
    return Program(app, make_secret(olga, frozenset(scopes) or ALL, area=area))


def walk(app: Flask, ids: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(method, address within the API, endpoint) of every operation."""
    pairs = routes_and_methods(app, "token")
    return [(how, address(app, rule, ids).removeprefix("/api/v1"), rule.endpoint) for rule, how in pairs]


# ---- The token


def test_the_first_line_of_the_manual(program: Program) -> None:
    answer = program.get("/token")
    assert answer.status_code == 200 and answer.json["scopes"] == [scope.value for scope in ApiScope]
    assert answer.json["area_ids"] is None
    check(answer)


@pytest.mark.parametrize("secret", [None, "", "mobilize_x", "x" * 2000, "\x7f"])
def test_nobody_without_a_token_learns_anything(app: Flask, secret: str | None) -> None:
    other = Program(app, secret)
    for method, path, endpoint in walk(app, World().own):
        answer = other.get(path) if method == "GET" else other.post(path, {})
        assert (answer.status_code, answer.json["code"]) == (401, "no_token"), endpoint
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.mimetype == "application/problem+json"


def test_a_session_is_no_token(app: Flask, client: Any) -> None:
    from tests.builders import sign_in

    sign_in(client, make_person("Bea Stone", role=RoleName.ADMIN))
    assert client.get("/api/v1/areas").status_code == 401


def test_each_scope_opens_its_own_and_no_other(app: Flask) -> None:
    world, told_apart = World(), []
    programs = {scope: Program(app, make_secret(scopes=frozenset({scope}))) for scope in ApiScope}
    for method, path, endpoint in walk(app, world.own):
        stated = permission_of(app, endpoint)
        for scope, other in programs.items():
            answer = other.get(path) if method == "GET" else other.post(path, {})
            opens = stated is not None and stated.scopes <= {scope}
            if (answer.status_code == 403 and answer.json["code"] == "scope") is opens:
                told_apart.append((endpoint, scope, answer.status_code))
    assert told_apart == []


def test_everything_of_ones_own_opens(app: Flask) -> None:
    world = World()
    own = narrow(app, world.own["area_id"])
    for method, path, endpoint in walk(app, world.own):
        if method == "GET":
            status = 404 if endpoint in OF_THE_WHOLE_UNION else 200
            assert own.get(path).status_code == status, endpoint


def test_anothers_looks_like_what_does_not_exist(app: Flask) -> None:
    world = World()
    own, walked = narrow(app, world.own["area_id"]), 0
    for rule, method in routes_and_methods(app, "token"):
        for name in sorted(rule.arguments & set(world.others)):
            answers = []
            for value in (world.others[name], absent(name)):
                path = address(app, rule, {**world.own, name: value}).removeprefix("/api/v1")
                answer = own.get(path) if method == "GET" else own.post(path, {"n": 1, "delta": 1})
                answers.append((answer.status_code, answer.data.replace(str(value).encode(), b"ID")))
            assert answers[0] == answers[1] and answers[0][0] >= 400, (rule.rule, method, answers)
            walked += 1
    assert walked >= 10


def test_no_list_holds_anything_of_another_area(app: Flask) -> None:
    world = World()
    own = narrow(app, world.own["area_id"])
    others = {str(value) for value in world.others.values()}
    lists = ["/areas", "/sites", "/members", "/actions", "/events", "/texts"]
    for path in lists:
        items = own.all(path)
        assert items and not others & set(re.findall(r"[\w-]{36}", json.dumps(items))), path


# ---- Pages


def test_a_list_is_read_to_its_end_once_each(program: Program) -> None:
    area = make_area()
    sites = {str(make_site(area=area).id) for _n in range(5)}
    for limit in (1, 2, 5, 50):
        items = program.all("/sites", limit)
        assert len(items) == 5 and {item["id"] for item in items} == sites


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=", "limit=1&limit=2", "nothing=1", "area_id=x"],
)
def test_a_query_that_does_not_fit_is_a_400_that_says_where(program: Program, query: str) -> None:
    answer = program.get(f"/sites?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "bad_query")
    assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]


# ---- What an answer is


def test_an_unchanged_answer_is_not_sent_again(program: Program) -> None:
    make_area("North")
    first = program.get("/areas")
    again = program.get("/areas", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    make_area("South")
    assert program.get("/areas", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_a_program_in_a_loop_is_told_to_wait(app: Flask, program: Program) -> None:
    app.config["API_REQUESTS_A_WINDOW"] = 3
    statuses = [program.get("/areas").status_code for _n in range(5)]
    assert statuses[:3] == [200] * 3 and 429 in statuses
    answer = program.get("/areas")
    assert answer.json["code"] == "too_many" and 0 < int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit"].startswith('"default";r=0;t=')
    assert answer.headers["RateLimit-Policy"] == '"default";q=3;w=60'


@pytest.mark.parametrize(
    ("path", "status", "code"), [("/nothing", 404, "not_found"), ("/events/x", 404, "not_found")]
)
def test_an_error_is_a_problem_for_programs(program: Program, path: str, status: int, code: str) -> None:
    answer = program.get(path)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert (answer.json["status"], answer.json["code"]) == (status, code)
    assert answer.json["type"].endswith(f"/api/v1/#{code}")


def test_a_method_that_an_address_does_not_take_is_said(program: Program) -> None:
    answer = program.post("/areas", {})
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


# ---- Places, actions, events


def test_an_event_is_told_on_the_clock_of_its_place(program: Program) -> None:
    event = make_event(make_site(), starts_at=datetime.fromisoformat("2026-03-03T15:00:00Z"))
    answer = program.get(f"/events/{event.id}").json
    assert answer["starts_at"] == "2026-03-03T07:00:00-08:00" and answer["timezone"] == "America/Los_Angeles"
    assert answer["check_in_url"].endswith(f"/c/{event.code}") and len(answer["shifts"]) == 1
    assert program.all(f"/events/{event.id}/shifts")[0]["id"] == answer["shifts"][0]["id"]
    assert program.all("/events?ends_after=2026-03-04T00:00:00Z") == []
    assert program.all("/events?starts_before=2026-03-03T15:00:00Z") == []
    going_on = program.all("/events?starts_before=2026-03-03T15:05:00Z&ends_after=2026-03-03T15:05:00Z")
    assert [one["id"] for one in going_on] == [answer["id"]]
    assert [one["id"] for one in program.all(f"/events?action_id={event.action_id}")] == [answer["id"]]


def test_an_action_with_its_names_in_both_languages(program: Program) -> None:
    campaign = make_campaign()
    event = make_event(make_site(), action=make_action(campaign_id=campaign.id))
    [action] = program.all(f"/actions?campaign_id={campaign.id}")
    assert action["name"] == {"en": "Morning picket", "es": "Piquete matutino"}
    assert program.get(f"/actions/{event.action_id}").json == action
    assert program.get(f"/campaigns/{campaign.id}").json["demands"]["en"].startswith("Smaller")


# ---- People


def test_names_and_phones_are_told_to_tokens_made_for_them(app: Flask) -> None:
    member = make_member("Okafor", "Nate", site=make_site(), phone="+12135550123", number="00012345")
    read: dict[int, Any] = {}
    for scopes in ({ApiScope.FIGURES}, {ApiScope.FIGURES, ApiScope.NAMES}, ALL):
        answer = Program(app, make_secret(scopes=frozenset(scopes))).get(f"/members/{member.id}").json
        read[len(scopes)] = (answer["name"] and answer["name"]["last"], answer["number"], answer["phone"])
    assert read == {
        1: (None, None, None),
        2: ("Okafor", "00012345", None),
        6: ("Okafor", "00012345", "+12135550123"),
    }
    db.session.rollback()
    noted = db.session.scalars(select(AuditRow).where(AuditRow.verb == "token.read")).all()
    assert [row.ref for row in noted] == [str(member.id)] * 2 and noted[0].actor.startswith("token:")


def test_members_are_listed_by_site(app: Flask, program: Program) -> None:
    site = make_site("Lincoln", area=make_area("North"))
    ids = {str(make_member(site=site).id) for _n in range(3)}
    make_member(site=make_site())
    assert {one["id"] for one in program.all(f"/members?site_id={site.id}")} == ids
    assert program.all(f"/members?site_id={uuid.uuid4()}") == []
    elsewhere = narrow(app, make_area("South").id)
    assert elsewhere.all(f"/members?site_id={site.id}") == []


def test_who_came_is_listed_by_name(program: Program) -> None:
    site, now = make_site(), clock.now()
    event = make_event(site, starts_at=now, ends_at=now + timedelta(hours=1))
    member = make_member("Okafor", "Nate", site=site)
    tick(event.id, member.id)
    [one] = program.all(f"/events/{event.id}/check-ins")
    assert (one["member_id"], one["name"]["last"], one["strength"]) == (str(member.id), "Okafor", "vouched")


def tick(event_id: uuid.UUID, member_id: uuid.UUID) -> None:
    values = {"nonce": member_id.bytes, "body": b"", "method": Method.TICK, "happened_at": clock.now()}
    check_in(CheckInRequest(event_id=event_id, member_id=member_id, **values), now=clock.now())  # type: ignore[arg-type]


# ---- Figures


def test_counts_of_few_are_told_to_nobody_outside(app: Flask) -> None:
    north, now = make_area("North"), clock.now()
    site = make_site("Lincoln", area=north)
    action = make_action(starts_at=now, ends_at=now + timedelta(hours=1))
    event = make_event(site, action=action)
    members = [make_member(site=site) for _n in range(30)]
    freeze_event(event.id, now)
    for member in members[:3]:
        tick(event.id, member.id)
    report_head_count(event, 27, counted_at=now, nonce=b"n" * 16, via="line", by="shell", now=now)
    add_supporters(event, 4, nonce=b"s" * 16, happened_at=now, by="shell", now=now)
    outside = Program(app, make_secret(scopes=frozenset({ApiScope.READ})))
    answer = outside.get(f"/actions/{action.id}/turnout").json
    assert (answer["final"], answer["total"]["observed"], answer["total"]["came"]) == (False, None, None)
    assert (answer["total"]["head_count"], answer["total"]["supporters"]) == (27, 4)
    inside = Program(app, make_secret(scopes=frozenset({ApiScope.FIGURES})))
    [chapter] = inside.get(f"/actions/{action.id}/turnout/chapters").json["chapters"]
    assert (chapter["came"], chapter["eligible"], chapter["share_percent"]) == (3, 30, 10.0)
    assert outside.get(f"/events/{event.id}/supporters").json["n"] == 4
    assert [one["n"] for one in outside.all(f"/events/{event.id}/head-counts")] == [27]


def test_a_campaign_action_by_action(program: Program) -> None:
    campaign, site = make_campaign(), make_site("Lincoln")
    for days in (20, 10):
        at = clock.now() - timedelta(days=days)
        action = make_action(campaign_id=campaign.id, starts_at=at, ends_at=at + timedelta(hours=1))
        event = make_event(site, action=action)
        make_member(site=site)
        freeze_event(event.id, clock.now())
    answer = program.get(f"/campaigns/{campaign.id}/series").json
    [row] = answer["sites"]
    assert row["name"] == "Lincoln" and len(row["cells"]) == 2 and len(answer["together"]["cells"]) == 2


def test_webhooks_are_told_without_their_addresses(program: Program) -> None:
    by: dict[str, Any] = {"actor": "shell", "now": clock.now()}
    address = "http://127.0.0.1:9/hook?key=k"
    webhook, secret = make_webhook("Dashboard", address, ["head_count.reported"], **by)
    send_test(webhook, **by)
    [one] = program.all("/webhooks")
    assert (one["name"], one["topics"]) == ("Dashboard", ["head_count.reported"])
    [delivery] = program.all(f"/webhooks/{webhook.id}/deliveries")
    assert (delivery["topic"], delivery["state"]) == ("webhook.test", "waiting")
    answer = program.get("/webhooks").text
    assert secret and secret not in answer and "key=k" not in answer


def test_what_is_open_to_all_says_nothing_of_anybody(app: Flask, stranger: Program) -> None:
    assert {"api.page", "api.openapi"} <= stating(app, "anyone")
    first = stranger.get("/openapi.json")
    page = stranger.get("/")
    assert first.status_code == page.status_code == 200
    make_member("Okafor", "Nate", site=make_site("Lincoln High"))
    assert stranger.get("/openapi.json").data == first.data and "Lincoln" not in stranger.get("/").text
    for operation in ("/events/{event_id}", "turnout/chapters"):
        assert operation in page.text
