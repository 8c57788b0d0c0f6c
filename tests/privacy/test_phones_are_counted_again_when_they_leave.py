"""Olga asks for few phones, and more would leave: then a second person agrees first, as for many at once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE, Scope
from mobilize.accounts.access.sponsors import actor_of
from mobilize.accounts.approvals.operations import ApprovalKind, approve, open_approval
from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Action, Event
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.privacy.exports import content
from mobilize.privacy.exports.files import write_file
from mobilize.privacy.exports.operations import ExportFile, ask_for_export, fetch_export, make_link
from mobilize.privacy.models import Export, ExportFormat, ExportKind
from mobilize.roster.models import Area, Site
from mobilize.turnout.board import cache as live
from tests.builders import START, make_action, make_area, make_event, make_member, make_person, make_site
from tests.builders import sign_in as enter

NOW = START - timedelta(hours=20)


@pytest.fixture(autouse=True)
def stopped_clock() -> Iterator[Any]:
    live.forget()
    with time_machine.travel(NOW, tick=False) as stopped:
        yield stopped
    live.forget()


@pytest.fixture
def north(app: Flask) -> Area:
    return make_area("North")


@pytest.fixture
def olga(north: Area) -> Person:
    return make_person("Olga Brandt", role=RoleName.ORGANIZER, area=north)


def school(area: Area, members: int) -> Action:
    """A picket tomorrow at a school with so many members."""
    site = make_site(area=area)
    action = make_action(starts_at=START)
    make_event(site, action=action)
    grow(site, members)
    return action


def grow(site: Site, members: int) -> None:
    for n in range(members):
        make_member("Reyes", f"Mia {n}", site=site, phone=f"+1213555{n:04d}")
    live.forget()


def site_of(action: Action) -> Site:
    held = select(Event.site_id).where(Event.action_id == action.id)
    return db.session.scalars(select(Site).where(Site.id.in_(held))).one()


def ask(action: Action, olga: Person, area: Area) -> tuple[Export, str | None]:
    return ask_for_export(
        action, ExportKind.PHONES, ExportFormat.CSV, "Calls before the strike",
        person=olga, scope=scope_over(area), now=clock.now(),
    )  # fmt: skip


def scope_over(area: Area) -> Scope:
    return Scope(roles=frozenset({RoleName.ORGANIZER}), areas=frozenset({area.id}))


def fetch(token: str | None, olga: Person, area: Area) -> ExportFile:
    live.forget()
    return fetch_export(token or "", person=olga, scope=scope_over(area), now=clock.now())


def rows(file: ExportFile) -> int:
    return len(file.content.decode("utf-8-sig").splitlines()) - 2


def agree(export: Export) -> str:
    """Agree as the second person; returns the summary they read before."""
    approval = open_approval(ApprovalKind.PHONE_EXPORT, str(export.id), now=clock.now())
    assert approval is not None
    second = make_person("Ada", role=RoleName.ADMIN)
    approve(approval.id, by=actor_of(second), scope=THE_OFFICE, stepped_up=True, now=clock.now())
    return str(approval.summary["en"])


def test_twenty_were_asked_for_and_sixty_wait_for_the_second_person(olga: Person, north: Area) -> None:
    action = school(north, 20)
    export, token = ask(action, olga, north)
    assert token is not None
    grow(site_of(action), 40)
    with pytest.raises(Refused, match="second_person") as refused:
        fetch(token, olga, north)
    assert (refused.value.code, refused.value.status) == ("second_person", 403)
    with pytest.raises(Refused, match="export_spent"):
        fetch(token, olga, north)
    assert "60 members" in agree(export)
    assert rows(fetch(make_link(export.id, person=olga, now=clock.now()), olga, north)) == 60


def test_a_yes_holds_for_as_many_as_it_was_given_for(olga: Person, north: Area) -> None:
    action = school(north, 30)
    export, token = ask(action, olga, north)
    assert token is None and "30 members" in agree(export)
    link = make_link(export.id, person=olga, now=clock.now())
    grow(site_of(action), 1)
    with pytest.raises(Refused, match="second_person"):
        fetch(link, olga, north)
    assert "31 members" in agree(export)
    assert rows(fetch(make_link(export.id, person=olga, now=clock.now()), olga, north)) == 31


def test_a_little_at_a_time_is_added_up_over_a_week(olga: Person, north: Area, stopped_clock: Any) -> None:
    first, second = school(north, 15), school(north, 15)
    assert rows(fetch(ask(first, olga, north)[1], olga, north)) == 15
    export, token = ask(second, olga, north)
    assert token is None, "15 and 15 are 30"
    stopped_clock.shift(timedelta(days=6, hours=23))
    assert ask(second, olga, north)[1] is None
    stopped_clock.shift(timedelta(hours=1))
    assert ask(second, olga, north)[1] is not None, "after a week it starts anew"
    assert export.token_hash is None


def test_what_a_second_person_agreed_to_is_not_counted_again(olga: Person, north: Area) -> None:
    many, few = school(north, 30), school(north, 5)
    export, _none = ask(many, olga, north)
    agree(export)
    assert rows(fetch(make_link(export.id, person=olga, now=clock.now()), olga, north)) == 30
    assert rows(fetch(ask(few, olga, north)[1], olga, north)) == 5


def test_whoever_is_only_a_chair_by_then_fetches_no_phones(olga: Person, north: Area) -> None:
    action = school(north, 20)
    _export, token = ask(action, olga, north)
    chairs = Scope(roles=frozenset({RoleName.CHAIR}), sites=frozenset({site_of(action).id}))
    with pytest.raises(Refused, match="export_spent"):
        fetch_export(token or "", person=olga, scope=chairs, now=clock.now())
    assert rows(fetch(token, olga, north)) == 20


def test_another_organizers_are_their_own(olga: Person, north: Area) -> None:
    first, second = school(north, 15), school(north, 15)
    assert rows(fetch(ask(first, olga, north)[1], olga, north)) == 15
    petra = make_person("Petra Sand", role=RoleName.ORGANIZER, area=north)
    assert rows(fetch(ask(second, petra, north)[1], petra, north)) == 15


def test_of_two_links_fetched_at_the_same_moment_one_waits(
    app: Flask, olga: Person, north: Area, monkeypatch: pytest.MonkeyPatch
) -> None:
    being_written = threading.Barrier(2)

    def beside_the_other(*args: Any) -> bytes:
        with suppress(threading.BrokenBarrierError):
            being_written.wait(3)  # a large file takes its time
        return write_file(*args)

    monkeypatch.setattr(content, "write_file", beside_the_other)
    links = [ask(school(north, 15), olga, north)[1] for _n in range(2)]
    who, where, both = olga.id, scope_over(north), threading.Barrier(2)
    db.session.rollback()

    def take(link: str | None) -> object:
        with app.app_context():
            person = db.session.get_one(Person, who)
            both.wait()
            try:
                return rows(fetch_export(link or "", person=person, scope=where, now=clock.now()))
            except Refused as refusal:
                return refusal.code
            finally:
                db.session.remove()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(map(str, pool.map(take, links))) == ["15", "second_person"]


def test_the_page_says_why_nothing_comes_and_where_to_go_on(
    client: FlaskClient, olga: Person, north: Area
) -> None:
    action = school(north, 20)
    enter(client, olga)
    response = client.post(
        f"/exports/{action.id}", data={"kind": "phones", "format": "csv", "reason": "Calls to all"}
    )
    link = response.text.split('href="/exports/file/')[1].split('"')[0]
    grow(site_of(action), 40)
    page = client.post(f"/exports/file/{link}")
    assert page.status_code == 403 and "has been asked" in page.text and "Mia" not in page.text
    assert f"/exports/{action.id}" in page.text
    assert "waits for a second person" in client.get(f"/exports/{action.id}").text
