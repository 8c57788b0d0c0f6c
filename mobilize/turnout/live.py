"""The board as many people watch it at once: counted at most once a second in each process.

While nothing happens, it is not even counted: a few cheap questions tell that nothing was added. And while
people stream in, only the members about whom there is newer evidence are looked at again.
"""

import gzip
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from cachetools import LRUCache
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.scope import Scope
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.roster.models import Site
from mobilize.turnout.figures import Board
from mobilize.turnout.queries import Seen, board, closed_board, see, see_again
from mobilize.turnout.signs import Signs, recent_evidence, signs_of, taken_back_since
from mobilize.turnout.tally import Key

# An answer this old (seconds) is counted anew, if anything happened at all.
KEEP = 1.0
# And this old whatever the cheap questions say: they do not ask about the roster, nor about settings.
KEEP_AT_MOST = 30.0
ACTIONS_KEPT = 16
SAID_BYTES = 32 << 20
# A tenth of the bytes, for a phone on the road; higher levels of gzip win little and take long.
QUICKLY = 1


@dataclass(frozen=True, slots=True)
class Said:
    """A board as it was written down for somebody: the bytes, also compressed, and the name of this state.

    They may be compressed: they hold figures alone, no token, and nothing that the asker has typed.
    """

    body: bytes
    gzipped: bytes
    etag: str


@dataclass(slots=True)
class _Look:
    """What a board was made of; when everybody was looked at last; the newest evidence that is in it."""

    seen: Seen
    all_seen: float
    recent: dict[str, Key]


@dataclass(slots=True)
class _Kept:
    """A board, when it was counted and last looked after, and what it looked like behind it."""

    board: Board
    counted: float
    asked: float
    signs: Signs
    quiet: bool
    look: _Look | None


def written(what: Mapping[str, object]) -> Said:
    """As JSON."""
    body = json.dumps(what, ensure_ascii=False).encode()
    return Said(
        body, gzip.compress(body, QUICKLY, mtime=0), hashlib.blake2b(body, digest_size=12).hexdigest()
    )


_kept: LRUCache[UUID, _Kept] = LRUCache(ACTIONS_KEPT)
_said: LRUCache[Any, tuple[Board, Said]] = LRUCache(
    SAID_BYTES, getsizeof=lambda cached: len(cached[1].body) + len(cached[1].gzipped)
)
# One thread counts, the others wait for its answer.
_one_counts = threading.Lock()
_said_lock = threading.Lock()


def board_for(action: Action, scope: Scope, *, oldest: float = KEEP) -> Board | None:
    """What `scope` sees of an action's board, at most `oldest` seconds old; None when that is nothing.

    A whole union's board for whoever sees everything; else only the chapters in scope, without "no site".
    """
    return _seen_by(_fresh(action, oldest), scope)


def said_for(
    action: Action, scope: Scope, way: tuple[object, ...], write: Callable[[Board], Said]
) -> Said | None:
    """What `write` made of the board that `scope` sees, kept while the board is the same; None for nothing.

    `way` tells apart what is written differently for the same scope: language, with a page or without.
    """
    whole = _fresh(action, KEEP)
    key = (action.id, scope, way)
    with _said_lock:
        held = _said.get(key)
    if held and held[0] is whole:
        return held[1]
    visible = _seen_by(whole, scope)
    if visible is None:
        return None
    said = write(visible)
    with _said_lock:
        _said[key] = (whole, said)
    return said


def forget() -> None:
    """Count anew next time. For tests, and after what changes figures at once."""
    with _one_counts, _said_lock:
        _kept.clear()
        _said.clear()


def _seen_by(whole: Board, scope: Scope) -> Board | None:
    if scope.everything:
        return whole
    visible = whole.of_sites(set(db.session.scalars(scope.limit(select(Site.id)))))
    return visible if visible.chapters else None


def _fresh(action: Action, oldest: float) -> Board:
    with _one_counts:
        held = _kept.get(action.id)
        if held is None:
            return _count(action)
        if time.monotonic() - held.asked <= oldest:
            return held.board
        signs = signs_of(action)
        if held.quiet and time.monotonic() - held.counted < KEEP_AT_MOST and signs == held.signs:
            held.asked = time.monotonic()
            return held.board
        return _count(action, signs)


def _count(action: Action, signs: Signs | None = None) -> Board:
    # The signs first: what happens in between is then seen as a change, and counted again.
    started = time.monotonic()
    signs = signs or signs_of(action)
    held = _kept.get(action.id)
    closed = closed_board(action)
    look = None if closed else _look(action, held, signs, started)
    counted = replace(closed or board(action, seen=look.seen if look else None), as_of=clock.now())
    if held and held.board == counted:
        counted = held.board  # the same figures: what was written of them stays good
    _kept[action.id] = _Kept(counted, started, started, signs, signs.settled, look)
    return counted


def _look(action: Action, held: _Kept | None, signs: Signs, now: float) -> _Look:
    """At everything; or only at what has newer evidence, when nothing else changed since the last look."""
    look = held.look if held and held.signs.steady == signs.steady else None
    if held is None or look is None or now - look.all_seen > KEEP_AT_MOST:
        recent = recent_evidence(action, signs)  # before the look: what comes meanwhile is looked at twice
        return _Look(see(action), now, recent)
    recent = recent_evidence(action, held.signs)
    keys = {key for one, key in recent.items() if one not in look.recent}
    if signs.taken_back != held.signs.taken_back:
        keys |= taken_back_since(action, held.signs)
    see_again(action, look.seen, keys, counts=signs.counts != held.signs.counts)
    look.recent = recent
    return look
