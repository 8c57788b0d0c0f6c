"""`flask privacy report`: everything that leads to one person, on day 0, 91 and 400."""

import json

import pytest
from flask import Flask

from mobilize.database import Model
from mobilize.keys.crypto import blind_index
from mobilize.privacy.retention.erasure import erase_member
from mobilize.privacy.retention.legal_holds import place_hold
from mobilize.privacy.retention.report import find_traces, held_about, traces_of
from tests.builders import make_member
from tests.privacy.morning import MIA, NATE, Morning, day, tick_until


@pytest.fixture
def morning(app: Flask) -> Morning:
    return Morning().happen()


def tables(**whom: str) -> set[str]:
    return {held.table for held in held_about(find_traces(**whom))}


EVERYTHING = {"members", "memberships", "status_spans", "attendance", "evidence", "eligible", "outbox",
              "inbound", "questions", "replies", "known_phones"}  # fmt: skip
ROSTER = {"members", "memberships", "status_spans"}


def test_on_day_0_91_and_400(morning: Morning) -> None:
    assert tables(number="90000101") == tables(phone=MIA) == EVERYTHING
    tick_until(31)
    assert tables(number="90000101") == EVERYTHING
    tick_until(91)
    assert tables(number="90000101") == ROSTER | {"known_phones"}
    tick_until(400)
    assert tables(number="90000101") == ROSTER


def test_a_stranger_who_walked_up_is_gone_sooner(morning: Morning) -> None:
    assert {"walkups", "inbound", "known_phones"} <= tables(phone=NATE)
    tick_until(91)
    assert tables(phone=NATE) == {"known_phones"}
    tick_until(400)
    assert tables(phone=NATE) == set()


def test_sealed_columns_are_opened_and_no_index_is_printed(morning: Morning) -> None:
    results = {held.table: held.rows for held in held_about(find_traces(number="101") or find_traces())}
    assert results == {}
    results = {held.table: held.rows for held in held_about(find_traces(phone=MIA))}
    assert results["members"][0]["phone"] == MIA and "phone_index" not in results["members"][0]
    assert "tomorrow" in results["outbox"][0]["merge_fields"] + results["outbox"][-1]["merge_fields"]


def test_the_chair_is_found_by_their_account(morning: Morning) -> None:
    assert (
        {"people", "roles", "line_grants", "head_counts", "voids", "audit"}
        >= tables(phone="+12135550103")
        >= {"people", "roles", "line_grants", "head_counts", "voids"}
    )
    tick_until(91)
    assert tables(phone="+12135550103") <= {"people", "roles", "audit"}


def test_what_they_only_did_is_told_without_its_words(morning: Morning) -> None:
    place_hold(None, "Case 12, about somebody else", by=f"person:{morning.carmen.id}", now=day(1))
    results = {held.table: held.rows for held in held_about(find_traces(phone="+12135550103"))}
    assert len(results["legal_holds"]) == 1 and "reason" not in results["legal_holds"][0]
    assert len(results["voids"]) == 1 and results["people"][0]["name"] == "Carmen Ortiz"


def test_an_old_phone_in_anothers_file_does_not_lead_to_their_row(morning: Morning) -> None:
    make_member("Reyes", "Max", file_phone_index=blind_index("phone", MIA))
    results = held_about(traces_of(morning.mia, include_phone=True))
    names = [row["name"] for held in results if held.table == "members" for row in held.rows]
    assert len(names) == 1 and "Mia" in names[0]


def test_after_erasing_only_a_stone_without_a_name_is_left(morning: Morning) -> None:
    erase_member(morning.mia.id, by="member", now=day(1))
    assert tables(number="90000101") == ROSTER | {"audit"}
    assert tables(phone=MIA) == set()


def test_every_column_that_leads_to_a_person_is_looked_at() -> None:
    """A new table with a member, a person or an index of one is found by itself; other names are not."""
    named = {"member_id", "person_id", "number_index", "typed_index", "phone_index", "file_phone_index"}
    for table in Model.metadata.sorted_tables:
        for column in table.columns:
            leads = column.name.endswith("_index") or column.name in ("member_id", "person_id")
            assert not leads or column.name in named | {"body_index"}, f"{table.name}.{column.name}"


def test_the_command_prints_for_people_and_for_machines(morning: Morning, app: Flask) -> None:
    run = app.test_cli_runner().invoke
    lines = run(args=["privacy", "report", "--number", "90000101"]).output
    assert "On the roster (members): 1" in lines and "Counted at a line (attendance): 2" in lines
    payload = json.loads(run(args=["privacy", "report", "--phone", "(213) 555-0101", "--json"]).output)
    assert len(payload["attendance"]) == 2
    assert run(args=["privacy", "report"]).exit_code == 1
    assert run(args=["privacy", "report", "--phone", "12"]).exit_code == 1
    assert "Nothing" in run(args=["privacy", "report", "--number", "77"]).output


def test_forgetting_and_holding_from_the_command_line(morning: Morning, app: Flask) -> None:
    run = app.test_cli_runner().invoke
    action = str(morning.action.id)
    held = json.loads(
        run(args=["privacy", "hold", "--action", action, "--reason", "Case 12", "--json"]).output
    )
    refused = run(args=["privacy", "forget", "--action", action, "--yes"])
    assert refused.exit_code == 1 and "hold" in refused.output
    assert run(args=["privacy", "release", held["hold"]]).exit_code == 0
    assert run(args=["privacy", "release", "no id"]).exit_code == 1
    declined = run(args=["privacy", "forget", "--action", action], input="n\n")
    assert declined.exit_code == 1
    assert run(args=["privacy", "forget", "--action", action, "--yes"]).exit_code == 0
    assert "attendance" not in tables(number="90000101")
