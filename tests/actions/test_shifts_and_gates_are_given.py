"""Olga gives a strike day its shifts at every place; Carmen changes those of one event, and names gates."""

import re
from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from sqlalchemy import select

from mobilize.accounts.models import RoleName
from mobilize.actions.events.shifts import ShiftTimes, local_shifts, name_gates, set_shifts
from mobilize.actions.models import ActionKind, EventState
from mobilize.actions.operations import move_event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.roster.models import Gate
from tests.builders import make_action, make_area, make_event, make_person, make_site, sign_in

SIX = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)  # in Los Angeles
TWO = SIX + timedelta(hours=8)
BEFORE = SIX - timedelta(days=2)
TWO_SHIFTS = {"start-0": "06:00", "end-0": "10:00", "start-1": "10:00", "end-1": "14:00"}


@pytest.fixture(autouse=True)
def two_days_before():
    with time_machine.travel(BEFORE, tick=False) as clock:
        yield clock


@pytest.fixture
def strike(app):
    return make_action(kind=ActionKind.STRIKE, starts_at=SIX, ends_at=TWO)


@pytest.fixture
def north(app):
    return make_area("North")


@pytest.fixture
def event(strike, north):
    return make_event(make_site("Lincoln", area=north), action=strike)


def shifts(event):
    db.session.expire_all()
    return [f"{one.start:%H:%M}-{one.end:%H:%M}" for one in local_shifts(event)]


def give(event, *times, now=BEFORE):
    spans = [ShiftTimes(*(time.fromisoformat(part) for part in one.split("-"))) for one in times]
    return set_shifts(event, spans, actor="shell", now=now)


def test_an_organizer_gives_all_their_places_their_shifts_in_one_form(client, strike, event, north):
    second, elsewhere = (
        make_event(make_site(area=area), action=strike) for area in (north, make_area("South"))
    )
    honolulu = make_site("Far", area=north, tz="Pacific/Honolulu")
    far = make_event(honolulu, action=strike, tz="Pacific/Honolulu", starts_at=SIX + timedelta(hours=2),
                     ends_at=TWO + timedelta(hours=2))  # fmt: skip
    sign_in(client, make_person(role=RoleName.ORGANIZER, area=north))
    assert 'value="06:00"' in client.get(f"/actions/{strike.id}/shifts").text
    answer = client.post(f"/actions/{strike.id}/shifts", data=TWO_SHIFTS, follow_redirects=True)
    assert "Changed at 3 places." in answer.text
    assert shifts(event) == shifts(second) == shifts(far) == ["06:00-10:00", "10:00-14:00"]
    assert shifts(elsewhere) == ["06:00-14:00"], "another area is another organizer's"
    page = client.get(f"/events/{event.id}").text
    assert re.search(r"(?<!\d)6:00\sAM", page) and re.search(r"(?<!\d)10:00\sAM", page)


def test_a_chair_changes_theirs_and_names_the_gates(client, event):
    sign_in(client, make_person(role=RoleName.CHAIR, site=event.site))
    fields = {**TWO_SHIFTS, "gates": "Front gate\n\n Back  gate\nFront gate"}
    for _ in range(2):
        assert client.post(f"/events/{event.id}/shifts", data=fields).status_code == 303
    assert shifts(event) == ["06:00-10:00", "10:00-14:00"]
    names = db.session.scalars(select(Gate.name).where(Gate.site_id == event.site_id).order_by(Gate.name))
    assert list(names) == ["Back gate", "Front gate"]
    assert "Back gate" in client.get(f"/events/{event.id}/shifts").text
    assert "Shifts and gates" in client.get(f"/events/{event.id}").text


