"""Place for measuring texts: a database, Redis, the stand-in carrier at 50 ms, members at every site."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.request import Request, urlopen

import flask_migrate
from flask import Flask

import config
from bench.process_use import cpu_s
from mobilize import clock, create_app
from mobilize.actions.models import Action, ActionKind, Event, EventChapter, Shift
from mobilize.database import atomic, db, new_id
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import make_code
from mobilize.languages import Translated
from mobilize.roster.models import Area, Member, Membership, MembershipRank, Site, StatusSpan
from mobilize.roster.names import PersonName
from tests.services import free_port
from tests.services.postgres import Postgres, find_binaries
from tests.services.processes import Processes, answers
from tests.services.redis import Redis

SITES = 800
ZONE = "America/Los_Angeles"
START = clock.on_local_day(clock.now(), ZONE, 1, clock_time(7))
PLANNED_AT = clock.on_local_day(START, ZONE, -1, clock_time(16, 45))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
KEYS = "b1:c29tZSBieXRlcyBmb3IgYSBiZW5jaCBkYXRhYmFzZSE="
ACCOUNT, TOKEN = "AC" + "0" * 32, "a-token-for-benches"


@dataclass
class Place:
    """Everything that runs, and what a process of ours needs to know to join in."""

    app: Flask
    postgres: Postgres
    redis: Redis
    environ: dict[str, str]
    processes: Processes
    taken: list[dict[str, Any]] = field(default_factory=list)

    def ledger(self) -> list[dict[str, Any]]:
        """Everything the stand-in has taken so far, oldest first."""
        self.taken += _ask(f"{self.environ['TWILIO_API_URL']}/ledger.json?since={len(self.taken)}")
        return self.taken

    def work(self, name: str, *, rate: int, workers: int, concurrency: int) -> list["Popen[bytes]"]:
        """Start workers that may send `rate` segments a second, each with its clock."""
        environ, started = {**self.environ, "SEGMENTS_PER_SECOND": str(rate)}, []
        program = [sys.executable, "-m", "workers"]
        for n in range(workers):
            own = [
                "worker",
                "--concurrency",
                str(concurrency),
                "-n",
                f"{name}{n}@%h",
                "--loglevel",
                "WARNING",
            ]
            started.append(self.processes.start(f"{name}-worker{n}", [*program, *own], environ))
        return started

    def cpu_s(self, values: list["Popen[bytes]"]) -> float:
        """CPU seconds so far of these processes, Redis and PostgreSQL: everything but the stand-in."""
        return cpu_s(*(one.pid for one in (*values, self.redis.process, self.postgres.process)))


def wait_for(until: Callable[[], bool], seconds: float) -> None:
    """Return when it has happened; AssertionError when it has not in time."""
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        time.sleep(0.2)


@contextmanager
def open_place() -> Iterator[Place]:
    """A place with a migrated, empty database, inside its application's context."""
    with tempfile.TemporaryDirectory() as folder:
        postgres, redis, processes = Postgres(find_binaries(), {}), Redis(), Processes(Path(folder))
        try:
            place = _set_up(postgres, redis, processes)
            with place.app.app_context():
                flask_migrate.upgrade()
                yield place
                db.session.remove()
                db.engine.dispose()
        finally:
            processes.stop()
            redis.stop()
            postgres.stop()


