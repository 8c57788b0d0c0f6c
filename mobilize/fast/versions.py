"""Version numbers of lines: raised by whatever changes what a line's phones see, and compared before anything
is read (docs/decisions/0020).

A number is raised in the transaction of the change, as its last step. Each process reads the numbers of the
events that are looked at in it at most twice a second, all of them in one question.
"""

import threading
import time
import uuid
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from cachetools import LRUCache, TTLCache
from flask import Flask, current_app
from sqlalchemy import Integer, Uuid, bindparam, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mobilize.database import Model, before_commit, db, insert, is_postgres
from mobilize.fast.statements import CachedStatement, given_rows, retried, run, run_for

READ_EVERY_SECONDS = 0.5
# An event nobody has looked at for so long is not asked about any more.
FORGOTTEN_AFTER_SECONDS = 60.0
MOST_EVENTS = 5000
_CHANGED = "changed events"
_EXTENSION = "mobilize versions"
# What waits for the same value takes turns; of more locks than threads few are shared by chance.
_LOCKS = 64


class LineVersion(Model):
    """The version of what the phones of an event's line see; one that never changed has no row."""

    __tablename__ = "line_versions"

    event_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    n: Mapped[int]


def mark_changed(*event_ids: uuid.UUID) -> None:
    """Raise the version of each of these events when the transaction that is open here commits: once,
    however often this is called. Only inside `atomic()`."""
    changed: set[uuid.UUID] = db.session.info.setdefault(_CHANGED, set())
    changed.update(event_ids)
    before_commit(_CHANGED, _raise_changed)


def _raise_changed(session: Session) -> None:
    # In one order: two of these never wait for each other.
    rows = [{"event_id": event_id, "n": 1} for event_id in sorted(session.info.pop(_CHANGED, ()))]
    if rows:
        session.execute(raised(insert(LineVersion.__table__).values(rows)))


def raised(added: Any) -> Any:
    """An INSERT of first versions, which raises those that are there."""
    stored = LineVersion.__table__.c
    return added.on_conflict_do_update(index_elements=["event_id"], set_={"n": stored.n + 1})


