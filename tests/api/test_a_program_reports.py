"""What a program reports from a line: stored as a line's phone's is, once for each key."""

import secrets
import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.accounts.tokens.models import ApiScope, ApiToken
from mobilize.actions.models import Event
from mobilize.actions.operations import call_off_action
from mobilize.checkins.models import Attendance, Evidence, HeadCount, Supporters, Tier
from mobilize.database import atomic, db
from mobilize.roster.models import Gate, Member, Site
from tests.api.program import ALL, Program, make_secret
from tests.builders import make_area, make_event, make_member, make_person, make_site


@pytest.fixture
def lincoln(app: Flask) -> Site:
    return make_site("Lincoln", area=make_area("North"))


@pytest.fixture
def event(lincoln: Site) -> Event:
    starts_at = clock.now() - timedelta(minutes=10)
    return make_event(lincoln, starts_at=starts_at, ends_at=starts_at + timedelta(hours=1))


@pytest.fixture
def mia(lincoln: Site) -> Member:
    return make_member("Reyes", "Mia", site=lincoln, phone="+12135550101", number="00000101")


def rows_of(table: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_a_member_by_id_is_vouched_for(program: Program, event: Event, mia: Member) -> None:
    answer = program.post(f"/events/{event.id}/check-ins", {"member": str(mia.id)}, key="one-tap-1")
    assert (answer.status_code, answer.json["outcome"], answer.json["key"]) == (200, "counted", "one-tap-1")
    [attended] = db.session.scalars(select(Attendance)).all()
    [evidence] = db.session.scalars(select(Evidence)).all()
    [token] = db.session.scalars(select(ApiToken)).all()
    assert (attended.tier, attended.observed, evidence.grant_id) == (Tier.VOUCHED, True, token.id)
    again = program.post(f"/events/{event.id}/check-ins", {"member": str(mia.id)})
    assert again.json["outcome"] == "repeat" and rows_of(Attendance) == 1


def test_whoever_comes_to_the_list_is_known_at_once_and_who_leaves_it_counts_no_more(
    program: Program, event: Event, mia: Member, lincoln: Site
) -> None:
    """A line's list is kept for half a minute."""
    path = f"/events/{event.id}/check-ins"
    assert program.post(path, {"member": str(mia.id)}).json["outcome"] == "counted"
    new = make_member("Lund", "Vera", site=lincoln)
    assert program.post(path, {"member": str(new.id)}).json["outcome"] == "counted"
    gone = make_member("Stone", "Gus", site=lincoln)
    with atomic():
        gone.gone_on = clock.now()
    assert program.post(path, {"member": str(gone.id)}).json["code"] == "no_member"
    with atomic():
        mia.gone_on = clock.now()
    assert program.post(path, {"member": str(mia.id)}).json["outcome"] == "unresolved"


def test_that_a_member_was_in_already_is_told_with_names_alone(app: Flask, event: Event, mia: Member) -> None:
    """Else a program could ask with it who had come."""
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    reports, reads = (
        Program(app, make_secret(ada, scopes)) for scopes in (frozenset({ApiScope.REPORT}), ALL)
    )
    path, body = f"/events/{event.id}/check-ins", {"member": str(mia.id)}
    assert [reports.post(path, body).json["outcome"] for _twice in range(2)] == ["counted", "counted"]
    items = [{"key": "item-0001", **body}]
    assert reports.post(f"{path}/batch", {"items": items}).json["data"][0]["outcome"] == "counted"
    assert reads.post(path, body).json["outcome"] == "repeat" and rows_of(Attendance) == 1


@pytest.mark.parametrize("typed", ["213 555 0101", "101", "(213) 555-0199", "77", "Nate Okafor"])
def test_whoever_is_typed_nobody_learns_whose_it_is(
    program: Program, event: Event, mia: Member, typed: str
) -> None:
    answer = program.post(f"/events/{event.id}/check-ins", {"typed": typed}, key="the-same-key")
    assert answer.json == {
        "key": "the-same-key",
        "stored": True,
        "outcome": "walkup",
        "error": None,
        "detail": None,
    }
    assert rows_of(Attendance) == (1 if typed in ("213 555 0101", "101") else 0)


def test_the_same_key_is_the_same_check_in(program: Program, event: Event, mia: Member) -> None:
    path, key = f"/events/{event.id}/check-ins", "1-9c2f0a51"
    first, later = (program.post(path, {"member": str(mia.id)}, key=key) for _twice in range(2))
    assert first.data == later.data and first.json["outcome"] == "counted" and rows_of(Evidence) == 1
    for other in ({"typed": "77"}, {"member": str(mia.id), "at": clock.now().isoformat()}):
        answer = program.post(path, other, key=key)
        assert (answer.status_code, answer.json["code"]) == (422, "nonce_reused")


def test_the_key_of_a_check_in_is_for_its_event_alone_or_in_a_batch(
    program: Program, event: Event, mia: Member
) -> None:
    body, key = {"member": str(mia.id)}, "mia-0001"
    other = make_event(event.site, starts_at=event.starts_at, ends_at=event.ends_at)
    first = program.post(f"/events/{event.id}/check-ins", body, key=key)
    items = {"items": [{"key": key, **body}]}
    assert program.post(f"/events/{event.id}/check-ins/batch", items).json["data"] == [first.json]
    assert rows_of(Evidence) == 1
    assert program.post(f"/events/{other.id}/check-ins", body, key=key).json["outcome"] == "counted"
    assert rows_of(Evidence) == 2


def test_a_key_is_the_tokens_own(app: Flask, program: Program, event: Event, mia: Member) -> None:
    path = f"/events/{event.id}/check-ins"
    bea = make_person("Bea Stone", role=RoleName.ADMIN)
    for one in (program, Program(app, make_secret(bea))):
        assert one.post(path, {"member": str(mia.id)}, key="the-same-key").status_code == 200
    assert rows_of(Evidence) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "who"),
        ({"member": str(uuid.uuid4()), "typed": "101"}, 422, "who"),
        ({"member": str(uuid.uuid4())}, 404, "no_member"),
        ({"typed": "!"}, 422, "unreadable"),
        ({"typed": "101", "at": "1815-06-18T11:00:00+01:00"}, 422, "bad_time"),
        ({"typed": "101", "at": "2026-03-03T07:00:00"}, 400, "bad_body"),
        ({"typed": 101}, 400, "bad_body"),
        ({"typed": "1\x00"}, 400, "bad_body"),
        ({"typed": "101", "nonsense": 1}, 400, "bad_body"),
        ([], 400, "bad_body"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(
    program: Program, event: Event, mia: Member, body: Any, status: int, code: str
) -> None:
    answer = program.post(f"/events/{event.id}/check-ins", body)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert rows_of(Evidence) == 0


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400, "bad_json"),
        ({"data": b'{"typed": NaN}', "content_type": "application/json"}, 400, "bad_body"),
        ({"data": b'{"typed": "\xff"}', "content_type": "application/json"}, 400, "bad_json"),
        ({"data": b"[" * 50_000, "content_type": "application/json"}, 400, "bad_json"),
        ({"data": {"typed": "101"}}, 415, "not_json"),
        ({"data": b"x" * 2_000_000, "content_type": "application/json"}, 413, "request_entity_too_large"),
        ({"json": {"typed": "101"}, "headers": {"Idempotency-Key": "short"}}, 400, "bad_key"),
    ],
)
def test_what_is_no_request_of_ours_is_refused(
    app: Flask, program: Program, event: Event, sent: Any, status: int, code: str
) -> None:
    answer = program.post(f"/events/{event.id}/check-ins", **sent)
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_outside_the_hours_it_is_kept_and_counts_nobody(program: Program, lincoln: Site, mia: Member) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    event = make_event(lincoln, starts_at=tomorrow, ends_at=tomorrow + timedelta(hours=1))
    for body in ({"member": str(mia.id)}, {"typed": "101"}, {"typed": "77"}):
        answer = program.post(f"/events/{event.id}/check-ins", body)
        assert answer.json["outcome"] == "outside_hours"
    assert rows_of(Attendance) == 0
    heads = program.post(f"/events/{event.id}/head-counts", {"n": 3})
    assert (heads.status_code, heads.json["code"]) == (422, "outside_hours")


