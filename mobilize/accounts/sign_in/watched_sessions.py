"""Watched sessions: whether browsers that ask every few seconds are still signed in as they were, in one
question for all of them (docs/decisions/0034)."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from cachetools import TTLCache
from sqlalchemy import bindparam, select

from mobilize.accounts.models import Person, RoleTerm, SignedInSession
from mobilize.fast.statements import CachedStatement, retried, run

READ_EVERY_SECONDS = 1.0
# So often at least a request is checked like any other: that keeps its session from idling, and a role that
# ends with its last day changes no row.
CHECKED_EVERY_SECONDS = 60.0
MOST_WATCHED = 2000

# All that decides who somebody is and what they may see: a row for each role they ever had.
_SessionState = frozenset[tuple[Any, ...]]


class WatchedSessions:
    """The sessions watched in this process, read at most every `READ_EVERY_SECONDS`, by one thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of what is below, for moments
        self._watched: TTLCache[bytes, bool] = TTLCache(MOST_WATCHED, CHECKED_EVERY_SECONDS)
        self._states: dict[bytes, _SessionState] = {}
        # The beginning and the end of the last reading, in seconds of the monotonic clock.
        self._read_at = self._was_read_at = float("-inf")

    def still(self, token_hash: bytes, checked_at: float) -> Callable[[], bool] | None:
        """What tells without a question whether this session is what it was when a request of it was
        checked, at `checked_at` of the monotonic clock. None where it was not watched before; now it is."""
        with self._lock:
            self._watched[token_hash] = True
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
            return not self._is_old() and self._states.get(token_hash) == state

    def _is_old(self) -> bool:
        return time.monotonic() - self._read_at > READ_EVERY_SECONDS

    def _read_if_old(self) -> None:
        with self._lock:
            if not self._is_old():
                return
            self._read_at, hashes = time.monotonic(), list(self._watched)
        states = _session_states(hashes)
        with self._lock:
            self._states, self._was_read_at = states, time.monotonic()


def _session_states(hashes: list[bytes]) -> dict[bytes, _SessionState]:
    rows = defaultdict(set)
    for token_hash, *state in retried(lambda: run(_SESSION_STATES, {"hashes": hashes})):
        rows[token_hash].add(tuple(state))
    return {token_hash: frozenset(of_one) for token_hash, of_one in rows.items()}


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
