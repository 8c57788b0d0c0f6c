"""Olga reads who was on duty and for how long, and exports it before it is forgotten."""

import csv
import io
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from openpyxl import load_workbook

from mobilize.accounts.models import RoleName
from mobilize.actions.models import ActionKind
from mobilize.audit import AuditRow
from mobilize.checkins.models import CheckInKind, Duty, Evidence, Method, Outcome
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import check_in, check_in_by_poster
from mobilize.checkins.review import resolutions
from mobilize.database import atomic, db
from mobilize.privacy.retention.forgetting import forget_action
from mobilize.roster.models import Member
from mobilize.turnout.figures.closing import close_due_events, correct_closed_actions
from mobilize.turnout.figures.queries import board
from mobilize.turnout.hours.queries import hours_of
from tests.builders import START, make_member, make_person, sign_in
from tests.turnout.conftest import Morning

DONE = START + timedelta(hours=10)


@pytest.fixture(autouse=True)
def after_the_day() -> Iterator[Any]:
    with time_machine.travel(DONE, tick=False) as clock:
        yield clock


@pytest.fixture
def strike(morning: Morning) -> Morning:
    """Seven to eleven, everywhere."""
    with atomic():
        for event in morning.events.values():
            event.ends_at = event.shifts[0].ends_at = START + timedelta(hours=4)
        morning.action.kind, morning.action.ends_at = ActionKind.STRIKE, START + timedelta(hours=4)
    return morning


def say(morning: Morning, who: Member, at: Any, minutes: int, **what: Any) -> None:
    """Minutes after seven, at one of the lines."""
    proof = CheckInRequest(
        event_id=morning.event(at).id, nonce=secrets.token_bytes(16), body=b"", method=Method.TICK,
        happened_at=START + timedelta(minutes=minutes), member_id=who.id, **what,
    )  # fmt: skip
    check_in(proof, now=DONE)


@pytest.fixture
def worked(strike: Morning) -> Morning:
    """Of Lincoln one stayed three hours, one cooked and never checked out, one stood at Madison."""
    first, second, third = strike.members[strike.lincoln.id][:3]
    say(strike, first, strike.lincoln, -10)
    say(strike, first, strike.lincoln, 180, kind=CheckInKind.LEFT)
    say(strike, second, strike.lincoln, 60, duty=Duty.KITCHEN)
    say(strike, third, strike.madison, 30)
    say(strike, third, strike.madison, 90, kind=CheckInKind.LEFT)
    say(strike, strike.members[strike.roosevelt.id][0], strike.roosevelt, 0)
    strike.freeze()
    return strike


def test_hours_are_those_of_the_members_chapter_wherever_they_stood(worked: Morning) -> None:
    lincoln, roosevelt = hours_of(worked.action)
    assert (lincoln.name, len(lincoln.members), lincoln.minutes, lincoln.not_said) == ("Lincoln", 3, 420, 1)
    assert lincoln.duties == {Duty.PICKET: 2, Duty.KITCHEN: 1}
    assert sorted(member.minutes for member in lincoln.members) == [60, 180, 180]
    assert (roosevelt.minutes, roosevelt.not_said) == (240, 1)
    assert [one.name for one in hours_of(worked.action, {worked.roosevelt.id})] == ["Roosevelt"]


def test_leaving_and_duty_change_no_figure(worked: Morning) -> None:
    names = board(worked.action).total.names
    assert (names.named, names.vouched) == (4, 4)