def test_shifts_that_nobody_could_stand_are_declined(event):
    for times, code in (
        ([], "no_shifts"),
        (["06:00-07:00"] * 7, "no_shifts"),
        (["05:00-10:00"], "outside"),
        (["06:00-15:00"], "outside"),
        (["06:00-10:00", "09:30-14:00"], "overlap"),
        (["10:00-14:00", "06:00-10:00"], "overlap"),
        (["06:00-06:15"], "too_short"),
    ):
        with pytest.raises(Refused) as refused:
            give(event, *times)
        assert refused.value.code == code, times
    assert shifts(event) == ["06:00-14:00"]


def test_the_shell_gives_them_too(app, event):
    def run(*args):
        return app.test_cli_runner().invoke(args=["actions", "shifts", str(event.action_id), *args])

    assert '"changed": 1' in run("06:00-10:00", "10:00-14:00", "--json").stdout
    assert shifts(event) == ["06:00-10:00", "10:00-14:00"]
    refused = run("six to ten")
    assert refused.exit_code != 0 and "06:00-10:00" in refused.stderr


def test_a_form_that_is_half_filled_in_says_so_and_changes_nothing(client, event):
    sign_in(client, make_person(role=RoleName.CHAIR, site=event.site))
    for form in ({"start-0": "06:00"}, {"start-0": "six", "end-0": "ten"}, {}):
        answer = client.post(f"/events/{event.id}/shifts", data={**form, "gates": "Front gate"})
        assert answer.status_code in (409, 422) and 'role="alert"' in answer.text
        typed = [f'value="{time}"' for time in form.values()] + ["Front gate"]
        assert all(one in answer.text for one in typed), "what was typed is still there"
    assert shifts(event) == ["06:00-14:00"]
    assert db.session.scalar(select(Gate.id)) is None, "both or neither"


def test_once_members_check_in_a_shift_is_moved_and_not_taken_away(event):
    assert give(event, "06:00-10:00", "10:00-14:00")
    assert not give(event, "06:00-10:00", "10:00-14:00"), "said twice changes nothing"
    first = event.shifts[0].id
    begun = SIX - timedelta(minutes=20)
    with pytest.raises(Refused, match="begun"):
        give(event, "06:00-14:00", now=begun)
    assert give(event, "06:00-09:00", "09:00-12:00", "12:00-14:00", now=begun)
    assert event.shifts[0].id == first, "what was counted in it stays there"
    assert give(event, "06:00-14:00") and shifts(event) == ["06:00-14:00"]


def test_shifts_move_with_their_event_and_stay_when_it_is_over(event):
    give(event, "06:00-10:00", "10:00-14:00")
    day = SIX.date() + timedelta(days=1)
    move_event(event, LocalTimeRange(day, time(7), time(15)), "", actor="shell", now=BEFORE)
    assert shifts(event) == ["07:00-11:00", "11:00-15:00"]
    with atomic():
        event.state = EventState.CLOSED
    with pytest.raises(Refused, match="is_over"):
        give(event, "07:00-15:00")


def test_a_day_past_midnight_has_shifts_past_midnight(app):
    night = make_action(
        kind=ActionKind.STRIKE, starts_at=SIX + timedelta(hours=14), ends_at=SIX + timedelta(hours=22)
    )
    event = make_event(action=night)
    assert give(event, "20:00-00:00", "00:00-04:00")
    assert [shift.starts_at - SIX for shift in event.shifts] == [timedelta(hours=14), timedelta(hours=18)]


def test_a_gate_where_heads_were_counted_stays(event):
    name_gates(event.site_id, ["Front", "Back"], actor="shell", now=BEFORE)
    front = db.session.scalar(select(Gate.id).where(Gate.name == "Front"))
    report_head_count(
        event, 5, counted_at=SIX, nonce=b"n" * 16, via="line", by="shell", now=SIX, gate_id=front
    )  # fmt: skip
    name_gates(event.site_id, ["Front"], actor="shell", now=BEFORE)
    with pytest.raises(Refused, match="gate_in_use"):
        name_gates(event.site_id, ["Side"], actor="shell", now=BEFORE)
    assert list(db.session.scalars(select(Gate.name))) == ["Front"]
