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
MOST_QUERIES = 25


def a_morning_of(sites: int, texts_us: Texts, first: int = 0) -> None:
    """At each site a line that is open; its member asks something, and its chair answers the count unclearly."""
    now = clock.now()
    action = make_action(starts_at=now - timedelta(minutes=10), ends_at=now + timedelta(hours=1))
    area = make_area()
    for n in range(first, first + sites):
        member, chair = f"+1213556{n:04d}", f"+1213557{n:04d}"
        site = make_site(f"School {n}", area=area)
        line = make_event(site, action=action)
        make_member(f"Reyes{n}", site=site, phone=member)
        make_person(f"Carmen {n}", phone=chair, role=RoleName.CHAIR, site=site)
        ask_question(chair, "head_count", line.id, expires_at=now + timedelta(hours=1), now=now)
        texts_us(member, "can I bring my kids?", now - timedelta(minutes=5))
        texts_us(chair, "what do you mean by that", now - timedelta(minutes=4))


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


def queries_of(client: FlaskClient, address: str) -> tuple[int, int]:
    """(queries, texts on the page)."""
    db.session.expunge_all()
    with counted_queries() as queries:
        page = client.get(address)
    assert page.status_code == 200
    return len([one for one in queries if not one.startswith("BEGIN")]), page.text.count(
        '<article class="ticket">'
    )


@pytest.mark.parametrize("address", ["/inbox", "/inbox/read", "/inbox/unknown"])
def test_sixty_sites_take_as_many_queries_as_ten(
    app: Flask, client: FlaskClient, texts_us: Texts, address: str
) -> None:
    ada = on_duty("Ada Stone", role=RoleName.ADMIN)
    for n in range(3):
        on_duty(f"Olga {n}", role=RoleName.ORGANIZER, area=make_area())
    sign_in(client, ada)
    client.get("/inbox")
    a_morning_of(10, texts_us)
    become(address)
    few, ten = queries_of(client, address)
    a_morning_of(50, texts_us, first=10)
    become(address)
    many, sixty = queries_of(client, address)
    assert (ten, sixty) == (20, 100)
    assert many <= few < MOST_QUERIES


def become(address: str) -> None:
    """What that page shows: texts that are done, or those of numbers that left the roster."""
    with atomic() as session:
        if address == "/inbox/read":
            session.query(Inbound).update({"done_at": clock.now(), "done_by": "reminders"})
        if address == "/inbox/unknown":
            session.query(Inbound).update({"phone_index": Inbound.id})
