"""Place for measuring check-ins: a seeded database, the real server on it, and the floor beside it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask_migrate
import psycopg
from sqlalchemy import insert, select, text

import config
from bench.load import form_post
from mobilize import clock, create_app
from mobilize.actions.models import Action, ActionKind, Event, EventChapter, Shift
from mobilize.checkins.forms import event_token
from mobilize.database import atomic, db, new_id
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import make_code, make_text_code
from mobilize.languages import Translated
from mobilize.roster.models import Area, Member, Membership, MembershipRank, MemberStatus, PhoneKind, Site
from mobilize.roster.names import PersonName
from tests.services import free_port
from tests.services.processes import Processes, answers

EVENTS, MEMBERS = 40, 3400
KEYS = "b1:c29tZSBieXRlcyBmb3IgYSBiZW5jaCBkYXRhYmFzZSE="


@contextmanager
def serving(url: str, folder: Path) -> Iterator[tuple[int, Processes]]:
    """The application's web server on a seeded database, on a port of its own; inside its context."""
    port, processes = free_port(), Processes(folder)
    environ = _settings(url, port)
    app = create_app(config.load(environ))
    try:
        with app.app_context():
            flask_migrate.upgrade()
            seed()
            with db.engine.connect() as connection:
                connection.execute(text("ANALYZE"))
                connection.commit()
            processes.serve({**os.environ, **environ}, port)
            yield port, processes
    finally:
        processes.stop()
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


def serve_floor(processes: Processes, url: str) -> int:
    """Its tables, and a server like the application's; returns its port."""
    _make_floor(url)
    port = free_port()
    environ = {**os.environ, **_settings(url, port)}
    process = processes.start_web(environ, port, "bench.checkin_floor:rsgi")
    processes.wait_for(process, lambda: answers(f"http://127.0.0.1:{port}/"), "web")
    return port


def _settings(url: str, port: int) -> dict[str, str]:
    base = f"http://localhost:{port}"
    return {"MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": url, "PUBLIC_BASE_URL": base}


def requests(port: int, n: int) -> list[bytes]:
    """A check-in of each of the first `n` members, at the events in turn."""
    codes = db.session.scalars(select(Event.code)).all()
    db.session.rollback()
    return [
        form_post(port, f"/c/{code}", {"token": event_token(code), "typed": f"{place:08d}"})
        for place, code in ((place, codes[place % EVENTS]) for place in range(n))
    ]


def seed(members: int = MEMBERS) -> None:
    """Pickets at some sites, open now, and a member for every request, found by their number."""
    now = clock.now()
    start = now - timedelta(minutes=10)
    times = {"starts_at": start, "ends_at": start + timedelta(hours=2)}
    with atomic() as session:
        area = Area(name="Area")
        action = Action(
            kind=ActionKind.PICKET,
            name=Translated(en="Picket", es="Piquete"),
            made_at=now,
            made_by="shell",
            **times,
        )
        session.add_all([area, action])
        session.flush()
        sites = [
            Site(code=str(n), name=f"School {n}", area_id=area.id, tz="America/Los_Angeles", represented=True)
            for n in range(EVENTS)
        ]
        session.add_all(sites)
        session.flush()
        for site in sites:
            event = Event(
                action_id=action.id, site_id=site.id, area_id=area.id, tz=site.tz, code=make_code(),
                text_code=make_text_code(5), made_at=now, **times,
            )  # fmt: skip
            session.add(event)
            session.flush()
            session.add(Shift(event_id=event.id, **times))
            session.add(EventChapter(event_id=event.id, site_id=site.id, action_id=action.id))
        session.flush()
        people = [_member(n, now) for n in range(members)]
        session.execute(insert(Member), people)
        home = {"rank": MembershipRank.HOME, "from_at": start - timedelta(days=999)}
        session.execute(
            insert(Membership),
            [
                {"id": new_id(), "member_id": person["id"], "site_id": sites[n % EVENTS].id, **home}
                for n, person in enumerate(people)
            ],
        )


def _member(n: int, now: Any) -> dict[str, Any]:
    member, number = Member.make_id(), f"{n:08d}"
    return {
        "id": member,
        "number_index": blind_index("number", number),
        "number_enc": Member.number.seal(member, number),
        "name_enc": Member.name.seal(member, PersonName(f"Last {n}", "First").stored()),
        "phone_kind": PhoneKind.UNKNOWN,
        "status": MemberStatus.ACTIVE,
        "language": "en",
        "opted_out_in_file": False,
        "added_at": now,
    }


def _make_floor(url: str) -> None:
    numbers = [(new_id(), f"{n:08d}") for n in range(MEMBERS)]
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE floor_members (id uuid PRIMARY KEY, number text UNIQUE)")
        connection.execute("CREATE TABLE floor_checkins (id uuid PRIMARY KEY, member uuid UNIQUE)")
        connection.cursor().executemany("INSERT INTO floor_members VALUES (%s, %s)", numbers)