class Versions:
    """The versions of the events looked at in this process, at most `READ_EVERY_SECONDS` old and the time
    that reading takes. Nobody waits while the database is asked: one thread reads all of them, and the others
    go on with what was read before."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._lock = threading.Lock()  # of what is below, for moments
        self._numbers: dict[uuid.UUID, int] = {}
        self._watched: TTLCache[uuid.UUID, bool] = TTLCache(
            MOST_EVENTS, FORGOTTEN_AFTER_SECONDS, timer=lambda: time.monotonic()
        )
        self._read_at = float("-inf")

    def of(self, event_id: uuid.UUID, *, fresh: bool = False) -> int:
        """The version of an event; 0 before its first change. `fresh`: as it is stored now."""
        with self._lock:
            self._watched[event_id] = True
        self._read_if_old()
        with self._lock:
            number = self._numbers.get(event_id)
        if number is None or fresh:
            number = _stored([event_id]).get(event_id, 0)
            with self._lock:
                self._numbers[event_id] = number
        return number

    def cached(self, event_id: uuid.UUID) -> int | None:
        """The same without asking the database, also outside an application's context; None where that would
        be needed. Up to twice as old, so that it holds between two readings while phones wait."""
        with self._lock:
            if self._is_old(2) or event_id not in self._numbers:
                return None
            self._watched[event_id] = True
            return self._numbers[event_id]

    def read(self) -> dict[uuid.UUID, int]:
        """All of them, read now unless another thread did within the interval, or does."""
        self._read_if_old()
        with self._lock:
            return dict(self._numbers)

    def _is_old(self, times: int = 1) -> bool:
        good_for = self._config.get("VERSIONS_KEPT_SECONDS", READ_EVERY_SECONDS)
        return time.monotonic() - self._read_at >= times * float(good_for)

    def _read_if_old(self) -> None:
        with self._lock:
            if not self._is_old():
                return
            # The time first: what is stored while this reads is seen by the next one.
            self._read_at = time.monotonic()
            numbers = {event_id: self._numbers.get(event_id, 0) for event_id in self._watched}
        numbers |= _changed_from(numbers)
        with self._lock:
            self._numbers = numbers


def _changed_from(numbers: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, int]:
    """The versions that are others now than these: on a morning a few of eight hundred."""
    if not is_postgres():
        stored = _stored(list(numbers))
        return {event_id: stored.get(event_id, 0) for event_id in numbers}
    read = [{"event": event_id.hex, "n": n} for event_id, n in numbers.items()]
    return dict(retried(lambda: run_for(_OTHERS, read)))


def _stored(ids: list[uuid.UUID]) -> dict[Any, Any]:
    return dict(retried(lambda: run(_STORED, {"ids": ids})))


def version_of(event_id: uuid.UUID, *, fresh: bool = False) -> int:
    """The version of an event, at most `READ_EVERY_SECONDS` old, or `fresh`; 0 before its first change."""
    return versions().of(event_id, fresh=fresh)


def versions() -> Versions:
    """Those of the running application."""
    here: Versions | None = current_app.extensions.get(_EXTENSION)
    if here is None:
        here = current_app.extensions.setdefault(_EXTENSION, Versions(current_app.config))
    return here


class Versioned(Protocol):
    """What was read of an event: good while its version is this, and until a moment."""

    @property
    def version(self) -> int: ...
    @property
    def until(self) -> datetime: ...
    @property
    def size(self) -> int: ...


Value = TypeVar("Value", bound=Versioned)


class VersionCache(Generic[Value]):
    """What a process has read of events, by a key, within a bound of bytes. Of several threads that want the
    same new value, one reads it."""

    def __init__(self, most_bytes: int):
        self._values: LRUCache[Hashable, Value] = LRUCache(most_bytes, getsizeof=lambda value: value.size)
        self._lock = threading.Lock()
        self._making = [threading.Lock() for _ in range(_LOCKS)]

    def get(self, key: Hashable, version: int, now: datetime, make: Callable[[], Value]) -> Value:
        """The value of this version, made where it is not there. `version` has to be read before `make` is
        called: a change that comes while it reads is then seen by the next look."""
        value = self.find(key, version, now)
        if value is None:
            with self._making[hash(key) % _LOCKS]:
                value = self.find(key, version, now)
                if value is None:
                    value = make()
                    self.keep(key, value)
        return value

    def find(self, key: Hashable, version: int, now: datetime) -> Value | None:
        """The value of this version, where it is there."""
        value = self.last(key)
        return value if value is not None and value.version == version and now < value.until else None

    def keep(self, key: Hashable, value: Value) -> None:
        """Keep a value that was read before anybody wants it."""
        with self._lock:
            self._values[key] = value

    def last(self, key: Hashable) -> Value | None:
        """The value there is, of any version."""
        with self._lock:
            value: Value | None = self._values.get(key)
            return value

    def clear(self) -> None:
        """Forget everything: for tests, whose databases have the same events again."""
        with self._lock:
            self._values.clear()


def line_versions(app: Flask) -> dict[str, int]:
    """The current version of every line that was looked at in this process lately, by its event's hex."""
    with app.app_context():
        return {event_id.hex: n for event_id, n in versions().read().items()}


def _others() -> Any:
    """PostgreSQL: of the given rows those with another version, and that. An IN of eight hundred parameters
    takes eight times as long in Python, and as many rows come back."""
    read, stored = given_rows({"event": Uuid(), "n": Integer()}), LineVersion.__table__
    n = func.coalesce(stored.c.n, 0)
    both = read.outerjoin(stored, stored.c.event_id == read.c.event)
    return select(read.c.event, n).select_from(both).where(n != read.c.n)


_OTHERS = CachedStatement(_others)
_STORED = CachedStatement(
    lambda: select(LineVersion.event_id, LineVersion.n).where(
        LineVersion.event_id.in_(bindparam("ids", expanding=True))
    )
)
