"""Reads from a replica (`DATABASE_REPLICA_URL`) what may be some seconds old: boards, and reports of many.

How old a replica is, is measured by the log that the primary had written at a moment we remember: a replica
that has replayed that much is at most as old as the moment. So no clocks are compared, a primary at which
nothing happens does not make its replica old, and a replica that is cut off grows old with the first write.
A replica that is too old or away is not asked: the primary is, and nobody is shown an error.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flask import Flask, current_app
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from config import Settings
from mobilize.database import db, inside_atomic
from mobilize.database.engines import REPLICA

Result = TypeVar("Result")

LOOK_EVERY_SECONDS = 0.5
# Of a replica that failed nothing is asked for so long.
AWAY_SECONDS = 5.0
# How long somebody waits who wants what is committed at this moment.
CATCHES_UP_SECONDS = 0.2
# Moments that a replica behind has not reached yet: two a second, of the longest age that is allowed.
MARKS = 128
_WRITTEN = text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
# NULL where it is no replica any more: what was promoted has a history of its own.
_REPLAYED = text("SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() - '0/0'::pg_lsn END")

_log = logging.getLogger(__name__)


def from_replica(read: Callable[[], Result], *, fresh: bool = False) -> Result:
    """The result of `read`, which reads through `db.session` and changes nothing: from the replica while that
    is at most `REPLICA_MAX_AGE_SECONDS` old, or with `fresh` while it holds everything that was committed
    before this call. Otherwise, without a replica, inside `atomic()`, and when the replica fails meanwhile
    (`read` is then run a second time), from the primary."""
    watch = _watch()
    if watch is None or inside_atomic() or not watch.is_current(fresh=fresh):
        return read()
    try:
        with _session_on(watch.replica):
            return read()
    except (DBAPIError, PoolTimeout) as error:
        watch.is_away(error)
    return read()


def oldest_seconds() -> float:
    """The greatest age of what `from_replica` reads; 0 without a replica."""
    chosen: Settings = current_app.config["MOBILIZE"]
    return float(chosen.replica_max_age_seconds) if chosen.database_replica_url else 0.0


def catches_up() -> bool:
    """Whether the replica that is set comes to hold, within `REPLICA_MAX_AGE_SECONDS`, what is stored now."""
    watch = _watch()
    return watch is not None and watch.catches_up(within=watch.max_age_seconds)


class ReplicaWatch:
    """The age of a replica, looked at when somebody asks, at most twice a second in each process."""

    def __init__(self, primary: Engine, replica: Engine, max_age_seconds: float):
        self.primary, self.replica, self.max_age_seconds = primary, replica, max_age_seconds
        self._lock = threading.Lock()
        self._marks: deque[tuple[float, int]] = deque(maxlen=MARKS)
        self._holds_all_until = self._looked_at = self._away_until = float("-inf")

    def is_current(self, *, fresh: bool = False) -> bool:
        """Whether the replica may be read now. Never raises."""
        now = time.monotonic()
        with self._lock:
            if now < self._away_until:
                return False
            if fresh:
                return self._catches_up(now, CATCHES_UP_SECONDS)
            if now - self._looked_at >= LOOK_EVERY_SECONDS:
                self._look()
            return now - self._holds_all_until <= self.max_age_seconds

    def catches_up(self, *, within: float) -> bool:
        """Whether it comes to hold within so many seconds what is stored now. Never raises."""
        with self._lock:
            return self._catches_up(time.monotonic(), within)

    def is_away(self, error: Exception) -> None:
        """It failed: leave it alone for some seconds."""
        self._away_until = time.monotonic() + AWAY_SECONDS
        # The type alone: an error's text quotes what was asked.
        _log.warning("the replica is not read for %s s: %s", AWAY_SECONDS, type(error).__name__)

    def _catches_up(self, moment: float, within: float) -> bool:
        self._look()
        while max(self._holds_all_until, self._away_until) < moment and time.monotonic() < moment + within:
            time.sleep(0.01)
            self._look(mark=False)
        return self._holds_all_until >= moment

    def _look(self, *, mark: bool = True) -> None:
        self._looked_at = time.monotonic()
        if mark:
            # The time first: everything committed before it is within what was written by then.
            self._mark(self._looked_at)
        try:
            replayed = _number(self.replica, _REPLAYED)
        except (DBAPIError, PoolTimeout) as error:
            self.is_away(error)
            replayed = None
        if replayed is None:
            self._holds_all_until = float("-inf")
            return
        while self._marks and self._marks[0][1] <= replayed:
            self._holds_all_until = self._marks.popleft()[0]

    def _mark(self, at: float) -> None:
        try:
            written = _number(self.primary, _WRITTEN)
        except (DBAPIError, PoolTimeout):
            return  # the primary is away, and says so to whoever asks it
        if written is not None:
            self._marks.append((at, written))


def _watch() -> ReplicaWatch | None:
    """That of the running application; None where no replica is set."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    if REPLICA not in db.engines:
        return None
    chosen: Settings = app.config["MOBILIZE"]
    watch: ReplicaWatch = app.extensions.setdefault(
        "mobilize replica",
        ReplicaWatch(db.engine, db.engines[REPLICA], chosen.replica_max_age_seconds),
    )
    return watch


def _number(engine: Engine, query: object) -> int | None:
    with engine.connect() as connection:
        [(value,)] = connection.execute(query)  # type: ignore[call-overload]
        return None if value is None else int(value)


@contextmanager
def _session_on(replica: Engine) -> Iterator[None]:
    """In the place of the session that is open here, one that reads from the replica. What was read before
    stays with its own session."""
    own, registry = db.session(), db.session.registry
    reading = Session(replica, autoflush=False)
    registry.set(reading)  # type: ignore[arg-type]  # Flask-SQLAlchemy's own would go by binds
    try:
        yield
    finally:
        registry.set(own)
        reading.close()
