"""Faults of web and database while a line checks in: `python -m tests.chaos.checkin` (FAULTS=... for some).

Phones send the same form again until they are answered, as the page does. After each fault the rows are
compared with what was acknowledged. One JSON object comes out: for each fault I1 (acknowledged and lost),
I2 (counted more than once), I3 (answers that were neither a receipt nor a 503 with Retry-After), I8
(attendance the evidence does not add up to), and the seconds from the fault's end to the first answer.
"""

import http.client
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from urllib.parse import urlencode

import flask_migrate
import psycopg
from flask import Flask
from sqlalchemy import select

import config
from bench.checkin_bench import KEYS, MEMBERS, seed
from mobilize import create_app
from mobilize.actions.models import Event
from mobilize.checkins.forms import event_token
from mobilize.crypto import blind_index
from mobilize.database import db
from mobilize.demo import leash
from tests.services import free_port
from tests.services.postgres import Postgres, find_binaries
from tests.services.processes import Processes, answers

PHONES = 6
LOCKED_SECONDS = float(os.environ.get("LOCKED_SECONDS", "30"))
SABOTAGE = (
    "ALTER TABLE attendance DROP CONSTRAINT uq_attendance_one_per_member_and_event_and_shift",
    "CREATE INDEX ON attendance (event_id, shift_id, member_id)",
)

LOST = """SELECT count(*) FROM members m WHERE m.number_bix = ANY(%s)
          AND NOT EXISTS (SELECT FROM attendance a WHERE a.member_id = m.id)"""
TWICE = """SELECT count(*) FROM (SELECT FROM attendance GROUP BY event_id, shift_id, member_id
           HAVING count(*) > 1) t"""
COUNTED_TWICE = """SELECT count(*) FROM (SELECT FROM evidence WHERE outcome = 'counted'
                   GROUP BY event_id, shift_id, member_id HAVING count(*) > 1) t"""
DO_NOT_ADD_UP = """SELECT count(*) FROM (SELECT DISTINCT event_id, shift_id, member_id FROM evidence
                   WHERE outcome IN ('counted', 'repeat')) e FULL JOIN attendance a
                   USING (event_id, shift_id, member_id) WHERE e.member_id IS NULL OR a.id IS NULL"""


@dataclass
class Line:
    """The service under load: who was acknowledged when, and the answers that nobody may see."""

    app: Flask
    server: Postgres
    url: str
    processes: Processes
    environ: dict[str, str]
    port: int
    forms: list[tuple[str, str]] = field(default_factory=list)
    acknowledged: dict[int, float] = field(default_factory=dict)
    visible: list[int] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    web: "Popen[bytes] | None" = None

    def serve(self) -> None:
        """The production server: a parent that puts a new worker in a dead one's place."""
        granian = [
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--no-ws",
            "--port",
            str(self.port),
        ]
        again = ["--blocking-threads", "8", "--respawn-failed-workers", "--respawn-interval", "0.5"]
        self.web = self.processes.start("web", [*granian, *again, "wsgi:app"], self.environ)

    def pids(self) -> list[int]:
        """The server's parent, then its workers."""
        assert self.web is not None
        [parent] = _children(self.web.pid)
        return [parent, *_children(parent)]


def run(*chosen: str, seconds: float = 4.0) -> dict[str, dict[str, float]]:
    """What came of each fault. `seconds` of load go before it, and as many follow when it is over."""
    return {name: _under(FAULTS[name], seconds) for name in chosen or FAULTS}


def _under(fault: Callable[[Line], None], seconds: float) -> dict[str, float]:
    with _standing() as line:
        load = threading.Thread(target=_tap, args=(line,))
        load.start()
        time.sleep(seconds)
        fault(line)
        over = time.monotonic()
        while not any(at > over for at in list(line.acknowledged.values())) and time.monotonic() < over + 30:
            time.sleep(0.1)
        time.sleep(seconds)
        line.over.set()
        load.join(60)
        back = min((at for at in line.acknowledged.values() if at > over), default=over + 99) - over
        return {**_reckoned(line), "first_answer_after_s": round(back, 1)}


def _reckoned(line: Line) -> dict[str, float]:
    with line.app.app_context(), psycopg.connect(line.url) as connection:
        marks = [blind_index("number", f"{n:08d}") for n in line.acknowledged]

        def ask(query: str, *given: object) -> int:
            [(n,)] = connection.execute(query, given).fetchall()
            return int(n)

        return {
            "acknowledged": len(marks),
            "I1_lost": ask(LOST, marks),
            "I2_twice": ask(TWICE) + ask(COUNTED_TWICE),
            "I3_visible": len(line.visible),
            "I8_wrong": ask(DO_NOT_ADD_UP),
        }


