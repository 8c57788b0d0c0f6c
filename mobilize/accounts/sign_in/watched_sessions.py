"""Watched sessions: whether browsers that ask every few seconds are still signed in as they were, in one
question for all of them (docs/decisions/0034)."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from cachetools import TTLCache
from flask import Flask
from sqlalchemy import bindparam, select

from mobilize.accounts.models import Person, RoleTerm, SignedInSession
from mobilize.fast.statements import CachedStatement, retried, run

# A server's thread reads them so often, so that hardly a request has to; and requests where there is none.
FOLLOWED_EVERY_SECONDS, READ_EVERY_SECONDS = 0.5, 1.0
# What was read this long ago tells nothing any more.
GOOD_FOR_SECONDS = 2.0
# So often at least a request is checked like any other: that keeps its session from idling, and a role that
# ends with its last day changes no row.
CHECKED_EVERY_SECONDS = 60.0
MOST_WATCHED = 2000

# All that decides who somebody is and what they may see: a row for each role they ever had.
_SessionState = frozenset[tuple[Any, ...]]

_log = logging.getLogger(__name__)


class WatchedSessions:
    """The sessions watched in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of what is below, for moments
        self._any = threading.Event()
        self._watched: TTLCache[bytes, bool] = TTLCache(MOST_WATCHED, CHECKED_EVERY_SECONDS)
        self._states: dict[bytes, _SessionState] = {}
        # When the last reading began; and when the one began and ended that gave these states. Seconds of the
        # monotonic clock.
        self._begun_at = self._read_at = self._was_read_at = float("-inf")

    def still(self, token_hash: bytes, checked_at: float) -> Callable[[], bool] | None:
        """What tells without a question whether this session is what it was when a request of it was
        checked, at `checked_at` of the monotonic clock. None where it was not watched before; now it is."""
        with self._lock:
            self._watched[token_hash] = True
            self._any.set()
            # Read before the check, so that whatever changed since either failed it or shows here.
            before = self._states.get(token_hash) if self._was_read_at <= checked_at else None
        self._read_if_old()
        if before is None:
            return None
        until = checked_at + CHECKED_EVERY_SECONDS
        return lambda: time.monotonic() < until and self._is(token_hash, before)

    def _is(self, token_hash: bytes, state: _SessionState) -> bool:
        with self._lock:
            self._watched[token_hash] = True
            is_good = time.monotonic() - self._read_at <= GOOD_FOR_SECONDS
            return is_good and self._states.get(token_hash) == state

    def forget(self) -> None:
        """Watch none any more."""
        with self._lock:
            self._watched.clear()

    def follow(self, app: Flask) -> None:
        """Read them again and again, in a thread of its own, while there are any. Once in each process of a
        server: without it every second some of those who ask wait until one of them has read."""
        threading.Thread(target=self._follow, args=(app,), name="sessions", daemon=True).start()

    def _follow(self, app: Flask) -> None:
        while self._any.wait():
            time.sleep(FOLLOWED_EVERY_SECONDS)
            try:
                with app.app_context():
                    self._read()
            except Exception:  # then requests are checked like any other
                _log.warning("the watched sessions could not be read", exc_info=True)
            with self._lock:
                if not self._watched:
                    self._any.clear()

    def _read_if_old(self) -> None:
        with self._lock:
            if time.monotonic() - self._begun_at <= READ_EVERY_SECONDS:
                return
            self._begun_at = time.monotonic()
        self._read()

    def _read(self) -> None:
        with self._lock:
            self._begun_at = begun_at = time.monotonic()
            hashes = list(self._watched)
        states = _session_states(hashes)
        with self._lock:
            if begun_at >= self._read_at:
                self._states, self._read_at, self._was_read_at = states, begun_at, time.monotonic()


def _session_states(hashes: list[bytes]) -> dict[bytes, _SessionState]:
    rows = defaultdict(set)
    for token_hash, *state in retried(lambda: run(_SESSION_STATES, {"hashes": hashes})):
        rows[token_hash].add(tuple(state))
    return {token_hash: frozenset(of_one) for token_hash, of_one in rows.items()}


watched_sessions = WatchedSessions()
_SESSION_STATES = CachedStatement(
    lambda: (
        select(
            SignedInSession.token_hash,
            SignedInSession.ends_at,
            SignedInSession.second_asked,
            SignedInSession.second_at,
            Person.restarted_at,
            RoleTerm.role,
            RoleTerm.site_id,
            RoleTerm.area_id,
            RoleTerm.from_on,
            RoleTerm.to_on,
            RoleTerm.granted_at,
        )
        .join(Person, Person.id == SignedInSession.person_id)
        .outerjoin(RoleTerm, RoleTerm.person_id == Person.id)
        .where(
            SignedInSession.token_hash.in_(bindparam("hashes", expanding=True)),
            SignedInSession.ended_at.is_(None),
        )
    )
)