def _set_up(postgres: Postgres, redis: Redis, processes: Processes) -> Place:
    port = free_port()
    values = {
        "MOBILIZE_ENV": "test",
        "SECRET_KEYS": KEYS,
        "DATABASE_URL": postgres.create("bench"),
        "REDIS_URL": redis.url,
        "PUBLIC_BASE_URL": "http://localhost:5000",
        "PRICE_PER_SEGMENT_CENTS": "0.001",
        "ROLE_CODES_IN_20_MINUTES": "9999",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
        "TWILIO_API_URL": f"http://127.0.0.1:{port}",
    }
    argv = ["--port", str(port), "--account", ACCOUNT, "--token", TOKEN, "--latency-ms", "50"]
    argv += ["--callback-base", values["PUBLIC_BASE_URL"]]
    standing_in = Processes(processes.folder)
    carrier = standing_in.start(
        "carrier", [sys.executable, "-m", "mobilize.demo.carrier.server", *argv], {**os.environ, **values}
    )
    standing_in.wait_for(carrier, lambda: answers(f"{values['TWILIO_API_URL']}/"), "carrier")
    _ask(f"{values['TWILIO_API_URL']}/faults", {"receipts_lost": 1.0})
    return Place(create_app(config.load(values)), postgres, redis, {**os.environ, **values}, processes)


def _ask(url: str, body: Any = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urlopen(Request(url, data), timeout=30) as answer:
        return json.loads(answer.read())


def seed_members(count: int) -> None:
    """So many members with phones, spread over 800 sites, and a picket at every site on START."""
    area = {"id": new_id(), "name": "Area"}
    sites = [_site(n, area["id"]) for n in range(SITES)]
    times = {"starts_at": START, "ends_at": START + timedelta(minutes=45)}
    with atomic() as session:
        _insert(Area, [area])
        _insert(Site, sites)
        action = Action(
            kind=ActionKind.PICKET,
            name=Translated(en="Bench"),
            made_by="bench",
            made_at=LONG_AGO,
            **times,
        )
        session.add(action)
        session.flush()
        _seed_events(action.id, sites, times)
        members = [_member(n) for n in range(count)]
        _insert(Member, members)
        homes = [(member["id"], sites[n % SITES]["id"]) for n, member in enumerate(members)]
        home = {"rank": MembershipRank.HOME, "from_at": LONG_AGO}
        _insert(Membership, [{"id": new_id(), "member_id": m, "site_id": s, **home} for m, s in homes])
        active = {"status": "active", "from_at": LONG_AGO}
        _insert(StatusSpan, [{"id": new_id(), "member_id": m, **active} for m, _ in homes])


def _seed_events(action_id: Any, sites: list[dict[str, Any]], times: dict[str, datetime]) -> None:
    same = {"venue": "", "meet_at": "", "tz": "America/Los_Angeles", "text_code": "10000", "state": "planned"}
    same |= {"version": 1, "made_at": LONG_AGO, "area_id": sites[0]["area_id"], **times}
    events = [
        {"id": new_id(), "action_id": action_id, "site_id": site["id"], "code": make_code(), **same}
        for site in sites
    ]
    _insert(Event, events)
    _insert(Shift, [{"id": new_id(), "event_id": event["id"], **times} for event in events])
    chapters = [{"event_id": e["id"], "site_id": e["site_id"], "action_id": action_id} for e in events]
    _insert(EventChapter, chapters)


def _site(n: int, area_id: Any) -> dict[str, Any]:
    named = {"code": f"B{n:06d}", "name": f"School {n:03d}", "tz": "America/Los_Angeles"}
    return {
        "id": new_id(),
        "area_id": area_id,
        **named,
        "street": "",
        "city": "",
        "zip": "",
        "represented": True,
    }


def _member(n: int) -> dict[str, Any]:
    member, number, phone = Member.make_id(), f"{n:08d}", f"+1213{n:07d}"
    return {
        "id": member,
        "number_index": blind_index("number", number),
        "number_enc": Member.number.seal(member, number),
        "name_enc": Member.name.seal(member, PersonName(f"Last {n}", "First").stored()),
        "phone_enc": Member.phone.seal(member, phone),
        "phone_index": blind_index("phone", phone),
        "phone_kind": "mobile",
        "status": "active",
        "language": "es" if n % 4 == 0 else "en",
        "opted_out_in_file": False,
        "added_at": LONG_AGO,
    }


def _insert(table: Any, rows: list[dict[str, Any]]) -> None:
    db.session.execute(table.__table__.insert(), rows)
