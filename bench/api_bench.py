"""A check-in that a program reports beside the least it can cost, as `checkin_bench` measures a page's.

By number with a token of the whole union; then by the member's id with one of an area, which is looked for in
that area first.
"""

import secrets
import statistics
import tempfile
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bench.checkin_bench import EACH, TURNS, Side
from bench.checkin_place import EVENTS, MEMBERS, serve_floor, serving
from bench.load import form_post, json_post
from mobilize import clock
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.tokens.models import ApiScope, ApiToken
from mobilize.actions.models import Event
from mobilize.checkins.models import Attendance, Evidence
from mobilize.database import atomic, db
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import hash_token
from mobilize.roster.models import Area, Member
from tests.services.postgres import Postgres, find_binaries

Rows = dict[str, dict[str, Any]]
Body = Callable[[int], dict[str, object]]


def run() -> Rows:
    """The rows of `make bench ONLY=api`, in half a minute."""
    rows: Rows = {}
    server = Postgres(find_binaries(), {})
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, in_one_area in (("by number", False), ("by id, one area", True)):
                rows |= _measure(server, Path(folder), name, in_one_area)
    finally:
        server.stop()
    return rows


def _measure(server: Postgres, folder: Path, name: str, in_one_area: bool) -> Rows:
    url = server.create("area" if in_one_area else "union")
    with serving(url, folder) as (port, processes):
        floor_port = serve_floor(processes, url)
        web, floor_web = (process.pid for process in processes.started)
        body = _by_id() if in_one_area else _by_number
        floor = [form_post(floor_port, "/floor", {"member": f"{n:08d}"}) for n in range(MEMBERS)]
        full = Side(port, web, server.process.pid, _requests(port, _secret(in_one_area), body))
        least = Side(floor_port, floor_web, server.process.pid, floor)
        full.send(200), least.send(200)
        turns = [(full.turn(), least.turn()) for _ in range(TURNS)]
        _verify(full)
    speed = _median(a.load.per_second / b.load.per_second for a, b in turns)
    rate = _median(a.load.per_second for a, _b in turns)
    return {
        f"API check-in against the floor, {name}": _row(speed, "x", 0.5),
        f"API check-in, {name}, 32 connections": _row(rate, "/s", None),
    }


def _secret(in_one_area: bool) -> str:
    """A token that reports, of somebody who was admin, or organizer of the one area, long before."""
    now, secret = clock.now(), f"mobilize_{secrets.token_urlsafe(32)}"
    area = db.session.scalars(select(Area.id)).one()
    person = Person(made_at=now - timedelta(days=9), language="en")
    person.name = "Bench"
    where = {"role": RoleName.ORGANIZER, "area_id": area} if in_one_area else {"role": RoleName.ADMIN}
    since = {"from_on": (now - timedelta(days=9)).date(), "granted_at": now - timedelta(days=9)}
    with atomic() as session:
        session.add(person)
        session.flush()
        session.add(RoleTerm(person_id=person.id, granted_by="shell", **where, **since))
        token = {"token_hash": hash_token(secret), "prefix": secret[:15], "label": "bench"}
        ends = {"made_at": now, "expires_at": now + timedelta(days=1)}
        session.add(ApiToken(person_id=person.id, scopes=ApiScope.REPORT.value, **token, **ends))
    return secret


def _by_number(n: int) -> dict[str, object]:
    return {"typed": f"{n:08d}"}


def _by_id() -> Body:
    ids = {index: str(one) for one, index in db.session.execute(select(Member.id, Member.number_index))}
    return lambda n: {"member": ids[blind_index("number", f"{n:08d}")]}


def _requests(port: int, secret: str, body: Body) -> list[bytes]:
    events = db.session.scalars(select(Event.id)).all()
    db.session.rollback()
    return [
        json_post(
            port,
            f"/api/v1/events/{events[n % EVENTS]}/check-ins",
            body(n),
            {"Authorization": f"Bearer {secret}", "Idempotency-Key": f"bench-{n:08d}"},
        )
        for n in range(MEMBERS)
    ]


def _verify(side: Side) -> None:
    """Every acknowledged check-in is one row of each kind; nothing was refused."""
    wrong = [status for load in side.sent for status in load.wrong]
    sent = sum(len(load.taken) for load in side.sent)
    db.session.rollback()
    stored = [db.session.scalar(select(func.count()).select_from(table)) for table in (Attendance, Evidence)]
    if wrong or stored != [sent, sent] or sent < EACH * TURNS:
        raise AssertionError(f"{sent} sent, {stored} stored, refused: {wrong[:5]}")


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _row(value: float, unit: str, bar: float | None) -> dict[str, Any]:
    return {"value": round(value, 3), "unit": unit, "bar": bar, "better": "higher"}