def test_an_organizers_program_reaches_its_area_alone(app: Flask, event: Event, mia: Member) -> None:
    south = make_area("South")
    roosevelt = make_site("Roosevelt", area=south)
    eve = make_member("Eve", "Eve", site=roosevelt)
    other = make_event(roosevelt, starts_at=event.starts_at, ends_at=event.ends_at)
    olga = make_person("Olga Brandt", role=RoleName.ORGANIZER, area=event.site.area)
    own = Program(app, make_secret(olga))
    assert own.post(f"/events/{event.id}/check-ins", {"member": str(mia.id)}).status_code == 200
    assert own.post(f"/events/{event.id}/check-ins", {"member": str(eve.id)}).json["code"] == "no_member"
    for kind, body in (
        ("check-ins", {"typed": "101"}),
        ("head-counts", {"n": 1}),
        ("supporters", {"delta": 1}),
    ):
        answer = own.post(f"/events/{other.id}/{kind}", body)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert rows_of(Evidence) == 1


def test_of_a_called_off_event_all_is_kept_alike(program: Program, event: Event, mia: Member) -> None:
    call_off_action(event.action, actor="shell", now=clock.now())
    outcomes = [
        program.post(f"/events/{event.id}/check-ins", body).json["outcome"]
        for body in ({"member": str(mia.id)}, {"typed": "101"}, {"typed": "77"})
    ]
    assert outcomes == ["unresolved"] * 3 and rows_of(Attendance) == 0


