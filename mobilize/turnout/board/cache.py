"""Cache of live boards, for many viewers at once: counted at most once a second.

A few cheap queries tell whether anything was added; where nothing was, nothing is counted. While people
arrive, only the members about whom there is newer evidence are counted again. `drawing_cache` keeps what is
drawn of them.
"""

import threading
import time
from dataclasses import dataclass, replace
from uuid import UUID

from cachetools import LRUCache

from mobilize import clock
from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action
from mobilize.database.replica import from_replica
from mobilize.turnout.board.change_detection import Fingerprint, recent_evidence, signs_of, taken_back_since
from mobilize.turnout.figures.counter import AttendanceKey
from mobilize.turnout.figures.queries import BoardData, board, closed_board, load_data, refresh_data
from mobilize.turnout.figures.types import Board

# An answer this old (seconds) is counted anew, if anything happened at all.
KEEP = 1.0
# And this old whatever the cheap questions say: they do not ask about the roster, nor about settings.
KEEP_AT_MOST = 30.0
ACTIONS_KEPT = 16
# While one thread counts, the others show what was counted before, if that was checked so lately (seconds).
SHOWN_MEANWHILE = 10.0


@dataclass(slots=True)
class _Look:
    """The parts of a board; the time at which all of it was last loaded; the newest evidence that is in
    it."""

    data: BoardData
    loaded: float
    recent: dict[str, AttendanceKey]


@dataclass(slots=True)
class CountedBoard:
    """A board, when it was counted and last checked for changes, and the signs and data behind it."""

    board: Board
    counted: float
    checked: float
    signs: Fingerprint
    quiet: bool
    look: _Look | None


_counted: LRUCache[UUID, CountedBoard] = LRUCache(ACTIONS_KEPT)
_lock = threading.Lock()  # of these, for moments
# One thread counts. The others wait for its answer only where there is none before: with all who look at a
# board waiting, no thread would be left for check-ins.
_one_counts = threading.Lock()


def board_for(action: Action, scope: Scope, *, oldest: float | None = None) -> Board | None:
    """The part of an action's board that `scope` sees, at most `oldest` seconds old (`KEEP` unless said);
    None when that is nothing.

    A whole union's board for whoever sees everything; else only the chapters in scope, without "no site".
    """
    return visible_to(whole_board(action, KEEP if oldest is None else oldest), scope)


def visible_to(whole: Board, scope: Scope) -> Board | None:
    """The part of a whole board that `scope` sees; None when that is nothing."""
    if scope.everything:
        return whole
    visible = whole.of_sites({c.site_id for c in whole.chapters if scope.sees_place(c.site_id, c.area_id)})
    return visible if visible.chapters else None


def counted_before(action_id: UUID) -> CountedBoard | None:
    """What was counted last, without asking the database."""
    with _lock:
        counted: CountedBoard | None = _counted.get(action_id)
        return counted


def forget() -> None:
    """Count anew next time: for tests."""
    with _one_counts, _lock:
        _counted.clear()


def whole_board(action: Action, oldest: float) -> Board:
    """The board of everybody. Nobody may be shown it without `visible_to`."""
    if not _one_counts.acquire(blocking=False):
        before = counted_before(action.id)
        if before and oldest > 0 and time.monotonic() - before.checked <= oldest + SHOWN_MEANWHILE:
            return before.board
        _one_counts.acquire()
    try:
        return _fresh_of_one(action, oldest)
    finally:
        _one_counts.release()


def _fresh_of_one(action: Action, oldest: float) -> Board:
    held = counted_before(action.id)
    if held and time.monotonic() - held.checked <= oldest:
        return held.board
    # A first look, perhaps at an action that was made a second ago, and one without delay: not older than
    # this moment, wherever it is read.
    return from_replica(lambda: _look_again(action, held), fresh=held is None or not oldest)


def _look_again(action: Action, held: CountedBoard | None) -> Board:
    if held is None:
        return _count(action)
    signs = signs_of(action)
    if held.quiet and time.monotonic() - held.counted < KEEP_AT_MOST and signs == held.signs:
        held.checked = time.monotonic()
        return held.board
    return _count(action, signs)


def _count(action: Action, signs: Fingerprint | None = None) -> Board:
    # The signs first: what happens in between is then seen as a change, and counted again.
    started = time.monotonic()
    signs = signs or signs_of(action)
    held = counted_before(action.id)
    closed = closed_board(action)
    look = None if closed else _look(action, held, signs, started)
    counted = replace(closed or board(action, data=look.data if look else None), as_of=clock.now())
    if held and held.board == counted:
        counted = held.board  # the same figures: what was written of them stays good
    with _lock:
        _counted[action.id] = CountedBoard(counted, started, started, signs, signs.settled, look)
    return counted


def _look(action: Action, held: CountedBoard | None, signs: Fingerprint, now: float) -> _Look:
    """At everything; or only at what has newer evidence, when nothing else changed since the last look."""
    look = held.look if held and held.signs.steady == signs.steady else None
    if held is None or look is None or now - look.loaded > KEEP_AT_MOST:
        recent = recent_evidence(action, signs)  # before the look: what comes meanwhile is looked at twice
        return _Look(load_data(action), now, recent)
    recent = recent_evidence(action, held.signs)
    keys = {key for one, key in recent.items() if one not in look.recent}
    if signs.taken_back != held.signs.taken_back:
        keys |= taken_back_since(action, held.signs)
    refresh_data(action, look.data, keys, counts=signs.counts != held.signs.counts)
    look.recent = recent
    return look