@contextmanager
def _standing() -> Iterator[Line]:
    with tempfile.TemporaryDirectory() as folder:
        server, port = Postgres(find_binaries(), {}), free_port()
        processes = Processes(Path(folder))
        try:
            url = server.create("chaos")
            environ = {"MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": url}
            environ["PUBLIC_BASE_URL"] = f"http://localhost:{port}"
            app = create_app(config.load(environ))
            line = Line(app, server, url, processes, {**os.environ, **environ}, port)
            _prepare(line)
            line.serve()
            assert line.web is not None
            processes.wait_for(line.web, lambda: answers(f"http://127.0.0.1:{port}/readyz"), "web")
            yield line
        finally:
            processes.stop()
            server.stop()


def _prepare(line: Line) -> None:
    with line.app.app_context():
        flask_migrate.upgrade()
        seed()
        codes = db.session.scalars(select(Event.code)).all()
        line.forms = [(code, event_token(code)) for code in (codes[n % len(codes)] for n in range(MEMBERS))]
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()
    if os.environ.get("SABOTAGE"):
        with psycopg.connect(line.url) as connection:
            for statement in SABOTAGE:
                connection.execute(statement)


def _tap(line: Line) -> None:
    """Every phone checks a member in; each member is tapped for on two phones at once."""
    numbers, lock = iter(range(MEMBERS)), threading.Lock()

    def pair(number: int) -> None:
        while not line.over.is_set() and not _check_in(line, number):
            time.sleep(0.1)

    def phone() -> None:
        while not line.over.is_set():
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            pair(number)

    phones = [threading.Thread(target=phone) for _ in range(PHONES)]
    for one in phones:
        one.start()
    for one in phones:
        one.join()


def _check_in(line: Line, number: int) -> bool:
    """One tap; True when a receipt came back."""
    code, token = line.forms[number]
    connection = http.client.HTTPConnection("127.0.0.1", line.port, timeout=40)
    try:
        body = urlencode({"token": token, "typed": f"{number:08d}"})
        connection.request("POST", f"/c/{code}", body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    if answer.status == 200:
        line.acknowledged[number] = time.monotonic()
        return True
    if answer.status != 503 or "Retry-After" not in answer.headers:
        line.visible.append(answer.status)
    return False


def kill_worker(line: Line) -> None:
    """kill -9 of the process that answers; its parent starts another."""
    os.kill(line.pids()[1], signal.SIGKILL)


def kill_parent(line: Line) -> None:
    """kill -9 of the whole web server; whoever looks after it starts it again."""
    assert line.web is not None
    os.kill(line.pids()[0], signal.SIGKILL)
    leash.kill(line.web)
    line.serve()


def restart_postgres(line: Line) -> None:
    """kill -9 of PostgreSQL, as a power cut would, and a second later it is back."""
    line.server.crash()
    time.sleep(1)
    line.server.start()


def lock_postgres(line: Line) -> None:
    """Somebody holds the table of evidence for `LOCKED_SECONDS`."""
    with psycopg.connect(line.url) as connection:
        connection.execute("LOCK TABLE evidence IN ACCESS EXCLUSIVE MODE")
        time.sleep(LOCKED_SECONDS)


def out_of_connections(line: Line) -> None:
    """Others take every connection the server has, and ours are gone."""
    taken = []
    with psycopg.connect(line.url, autocommit=True) as connection:
        until = time.monotonic() + 4
        while time.monotonic() < until:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = 'chaos' AND application_name <> 'chaos' AND pid <> pg_backend_pid()"
            )
            try:
                taken += [psycopg.connect(line.url, application_name="chaos") for _ in range(20)]
            except psycopg.OperationalError:
                time.sleep(0.1)
    for other in taken:
        other.close()


def cut_connections(line: Line) -> None:
    """Every connection is cut again and again, whatever it is at: before its COMMIT, or after it."""
    with psycopg.connect(line.url, autocommit=True) as connection:
        for _ in range(60):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = 'chaos' AND pid <> pg_backend_pid()"
            )
            time.sleep(0.05)


FAULTS: dict[str, Callable[[Line], None]] = {
    "kill_worker": kill_worker,
    "kill_parent": kill_parent,
    "restart_postgres": restart_postgres,
    "lock_postgres": lock_postgres,
    "out_of_connections": out_of_connections,
    "cut_connections": cut_connections,
}


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(stat.parent.name))
    return sorted(found)


def main() -> int:
    chosen = [name for name in os.environ.get("FAULTS", "").split(",") if name]
    came_of = run(*chosen)
    print(json.dumps(came_of, indent=1))
    held = all(not one[name] for one in came_of.values() for name in one if name.startswith("I"))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