# ---- Many


def test_a_batch_answers_each_and_one_harms_no_other(program: Program, event: Event, lincoln: Site) -> None:
    members = [make_member(site=lincoln) for _n in range(3)]
    items: list[dict[str, Any]] = [{"key": f"member-{n}", "member": str(m.id)} for n, m in enumerate(members)]
    items += [
        {"key": "nobody-1", "member": str(uuid.uuid4())},
        {"key": "walk-in-1", "typed": "Nate Okafor"},
        {"key": "member-0", "typed": "another"},
        {"key": "nothing-1"},
    ]
    path = f"/events/{event.id}/check-ins/batch"
    answer = program.post(path, {"items": items})
    results = [(one["outcome"], one["error"]) for one in answer.json["data"]]
    assert results == [
        *[("counted", None)] * 3, ("unresolved", "no_member"), ("walkup", None),
        ("unresolved", "nonce_reused"), ("unresolved", "who"),
    ]  # fmt: skip
    assert rows_of(Attendance) == 3 and program.post(path, {"items": items}).data == answer.data
    assert rows_of(Evidence) == 4


def test_a_batch_is_known_by_its_key_too(program: Program, event: Event, mia: Member) -> None:
    path, items = f"/events/{event.id}/check-ins/batch", [{"key": "member-1", "member": str(mia.id)}]
    first = program.post(path, {"items": items}, key="batch-0001")
    assert program.post(path, {"items": items}, key="batch-0001").data == first.data
    other = program.post(path, {"items": [*items, {"key": "other-01", "typed": "77"}]}, key="batch-0001")
    assert (other.status_code, other.json["code"], rows_of(Evidence)) == (422, "nonce_reused", 1)


def test_a_batch_that_is_too_long_is_refused_whole(program: Program, event: Event) -> None:
    items = [{"key": secrets.token_hex(8), "typed": "77"} for _n in range(101)]
    answer = program.post(f"/events/{event.id}/check-ins/batch", {"items": items})
    assert (answer.status_code, rows_of(Evidence)) == (400, 0)


# ---- Counts


def test_heads_are_counted_once_for_each_key(program: Program, event: Event) -> None:
    path = f"/events/{event.id}/head-counts"
    for _twice in range(2):
        answer = program.post(path, {"n": 41}, key="count-at-7")
        assert (answer.status_code, answer.json["outcome"]) == (200, "counted")
    assert rows_of(HeadCount) == 1 and program.all(path)[0]["n"] == 41
    other = program.post(path, {"n": 42}, key="count-at-7")
    assert (other.status_code, other.json["code"]) == (422, "nonce_reused")
    assert program.post(path, {"n": 5, "gate": str(uuid.uuid4())}).json["code"] == "no_gate"


