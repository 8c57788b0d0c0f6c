"""A line under load: the production server on PostgreSQL, and phones that send the same form until answered.

Every member is tapped for on two phones at once.
"""

import http.client
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import flask_migrate
import psycopg
from flask import Flask
from sqlalchemy import select

import config
from bench.checkin_place import KEYS, seed
from mobilize import create_app
from mobilize.actions.models import Event
from mobilize.checkins.forms import event_token
from mobilize.database import db
from mobilize.keys.crypto import blind_index
from tests.services import free_port
from tests.services.postgres import Postgres, find_binaries
from tests.services.processes import Processes, answers

MEMBERS, PHONES = 3000, 6

LOST = """SELECT count(*) FROM members m WHERE m.number_index = ANY(%s)
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
    """The service under load: who was acknowledged when, and the answers that nobody may see.

    `server` is the PostgreSQL of its own that may be killed, and `disk` the small one it lies on; None where
    there is none. `sabotage` names the promise that was taken out.
    """

    app: Flask
    url: str
    processes: Processes
    environ: dict[str, str]
    port: int
    server: Postgres | None = None
    disk: Path | None = None
    sabotage: str = ""
    workers: int = 2
    forms: list[tuple[str, str]] = field(default_factory=list)
    acknowledged: dict[int, float] = field(default_factory=dict)
    refused: int = 0
    visible: list[int] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    web: "Popen[bytes] | None" = None

    def serve(self) -> None:
        """The production server as `make serve` starts it: a parent that puts a new worker in a dead one's
        place."""
        app = "tests.chaos.spoilt_web:rsgi" if self.sabotage else "wsgi:rsgi"
        environ = {**self.environ, "WEB_THREADS": "8"}
        self.web = self.processes.start_web(environ, self.port, app, processes=self.workers)

    def wait_until_up(self) -> None:
        assert self.web is not None
        self.processes.wait_for(self.web, lambda: answers(f"http://127.0.0.1:{self.port}/readyz"), "web")

    def pids(self) -> list[int]:
        """The server's parent, then its workers."""
        assert self.web is not None
        [parent] = _children(self.web.pid)
        return [parent, *_children(parent)]

    def open_forms(self, members: int) -> None:
        """Two phones have the page open for each member."""
        codes = db.session.scalars(select(Event.code)).all()
        self.forms = [
            (code, event_token(code)) for n in range(members) for code in [codes[n % len(codes)]] * 2
        ]
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()

    def tap(self) -> None:
        """Every phone checks members in until it is over."""
        taps, lock = iter(range(len(self.forms))), threading.Lock()

        def phone() -> None:
            while not self.over.is_set():
                with lock:
                    one = next(taps, None)
                if one is None:
                    return
                while not self.over.is_set() and not self._check_in(one):
                    time.sleep(0.1)

        phones = [threading.Thread(target=phone) for _ in range(PHONES)]
        for one in phones:
            one.start()
        for one in phones:
            one.join()

    def _check_in(self, tap: int) -> bool:
        """One tap; True when a receipt came back."""
        (code, token), number = self.forms[tap], tap // 2
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            body = urlencode({"token": token, "typed": f"{number:08d}"})
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", f"/c/{code}", body, form)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if answer.status == 200:
            self.acknowledged[number] = time.monotonic()
            return True
        self.refused += 1
        if answer.status != 503 or "Retry-After" not in answer.headers:
            self.visible.append(answer.status)
        return False

    def reckoned(self) -> dict[str, float]:
        """The acknowledged beside the rows."""
        with self.app.app_context(), psycopg.connect(self.url) as connection:
            marks = [blind_index("number", f"{n:08d}") for n in self.acknowledged]

            def ask(query: str, *values: object) -> int:
                [(n,)] = connection.execute(query, values).fetchall()
                return int(n)

            return {
                "acknowledged": len(marks),
                "told_to_try_again": self.refused - len(self.visible),
                "I1_lost": ask(LOST, marks),
                "I2_twice": ask(TWICE) + ask(COUNTED_TWICE),
                "I3_visible": len(self.visible),
                "I8_wrong": ask(DO_NOT_ADD_UP),
            }


@contextmanager
def standing(*, sabotage: str = "", disk: Path | None = None) -> Iterator[Line]:
    """A line of its own, on a PostgreSQL of its own, ready to be tapped for. `disk`: where that lies."""
    with TemporaryDirectory(prefix="mobilize-chaos-") as folder:
        server, port = Postgres(find_binaries(), {}, disk), free_port()
        processes = Processes(Path(folder))
        try:
            url = server.create("chaos")
            environ = {"MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": url}
            environ["PUBLIC_BASE_URL"] = f"http://localhost:{port}"
            app = create_app(config.load(environ))
            line = Line(
                app, url, processes, {**os.environ, **environ, "SABOTAGE": sabotage}, port, server, disk
            )
            line.sabotage = sabotage
            with app.app_context():
                flask_migrate.upgrade()
                seed(MEMBERS)
                line.open_forms(MEMBERS)
            line.serve()
            line.wait_until_up()
            yield line
        finally:
            processes.stop()
            server.stop()


def _children(pid: int) -> list[int]:
    results = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            results.append(int(stat.parent.name))
    return sorted(results)
