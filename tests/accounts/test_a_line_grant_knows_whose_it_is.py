"""A role ends for cause, or because the term is over: what was given in its name ends too, or passes on."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.grants import open_grants
from mobilize.accounts.access.scope import THE_OFFICE, today
from mobilize.accounts.models import LineGrant, Person, RoleName, RoleTerm
from mobilize.accounts.people.chairs_apply import apply_chairs
from mobilize.accounts.people.operations import end_role
from mobilize.actions.models import Event
from mobilize.database import atomic, db
from mobilize.roster.models import Site
from tests.builders import make_person, make_site, sign_in
from tests.services.client import Client


@pytest.fixture
def morning(app: Flask, client: FlaskClient, carmen: Person, picket: Event) -> list[FlaskClient]:
    """The phones of a line: the chair's own, a captain's, and one that a captain handed over to."""
    own, captain, third = client, Client(app, use_cookies=True), Client(app, use_cookies=True)
    sign_in(own, carmen)
    own.post(f"/events/{picket.id}/line")
    for phone, giver, where in (
        (captain, own, f"/events/{picket.id}/captains"),
        (third, own, f"/events/{picket.id}/captains"),
    ):
        page = giver.post(where, data={"label": "Rosa"})
        phone.post(_link_in(page.text))
    handed = third.post(f"/line/{picket.code}/hand-over", data={"label": "Sam"})
    fourth = Client(app, use_cookies=True)
    fourth.post(_link_in(handed.text))
    return [own, captain, fourth]


def _link_in(page: str) -> str:
    token = page.partition("/l/")[2]
    return "/l/" + "".join(letter for letter in token[:40] if letter.isalnum())


def opens(phones: list[FlaskClient], event: Event) -> list[int]:
    return [phone.get(f"/line/{event.code}").status_code for phone in phones]


def term_of(person: Person) -> RoleTerm:
    return db.session.scalars(select(RoleTerm).where(RoleTerm.person_id == person.id)).one()


def end(person: Person, *, for_cause: bool, now: datetime) -> None:
    end_role(term_of(person).id, for_cause=for_cause, scope=THE_OFFICE, actor="shell", now=now)


def test_removed_for_cause_ends_every_phone_of_the_line_at_once(
    morning: list[FlaskClient], carmen: Person, picket: Event, now: datetime
) -> None:
    assert opens(morning, picket) == [200, 200, 200] and morning[0].get("/devices").status_code == 200
    end(carmen, for_cause=True, now=now)
    assert opens(morning, picket) == [403, 403, 403]
    assert morning[0].get("/devices").status_code == 302  # signed out
    assert not open_grants(picket.id, now=now)


def test_another_chairs_captains_stay_when_one_is_removed_for_cause(
    app: Flask, morning: list[FlaskClient], carmen: Person, lincoln: Site, picket: Event, now: datetime
) -> None:
    cora = make_person("Cora Vale", phone="+12135550102", role=RoleName.COCHAIR, site=lincoln)
    chair, captain = Client(app, use_cookies=True), Client(app, use_cookies=True)
    sign_in(chair, cora)
    captain.post(_link_in(chair.post(f"/events/{picket.id}/captains", data={"label": "Ana"}).text))
    end(carmen, for_cause=True, now=now)
    assert opens([*morning, captain], picket) == [403, 403, 403, 200]


def test_at_a_terms_end_captains_of_a_running_event_stay_and_the_chairs_own_page_closes(
    morning: list[FlaskClient], carmen: Person, picket: Event, now: datetime
) -> None:
    end(carmen, for_cause=False, now=now)
    assert opens(morning, picket) == [403, 200, 200]


def test_they_are_the_successors_from_then_on_and_end_with_that_one_for_cause(
    morning: list[FlaskClient], carmen: Person, lincoln: Site, picket: Event, now: datetime
) -> None:
    rows = f"site,role,name,phone\n{lincoln.code},chair,Cora Vale,2135550102\n"
    apply_chairs(rows.encode(), None, by="shell", now=now)
    assert opens(morning, picket) == [403, 200, 200]
    cora = db.session.scalars(select(Person).where(Person.id != carmen.id)).one()
    running = db.session.scalars(select(LineGrant).where(LineGrant.revoked_at.is_(None))).all()
    assert {grant.role_id for grant in running if grant.ends_at > now} == {term_of(cora).id}
    end(cora, for_cause=True, now=now)
    assert opens(morning, picket) == [403, 403, 403]


def test_a_term_that_ended_by_its_date_passes_on_as_well(
    morning: list[FlaskClient], carmen: Person, lincoln: Site, picket: Event, now: datetime
) -> None:
    cora = make_person("Cora Vale", phone="+12135550102", role=RoleName.CHAIR, site=lincoln)
    term = term_of(carmen)
    end(carmen, for_cause=False, now=now - timedelta(days=1))
    assert term.to_on is not None and opens(morning[1:], picket) == [200, 200]
    end(cora, for_cause=True, now=now)
    assert opens(morning[1:], picket) == [403, 403]


def test_a_chairs_own_page_ends_with_that_role_whatever_they_are_elsewhere(
    morning: list[FlaskClient], carmen: Person, picket: Event, now: datetime
) -> None:
    own, captain, _fourth = morning
    elsewhere, day = make_site("Elsewhere"), today(now)
    with atomic() as session:
        term = {"role": RoleName.CHAIR, "site_id": elsewhere.id, "from_on": day - timedelta(days=1)}
        session.add(RoleTerm(person_id=carmen.id, granted_by="shell", granted_at=now, **term))
        ended = db.session.scalars(select(RoleTerm).where(RoleTerm.site_id == picket.site_id)).one()
        ended.to_on = day
    assert opens([own, captain], picket) == [403, 200]


def test_the_page_asks_why_a_role_ends(client: FlaskClient, olga: Person, carmen: Person) -> None:
    sign_in(client, olga)
    page = client.get("/people").text
    assert "Removed for cause" in page and "The term is over" in page
    where = f"/people/roles/{term_of(carmen).id}/end"
    assert client.post(where).status_code == 422 and term_of(carmen).to_on is None
    assert client.post(where, data={"why": "cause"}).status_code == 303
    assert "ended for cause" in client.get("/people").text
    assert client.post(where, data={"why": "cause"}).status_code == 404


def test_links_somebody_made_end_when_they_are_removed_for_cause(
    client: FlaskClient, olga: Person, lincoln: Site, now: datetime
) -> None:
    sign_in(client, olga)
    form = {"name": "Nina", "phone": "213 555 0103", "role": "chair", "site": lincoln.code}
    page = client.post("/people", data=form).text
    link = "/enter/" + page.partition("/enter/")[2].partition('"')[0]
    assert client.get(link).status_code == 200
    end(olga, for_cause=True, now=clock.now())
    assert client.get(link).status_code == 410