def test_a_chair_reads_their_chapters_an_organizer_their_areas(client: FlaskClient, worked: Morning) -> None:
    page, own = (
        f"/actions/{worked.action.id}/hours",
        f"/actions/{worked.action.id}/sites/{worked.lincoln.id}/hours",
    )
    foreign = f"/actions/{worked.action.id}/sites/{worked.roosevelt.id}/hours"
    for person in (
        make_person(role=RoleName.CHAIR, site=worked.lincoln),
        make_person("Olga Brandt", role=RoleName.ORGANIZER, area=worked.north),
    ):
        sign_in(client, person)
        text = client.get(page).text
        assert "Lincoln" in text and "Roosevelt" not in text and "7:00" in text
        assert "Kitchen" in client.get(own).text and "not checked out" in client.get(own).text
        assert "Madison" in client.get(own).text, "where they stood"
        assert client.get(foreign).status_code == 404
    assert db.session.query(AuditRow).filter_by(verb="hours.see").count() > 0


def test_an_organizer_puts_somebody_on_duty_and_says_when_another_left(
    client: FlaskClient, worked: Morning
) -> None:
    sign_in(client, make_person("Olga Brandt", role=RoleName.ORGANIZER, area=worked.north))
    path = f"/actions/{worked.action.id}/sites/{worked.lincoln.id}/hours"
    _first, cook, _third, at_home = worked.members[worked.lincoln.id][:4]
    form = {"member": at_home.id, "duty": "phones", "came": "08:00", "left": "09:30", "page": "p"}
    for _ in range(2):
        assert client.post(path, data=form).status_code == 303
    client.post(path, data={"member": cook.id, "left": "10:00"})
    [lincoln] = hours_of(worked.action, {worked.lincoln.id})
    rows = {
        m.member_id: (m.minutes, m.all_said, {s.spell.duty for s in m.stretches}) for m in lincoln.members
    }
    assert rows[at_home.id] == (90, True, {Duty.PHONES})
    assert rows[cook.id] == (120, True, {Duty.KITCHEN})
    assert board(worked.action).total.names.named == 5
    assert db.session.query(AuditRow).filter_by(verb="hours.say").count() == 3


def test_hours_nobody_can_have_are_declined_and_nothing_is_stored(
    client: FlaskClient, worked: Morning
) -> None:
    sign_in(client, make_person(role=RoleName.CHAIR, site=worked.lincoln))
    path = f"/actions/{worked.action.id}/sites/{worked.lincoln.id}/hours"
    member, stranger = worked.members[worked.lincoln.id][4], worked.members[worked.roosevelt.id][1]
    before = db.session.query(Evidence).count()
    for form in (
        {"member": member.id}, {"member": member.id, "came": "10:00", "left": "09:00"},
        {"member": member.id, "came": "half past"}, {"member": member.id, "came": "12:00"},
        {"member": stranger.id, "came": "08:00"}, {"came": "08:00"}, {"member": "x", "came": "08:00"},
    ):  # fmt: skip
        answer = client.post(path, data=form)
        assert answer.status_code in (409, 422) and 'role="alert"' in answer.text, form
        assert ("Write the time like 10:30." in answer.text) is (form.get("came") == "half past")
    assert db.session.query(Evidence).count() == before


def export(client: FlaskClient, morning: Morning, format: str, reason: str = "strike pay for March") -> bytes:
    form = {"kind": "hours", "format": format, "reason": reason}
    response = client.post(f"/exports/{morning.action.id}", data=form)
    if response.status_code != 200:
        return b""
    link = response.text.split('href="/exports/file/')[1].split('"')[0]
    return client.post(f"/exports/file/{link}").data


def test_hours_leave_with_a_reason_and_a_mark_as_csv_and_workbook(
    client: FlaskClient, worked: Morning
) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert export(client, worked, "csv", reason="") == b""
    rows = list(csv.reader(io.StringIO(export(client, worked, "csv").decode("utf-8-sig"))))
    assert rows[0][0].startswith("Exported by Ada Stone") and "strike pay" in rows[0][0]
    records = [dict(zip(rows[1], row, strict=True)) for row in rows[2:]]
    stayed = next(row for row in records if row["minutes"] == "180" and row["duty"] == "picket")
    assert (stayed["site"], stayed["day"], stayed["came"], stayed["left"]) == (
        "Lincoln", "2026-03-03", "06:50", "10:00",
    )  # fmt: skip
    assert stayed["left_said_by"] == "checked out" and len(stayed["member_number"]) == 8
    kitchen = next(row for row in records if row["duty"] == "kitchen")
    assert (kitchen["left"], kitchen["left_said_by"]) == ("11:00", "end of shift")
    sheet = load_workbook(io.BytesIO(export(client, worked, "xlsx"))).active
    assert [[str(cell.value) for cell in row][:12] for row in sheet][2:] == [row[:12] for row in rows[2:]]


