"""Settings that the office changes in the browser: rows that stand over the values of the environment.

`mobilize.settings()` alone reads them, by a connection of its own and at most every five seconds in each
process: no check-in asks for them. While the database is away, the last ones that were read count.
"""

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import cast

from flask import Flask, current_app
from sqlalchemy import String, event, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

import config
from config import BadSetting, Settings
from mobilize.database import Model, atomic, db, insert

READ_EVERY_S = 5
_KEY = "mobilize.settings"
_log = logging.getLogger(__name__)


class StoredSetting(Model):
    """The value of one setting of `config.IN_THE_BROWSER`, in place of the environment's."""

    __tablename__ = "stored_settings"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(64))


def init_app(app: Flask) -> None:
    """Make `current` available in the application's context; what was read before is forgotten."""
    app.extensions[_KEY] = _Reader()


def current(app: Flask) -> Settings:
    """What the environment says, with what is stored over it."""
    chosen: Settings = app.config["MOBILIZE"]
    reader: _Reader | None = app.extensions.get(_KEY)
    return reader.current(chosen) if reader else chosen


def read() -> dict[str, str]:
    """The stored values by their names, as they are at this moment."""
    with db.engine.connect() as connection:
        rows = connection.execute(select(StoredSetting.name, StoredSetting.value))
        return {row.name: row.value for row in rows}


def store(values: Mapping[str, str], *, by: str, now: datetime) -> None:
    """Store each value under its name, checked before by the caller; a stored one is replaced. This process
    sees them once the transaction is committed, every other one within five seconds."""
    rows = [{"name": name, "value": value} for name, value in values.items()]
    with atomic() as session:
        row = insert(StoredSetting).values(changed_at=now, changed_by=by)
        new = row.excluded
        changes = {"value": new.value, "changed_at": new.changed_at, "changed_by": new.changed_by}
        for one in rows:
            session.execute(row.values(one).on_conflict_do_update(index_elements=["name"], set_=changes))
        reader = cast(_Reader, current_app.extensions[_KEY])
        event.listen(session, "after_commit", reader.forget, once=True)


class _Reader:
    """The settings of this process, with what is stored; read again when they are five seconds old."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stored: dict[str, str] = {}
        self._kept: tuple[Settings, Settings] | None = None
        self._read_at = 0.0

    def current(self, chosen: Settings) -> Settings:
        kept = self._kept
        if kept is not None and kept[0] is chosen and time.monotonic() < self._read_at:
            return kept[1]
        # One thread reads; the others go on with what there is.
        if not self._lock.acquire(blocking=kept is None or kept[0] is not chosen):
            return kept[1] if kept else chosen
        try:
            return self._read(chosen)
        finally:
            self._lock.release()

    def forget(self, _session: Session | None = None) -> None:
        self._read_at = 0.0

    def _read(self, chosen: Settings) -> Settings:
        before = self._stored
        self._read_at = time.monotonic() + READ_EVERY_S
        with suppress(SQLAlchemyError):  # the database is away, or has no such table yet
            self._stored = read()
        # Unchanged, they are the same object: pages that are cached go by it.
        if self._kept is None or self._kept[0] is not chosen or self._stored != before:
            self._kept = chosen, _with_stored(chosen, self._stored)
        return self._kept[1]


def _with_stored(chosen: Settings, stored: Mapping[str, str]) -> Settings:
    try:
        return config.with_stored(chosen, stored)
    except BadSetting as wrong:
        # Stored by another release, or on a machine with other time zones.
        _log.error("a stored setting is not used: %s", wrong)
        return chosen
