"""The pages of the inbox ask the database as often for texts from sixty sites as from ten."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from mobilize import clock
from mobilize.accounts.models import Person, RoleName
from mobilize.database import atomic, db
from mobilize.reminders.monitoring.on_call import take_duty
from mobilize.texts.models import Inbound
from tests.builders import (
    ask_question,
    make_action,
    make_area,
    make_event,
    make_member,
    make_person,
    make_site,
    sign_in,
)

Texts = Callable[[str, str, datetime], Inbound]
PAGES = ("/inbox", "/inbox/read", "/inbox/unknown")
MOST_QUERIES = 25


def a_morning_of(sites: range, texts_us: Texts) -> None:
    """At each site a line that is open: a member asks, a chair has counted, a stranger wrote."""
    now = clock.now()
    action = make_action(starts_at=now - timedelta(minutes=10), ends_at=now + timedelta(hours=1))
    area = make_area()
    for n in sites:
        member, chair, stranger = (f"+1213{prefix}{n:04d}" for prefix in ("556", "557", "558"))
        site = make_site(f"School {n}", area=area)
        line = make_event(site, action=action)
        make_member(f"Reyes{n}", site=site, phone=member)
        make_person(f"Carmen {n}", phone=chair, role=RoleName.CHAIR, site=site)
        ask_question(chair, "head_count", line.id, expires_at=now + timedelta(hours=1), now=now)
        texts_us(member, "can I bring my kids?", now - timedelta(minutes=5))
        texts_us(stranger, "which union is that", now - timedelta(minutes=5))
        counted = texts_us(chair, "around twenty", now - timedelta(minutes=4))
        with atomic():
            counted.done_at, counted.done_by = now, "reminders"


def on_duty(name: str, **where: object) -> Person:
    person = make_person(name, **where)
    take_duty(person, 8, now=clock.now())
    return person


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    queries: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        queries.append(statement)

    for engine in db.engines.values():
        event.listen(engine, "before_cursor_execute", listen)
    try:
        yield queries
    finally:
        for engine in db.engines.values():
            event.remove(engine, "before_cursor_execute", listen)


def look_at(client: FlaskClient, address: str) -> tuple[int, int]:
    """(queries, texts on the page) of the second look: the first renews what runs out by the clock."""
    client.get(address)
    db.session.expunge_all()
    with counted_queries() as queries:
        page = client.get(address)
    return len(queries), page.text.count('<article class="ticket">')


@pytest.mark.timeout(240)
def test_sixty_sites_take_as_many_queries_as_ten(app: Flask, client: FlaskClient, texts_us: Texts) -> None:
    ada = on_duty("Ada Stone", role=RoleName.ADMIN)
    for n in range(3):
        on_duty(f"Olga {n}", role=RoleName.ORGANIZER, area=make_area())
    sign_in(client, ada)
    a_morning_of(range(10), texts_us)
    few = {address: look_at(client, address) for address in PAGES}
    a_morning_of(range(10, 60), texts_us)
    many = {address: look_at(client, address) for address in PAGES}
    assert {texts for _, texts in few.values()} == {10} and {texts for _, texts in many.values()} == {60}
    assert [queries for queries, _ in many.values()] == [queries for queries, _ in few.values()]
    assert max(queries for queries, _ in many.values()) < MOST_QUERIES
