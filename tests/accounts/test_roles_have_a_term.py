"""A role has a first and a last day, and whoever holds it enters on neither side of them."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import NOBODY, THE_OFFICE, today
from mobilize.accounts.models import GrantKind, LineGrant, Person, RoleName, RoleTerm
from mobilize.accounts.people.operations import (
    Invitation,
    end_role,
    give_role,
    invite,
    invite_first_admin,
    set_term,
)
from mobilize.accounts.queries import looks_after_everything
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.roster.models import Site
from tests.builders import make_event, make_person, sign_in

# Noon in Los Angeles, and the days there.
NOW = datetime(2026, 3, 3, 20, 0, tzinfo=UTC)
TODAY = date(2026, 3, 3)


def change(person: Person, from_on: date | None, last_on: date | None) -> str:
    """ "" when it was done, else the code of the refusal."""
    try:
        set_term(person.roles[0].id, from_on, last_on, scope=THE_OFFICE, actor="shell", now=NOW)
    except Refused as refusal:
        return refusal.code
    return ""


def opens(client: FlaskClient, at: datetime) -> int:
    with time_machine.travel(at, tick=False):
        return client.get("/devices").status_code


def test_the_last_day_is_a_whole_day_of_the_union(client: FlaskClient, carmen: Person) -> None:
    assert change(carmen, None, TODAY) == ""
    late = datetime(2026, 3, 4, 7, 55, tzinfo=UTC)  # 11:55 PM in Los Angeles
    with time_machine.travel(late - timedelta(minutes=9), tick=False):
        sign_in(client, carmen)
    assert opens(client, late) == 200
    assert opens(client, late + timedelta(minutes=6)) == 403


def test_a_role_that_begins_later_opens_nothing_before(client: FlaskClient, lincoln: Site) -> None:
    rosa = make_person("Rosa Lund")
    give_role(rosa, RoleName.CHAIR, site=lincoln, from_on=TODAY + timedelta(days=1), actor="shell", now=NOW)
    with time_machine.travel(NOW, tick=False):
        sign_in(client, rosa)
    assert opens(client, NOW) == 403
    with time_machine.travel(NOW + timedelta(hours=13), tick=False):
        sign_in(client, rosa)
    assert opens(client, NOW + timedelta(hours=13)) == 200


@pytest.mark.parametrize(
    ("from_on", "last_on", "message"),
    [
        (None, TODAY, ""),
        (None, None, ""),
        (None, TODAY - timedelta(days=1), "bad_dates"),
        (TODAY - timedelta(days=9), None, ""),  # it has begun: its first day is history and stays
    ],
)
def test_days_that_make_no_sense_are_refused(
    carmen: Person, from_on: date | None, last_on: date | None, message: str
) -> None:
    assert change(carmen, from_on, last_on) == message
    assert carmen.roles[0].from_on == date(2020, 1, 1)


def test_the_first_day_moves_while_it_is_to_come(lincoln: Site) -> None:
    rosa = make_person("Rosa Lund")
    give_role(rosa, RoleName.CHAIR, site=lincoln, from_on=TODAY + timedelta(days=9), actor="shell", now=NOW)
    assert change(rosa, TODAY - timedelta(days=1), None) == "bad_dates"
    assert change(rosa, TODAY + timedelta(days=3), TODAY + timedelta(days=2)) == "bad_dates"
    assert change(rosa, TODAY + timedelta(days=3), TODAY + timedelta(days=3)) == ""
    term = db.session.scalars(select(RoleTerm).filter_by(person_id=rosa.id)).one()
    assert (term.from_on, term.to_on) == (TODAY + timedelta(days=3), TODAY + timedelta(days=4))


def test_the_only_lasting_admin_gets_no_last_day(app: Flask) -> None:
    ada, bea = (make_person(name, role=RoleName.ADMIN) for name in ("Ada Stone", "Bea Stone"))
    assert change(bea, None, TODAY + timedelta(days=9)) == ""
    assert change(ada, None, TODAY + timedelta(days=9)) == "last_admin"
    with pytest.raises(Refused):
        end_role(ada.roles[0].id, for_cause=False, scope=THE_OFFICE, actor="shell", now=NOW)
    end_role(bea.roles[0].id, for_cause=False, scope=THE_OFFICE, actor="shell", now=NOW)


def test_a_line_closes_when_the_role_runs_out(client: FlaskClient, carmen: Person, lincoln: Site) -> None:
    event = make_event(lincoln, starts_at=clock.now(), ends_at=clock.now() + timedelta(days=3))
    sign_in(client, carmen)
    client.post(f"/events/{event.id}/line")
    assert db.session.scalars(select(LineGrant)).one().kind is GrantKind.CHAIR
    assert client.get(f"/line/{event.code}").status_code == 200
    now = clock.now()
    set_term(carmen.roles[0].id, None, today(now), scope=THE_OFFICE, actor="shell", now=now)
    with time_machine.travel(now + timedelta(days=2), tick=False):
        assert client.get(f"/line/{event.code}").status_code == 403


def test_the_page_shows_and_changes_the_days(client: FlaskClient, carmen: Person, lincoln: Site) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    term, last = carmen.roles[0].id, today(clock.now()) + timedelta(days=30)
    assert client.post(f"/people/roles/{term}/dates", data={"last_on": str(last)}).status_code == 303
    page = client.get("/people").text
    assert f'value="{last}"' in page and "last day" in page and "since Jan 1, 2020" in page
    bad = client.post(f"/people/roles/{term}/dates", data={"last_on": "soon"})
    assert bad.status_code == 422 and "2026-09-01" in bad.text
    assert client.post(f"/people/roles/{term}/dates", data={"last_on": ""}).status_code == 303
    assert db.session.get_one(RoleTerm, term).to_on is None


def test_somebody_is_invited_for_later(client: FlaskClient, carmen: Person, lincoln: Site) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    day = today(clock.now()) + timedelta(days=20)
    form = {"name": "Nina Vale", "phone": "2135550103", "role": "chair", "site": lincoln.code}
    done = client.post("/people", data={**form, "from_on": str(day)})
    assert done.status_code == 200 and "/enter/" not in done.text and "from the first day" in done.text
    page = client.get("/people").text
    assert "Nina Vale" in page and 'name="from_on" type="date" value="' + str(day) in page
    term = next(t for t in db.session.scalars(select(RoleTerm)) if t.from_on == day)
    assert client.post(f"/people/roles/{term.id}/end", data={"why": "term"}).status_code == 303
    client.get("/people")  # where it is said that the role has ended
    assert "Nina Vale" not in client.get("/people").text


def test_the_first_admin_is_made_once(app: Flask) -> None:
    runner = app.test_cli_runner()
    words = ["people", "first-admin", "--name", "Ada Stone", "--phone", "(213) 555-0130"]
    result = runner.invoke(args=words)
    assert result.exit_code == 0 and result.output.count("/enter/") == 1
    again = runner.invoke(args=words)
    assert again.exit_code == 1 and "admin already" in again.output
    with pytest.raises(Refused):
        invite_first_admin("Eve", "+12135550131", now=clock.now())


def test_the_operator_lets_a_locked_out_admin_start_anew(app: Flask) -> None:
    invite(Invitation("Ada Stone", "+12135550130", RoleName.ADMIN), scope=THE_OFFICE, actor="shell", now=NOW)
    runner = app.test_cli_runner()
    assert "/enter/" in runner.invoke(args=["people", "start-anew", "--phone", "213 555 0130"]).output
    assert runner.invoke(args=["people", "start-anew", "--phone", "213 555 0131"]).exit_code == 1


def test_whoever_has_no_role_looks_after_nothing_where_there_is_no_area_yet(app: Flask) -> None:
    """The job of an admin whose role ended meanwhile imports no roster into a new service."""
    assert looks_after_everything(THE_OFFICE) and not looks_after_everything(NOBODY)