@pytest.mark.parametrize("kind", ["head-counts", "supporters"])
def test_a_count_under_a_key_that_came_with_something_else_is_refused(
    program: Program, event: Event, kind: str
) -> None:
    """Else the second gate's count would be lost, and answered as counted."""
    with atomic() as session:
        gates = [Gate(site_id=event.site_id, name=name) for name in ("Back", "Front")]
        session.add_all(gates)
    path, key, n = f"/events/{event.id}/{kind}", "count-at-7", "n" if kind == "head-counts" else "delta"
    body: dict[str, Any] = {n: 5} | ({"gate": str(gates[0].id)} if kind == "head-counts" else {})
    assert program.post(path, body, key=key).json["outcome"] == "counted"
    others = [{n: 6}, {"at": clock.now().isoformat()}, {"sure": True}]
    if kind == "head-counts":
        others += [{"gate": str(gates[1].id)}, {"gate": None}]
    for other in others:
        answer = program.post(path, body | other, key=key)
        assert (answer.status_code, answer.json["code"]) == (422, "nonce_reused")
    elsewhere = make_event(event.site, starts_at=event.starts_at, ends_at=event.ends_at)
    answer = program.post(f"/events/{elsewhere.id}/{kind}", {n: 5}, key=key)
    assert (answer.status_code, answer.json["code"]) == (422, "nonce_reused")
    assert rows_of(HeadCount) + rows_of(Supporters) == 1


@pytest.mark.parametrize("becomes_of_it", ["it is over", "it was called off"])
def test_a_report_that_comes_again_much_later_is_answered_as_before(
    app: Flask, event: Event, mia: Member, becomes_of_it: str
) -> None:
    program = Program(app, make_secret(days=9))
    sent = [
        ("check-ins", {"member": str(mia.id)}),
        ("check-ins", {"typed": "101"}),
        ("check-ins", {"typed": "77"}),
        ("head-counts", {"n": 9}),
        ("supporters", {"delta": 4}),
        ("check-ins/batch", {"items": [{"key": "item-0001", "typed": "Rosa Lund"}]}),
    ]

    def send() -> list[tuple[int, bytes]]:
        answers = [
            program.post(f"/events/{event.id}/{kind}", body, key=f"again-{n:04d}")
            for n, (kind, body) in enumerate(sent)
        ]
        return [(answer.status_code, answer.data) for answer in answers]

    first = send()
    assert {status for status, _data in first} == {200}
    if becomes_of_it == "it was called off":
        call_off_action(event.action, actor="shell", now=clock.now())
    with time_machine.travel(clock.now() + timedelta(hours=3), tick=False):
        assert send() == first
    sent = [one for one in sent if one[0] == "check-ins"]
    with time_machine.travel(clock.now() + timedelta(hours=30), tick=False):
        assert send() == first[: len(sent)]
        assert program.post(f"/events/{event.id}/check-ins", {"typed": "9"}).json["outcome"] != "walkup"


def test_an_unusual_number_is_asked_about(program: Program, event: Event) -> None:
    path = f"/events/{event.id}/head-counts"
    assert program.post(path, {"n": 900}).json["code"] == "count_unusual"
    assert program.post(path, {"n": 900, "sure": True}).status_code == 200
    assert program.post(path, {"n": 20_001, "sure": True}).status_code == 400


def test_supporters_are_added_up(program: Program, event: Event) -> None:
    path = f"/events/{event.id}/supporters"
    for key, delta in (("came-0001", 7), ("came-0002", 5), ("came-0001", 7), ("too-many-1", -2)):
        assert program.post(path, {"delta": delta}, key=key).status_code == 200
    assert program.get(path).json["n"] == 10 and rows_of(Supporters) == 3


def test_reports_are_never_one_too_many(app: Flask, program: Program, event: Event) -> None:
    app.config["API_REQUESTS_A_WINDOW"] = 1
    for n in range(4):
        assert program.post(f"/events/{event.id}/supporters", {"delta": n}).status_code == 200
    reading = Program(app, make_secret(scopes=frozenset({ApiScope.READ})))
    assert {reading.get("/areas").status_code for _n in range(4)} == {200, 429}