def test_the_retention_page_says_that_hours_go_with_the_names(
    client: FlaskClient, worked: Morning, after_the_day: Any
) -> None:
    sign_in(client, make_person(role=RoleName.ADMIN))
    assert "not exported yet, and forgotten with the rest" in client.get("/privacy").text
    export(client, worked, "csv")
    assert "exported last on" in client.get("/privacy").text
    close_due_events(START + timedelta(days=1))
    forget_action(worked.action.id, by="shell", now=START + timedelta(days=91))
    assert hours_of(worked.action) == []
    page = client.get("/privacy").text
    assert "exported last" not in page and "not exported yet" not in page
    assert "only its numbers are left" in client.get(f"/actions/{worked.action.id}/hours").text


def test_a_match_after_closing_is_a_correction_and_so_is_its_undoing(
    worked: Morning, after_the_day: Any
) -> None:
    late = worked.members[worked.lincoln.id][4]
    check_in_by_poster(
        worked.event(worked.lincoln).id, read_typed("2135550150"), page="p", cookie=None, now=START
    )  # fmt: skip
    close_due_events(START + timedelta(days=1))
    unmatched = db.session.query(Evidence).filter_by(outcome=Outcome.WALKUP).one().id

    def came() -> tuple[int, int | None]:
        lincoln = board(worked.action).chapter(worked.lincoln.id)
        assert lincoln is not None
        return lincoln.names.came, lincoln.version

    assert came() == (3, 1)
    for hours, decide, expected in ((11, True, (4, 2)), (12, False, (3, 3))):
        now = START + timedelta(hours=hours)
        after_the_day.move_to(now)
        _decide(unmatched, late, decide, now)
        assert correct_closed_actions(now) == 1
        assert correct_closed_actions(now) == 0
        assert came() == expected


def _decide(evidence_id: Any, member: Member, is_theirs: bool, now: datetime) -> None:
    if is_theirs:
        resolutions.tie(evidence_id, member.id, "her new phone", actor="shell", now=now)
    else:
        resolutions.reopen(evidence_id, "it was her sister", actor="shell", now=now)


def test_who_was_matched_has_hours_too(worked: Morning) -> None:
    ana = make_member("Soto", "Ana", site=worked.madison)
    check_in_by_poster(
        worked.event(worked.madison).id, read_typed("2135550150"), page="p", cookie=None, now=START
    )  # fmt: skip
    unmatched = db.session.query(Evidence).filter_by(outcome=Outcome.WALKUP).one().id
    resolutions.tie(unmatched, ana.id, "", actor="shell", now=DONE)
    [madison] = hours_of(worked.action, {worked.madison.id})
    assert [member.member_id for member in madison.members] == [ana.id] and madison.minutes == 240


def test_the_hours_of_several_areas_open_one_area_at_a_time(client: FlaskClient, worked: Morning) -> None:
    page = f"/actions/{worked.action.id}/hours"
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    areas, chapters = client.get(page).text.split("<main", 1)[1].split("<details>", 1)
    assert "By area" in areas and "North" in areas and "Lincoln" not in areas
    assert "Lincoln" in chapters and "Roosevelt" in chapters
    sign_in(client, make_person("Olga Brandt", role=RoleName.ORGANIZER, area=worked.north))
    own = client.get(page).text
    assert "By chapter" in own and "By area" not in own and "Lincoln" in own.split("<main", 1)[1]
