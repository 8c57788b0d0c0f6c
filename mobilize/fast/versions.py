"""Version numbers of lines: raised by whatever changes what a line's phones see, and compared before anything
is read (docs/decisions/0020).

A number is raised in the transaction of the change, as its last step. Each process reads the numbers of the
events that are looked at in it at most twice a second, all of them in one question.
"""

import threading
import time
import uuid
from typing import Any

from cachetools import TTLCache
from flask import Flask, current_app
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mobilize.database import Model, before_commit, db, insert
from mobilize.fast.statements import CachedStatement, retried, run

READ_EVERY_SECONDS = 0.5
# An event nobody has looked at for so long is not asked about any more.
FORGOTTEN_AFTER_SECONDS = 60.0
MOST_EVENTS = 5000
_CHANGED = "changed events"


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
    """The versions of the events looked at in this process, at most `READ_EVERY_SECONDS` old."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[uuid.UUID, int] = {}
        self._watched: TTLCache[uuid.UUID, bool] = TTLCache(
            MOST_EVENTS, FORGOTTEN_AFTER_SECONDS, timer=lambda: time.monotonic()
        )
        self._read_at = float("-inf")

    def of(self, event_id: uuid.UUID, *, fresh: bool = False) -> int:
        """The version of an event; 0 before its first change. `fresh`: as it is stored now."""
        with self._lock:
            self._watched[event_id] = True
            if event_id not in self._numbers or self._is_old():
                self._read()
            elif fresh:
                self._numbers[event_id] = self._stored([event_id]).get(event_id, 0)
            return self._numbers[event_id]

    def read(self) -> dict[uuid.UUID, int]:
        """All of them, read now unless another thread did within the interval."""
        with self._lock:
            if self._is_old():
                self._read()
            return dict(self._numbers)

    def _is_old(self) -> bool:
        good_for = current_app.config.get("VERSIONS_KEPT_SECONDS", READ_EVERY_SECONDS)
        return time.monotonic() - self._read_at >= float(good_for)

    def _read(self) -> None:
        # The time first: what is stored while this reads is seen by the next one.
        self._read_at, ids = time.monotonic(), list(self._watched)
        stored = self._stored(ids)
        self._numbers = {event_id: stored.get(event_id, 0) for event_id in ids}

    def _stored(self, ids: list[uuid.UUID]) -> dict[Any, Any]:
        return dict(retried(lambda: run(_STORED, {"ids": ids})))


def version_of(event_id: uuid.UUID, *, fresh: bool = False) -> int:
    """The version of an event, at most `READ_EVERY_SECONDS` old, or `fresh`; 0 before its first change."""
    return versions().of(event_id, fresh=fresh)


def versions() -> Versions:
    """Those of the running application."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    here: Versions = app.extensions.setdefault("mobilize versions", Versions())
    return here


def line_versions(app: Flask) -> dict[str, int]:
    """The current version of every line that was looked at in this process lately, by its event's hex."""
    with app.app_context():
        return {event_id.hex: n for event_id, n in versions().read().items()}


_STORED = CachedStatement(
    lambda: select(LineVersion.event_id, LineVersion.n).where(
        LineVersion.event_id.in_(bindparam("ids", expanding=True))
    )
)
