"""Cache of drawings of live boards: drawn once for all who look at the same, by a process that does nothing
else (`drawer`). Where there is none, or it is late, each process draws what is looked at in it.
"""

import gzip
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cachetools import LRUCache, TTLCache
from flask import Response, request

from mobilize.actions.models import Action
from mobilize.fast.shared_drawings import SharedDrawings
from mobilize.turnout.board import cache
from mobilize.turnout.board.cache import SHOWN_MEANWHILE, counted_before, visible_to, whole_board
from mobilize.turnout.board.drawing.drawings import Drawing, DrawingKey, draw
from mobilize.turnout.figures.types import Board
from mobilize.web.http_compression import accepts_gzip
from mobilize.web.repeated_answers import Again, Current
from mobilize.web.server import PROCESSES_FOLDER

DRAWING_BYTES = 32 << 20
# Whoever is to have a board drawn anew is waited for so long, and then somebody else is (seconds).
DRAWN_WITHIN = 2.0
# What the drawer draws is waited for longer (seconds): it is late when the machine is busy, and two that draw
# would make it busier.
LEFT_TO_THE_DRAWER = 8.0
# Counting and drawing in a process that has members to answer take at most this part of a processor, all
# boards together: with many areas on a slow machine boards are late, and check-ins are not.
MOST_BESIDE_MEMBERS = 0.15
# What was last looked at so long ago (seconds) is drawn for nobody.
LOOKED_AT = 10.0
# How often the folder is looked into for what was drawn; how often it is said there what is looked at, and
# seen to that somebody draws; and how soon another drawer is started (seconds).
FOLLOWED_EVERY, REQUESTED_EVERY, STARTED_EVERY = 0.25, 2.0, 20.0


@dataclass(slots=True)
class _Kept:
    """A drawing and the board it was drawn of, when that was, from when on it is drawn anew once that has
    changed, and when it was last asked for. Of the drawer's there is no board, and it has a `stamp`."""

    board: Board | None
    drawing: Drawing
    at: float
    again_at: float
    asked_at: float
    stamp: int = 0


_kept: LRUCache[DrawingKey, _Kept] = LRUCache(
    DRAWING_BYTES, getsizeof=lambda kept: len(kept.drawing.body) + len(kept.drawing.gzipped)
)
# How much of a processor (seconds) each took, of those that somebody looks at.
_costs: TTLCache[DrawingKey, float] = TTLCache(1000, LOOKED_AT)
_being_drawn: set[DrawingKey] = set()
_lock = threading.Lock()  # of all these, for moments
_folder = os.environ.get(PROCESSES_FOLDER)
_shared = SharedDrawings(Path(_folder)) if _folder else None
_follower: threading.Thread | None = None
_drawer: "subprocess.Popen[bytes] | None" = None
_started_at = float("-inf")


def drawing_of(action: Action, key: DrawingKey) -> Drawing | None:
    """The drawing of the board that `key.scope` sees, kept while the board is the same; None for nothing."""
    if _shared is None:
        return draw_here(action, key)
    _shared.request(key.to_json())
    drawn = _drawn_by_the_drawer(_shared, key)
    drawing = drawn.drawing if drawn and time.monotonic() < drawn.again_at else draw_here(action, key)
    _follow_the_drawer()
    return drawing


def draw_here(action: Action, key: DrawingKey) -> Drawing | None:
    """The same, drawn in this process unless its last drawing is good."""
    began = time.thread_time()
    whole = whole_board(action, cache.KEEP)
    with _lock:
        kept = _kept.get(key)
        is_same = kept is not None and kept.board is whole
        is_new = is_same or (kept is not None and time.monotonic() - kept.at <= cache.KEEP)
        if kept and is_same:
            # As after a quick drawing: how often a look is sent on tells nobody whether anything changed.
            kept.again_at = time.monotonic() + cache.KEEP
        if kept and (is_new or key in _being_drawn):
            return kept.drawing
        _being_drawn.add(key)
    try:
        visible = visible_to(whole, key.scope)
        if visible is None:
            return None
        drawing, at = draw(key, action, visible), time.monotonic()
        with _lock:
            _costs[key] = time.thread_time() - began
            again_at = at + max(cache.KEEP, sum(_costs.values()) / MOST_BESIDE_MEMBERS)
            _kept[key] = _Kept(whole, drawing, at, again_at, asked_at=at)
        return drawing
    finally:
        with _lock:
            _being_drawn.discard(key)


def drawn_lately(key: DrawingKey) -> Drawing | None:
    """What `drawing_of` would give while nothing is counted anew, without looking the action up: whether its
    scope sees it was asked when that was drawn. None for whoever is to have it drawn anew: one each time it
    is old, while the others go on with it, for `SHOWN_MEANWHILE` at most."""
    # In the event loop: nothing in here, and nothing that holds the lock, may wait for a disk or a database.
    now, counted = time.monotonic(), counted_before(key.action_id)
    with _lock:
        kept = _kept.get(key)
        if kept is None:
            return None
        kept.asked_at = now
        checked = kept.at if kept.board is None or counted is None else counted.checked
        if counted is not None and kept.board is counted.board and now - checked <= cache.KEEP:
            return kept.drawing
        if now >= kept.again_at:
            kept.again_at = now + DRAWN_WITHIN
            return None
        return kept.drawing if now - checked <= cache.KEEP + SHOWN_MEANWHILE else None


def repeated(key: DrawingKey, holds: Callable[[], bool]) -> Again:
    """How a drawing is given again to the browser that asks now, while this `holds`."""
    squeezed = accepts_gzip()
    always = {"Content-Type": "application/json"} | ({"Content-Encoding": "gzip"} if squeezed else {})

    def again(_etags: str) -> Current | None:
        drawing = drawn_lately(key) if holds() else None
        if drawing is None:
            return None
        body = drawing.gzipped if squeezed else drawing.body
        return Current(always | {"ETag": f'W/"{drawing.etag}"', "Content-Length": str(len(body))}, body)

    return again


def to_response(drawing: Drawing) -> Response:
    """Compressed for whoever takes that; 304 to whoever names its ETag."""
    squeezed = accepts_gzip()
    response = Response(drawing.gzipped if squeezed else drawing.body, mimetype="application/json")
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.add("Accept-Encoding")
    if squeezed:
        response.content_encoding = "gzip"
    # The same tag for both: it names the figures, not the bytes.
    response.set_etag(drawing.etag, weak=True)
    return response.make_conditional(request)  # type: ignore[return-value]


def forget() -> None:
    """Draw anew next time: for tests."""
    with _lock:
        _kept.clear()
        _costs.clear()


def _follow_the_drawer() -> None:
    global _follower
    with _lock:
        if _follower is None or not _follower.is_alive():
            _follower = threading.Thread(target=_follow, name="boards", daemon=True)
            _follower.start()


def _follow() -> None:
    """The thread of each process, while somebody looks at a board."""
    said_at = float("-inf")
    while _shared is not None and _looked_at():
        if time.monotonic() - said_at >= REQUESTED_EVERY:
            said_at = time.monotonic()
            say_what_is_looked_at(_shared)
        take_over(_shared)
        time.sleep(FOLLOWED_EVERY)


def say_what_is_looked_at(shared: SharedDrawings) -> None:
    """Tell the drawer what is looked at here, and start one where there is none."""
    looked_at = _looked_at()
    for key in looked_at:
        shared.request(key.to_json())
    if looked_at:
        _start_a_drawer(shared)


def take_over(shared: SharedDrawings) -> None:
    """Show from now on what was drawn since, of all that is looked at here."""
    for key, stamp in _looked_at().items():
        _drawn_by_the_drawer(shared, key, after=stamp)


def _looked_at() -> dict[DrawingKey, int]:
    """With the stamp of what is shown."""
    oldest = time.monotonic() - LOOKED_AT
    with _lock:
        return {key: kept.stamp for key, kept in _kept.items() if kept.asked_at > oldest}


def _drawn_by_the_drawer(shared: SharedDrawings, key: DrawingKey, *, after: int = 0) -> _Kept | None:
    """What is there of it, if it is newer than what is shown."""
    newer = shared.find(key.to_json(), after=after)
    if newer is None:
        return None
    drawing = Drawing(gzip.decompress(newer.gzipped), newer.gzipped, newer.etag)
    with _lock:
        before = _kept.get(key)
        if before and newer.at <= before.at:
            return before
        asked_at = before.asked_at if before else time.monotonic()
        again_at = newer.at + LEFT_TO_THE_DRAWER
        _kept[key] = kept = _Kept(None, drawing, newer.at, again_at, asked_at, newer.stamp)
    return kept


def _start_a_drawer(shared: SharedDrawings) -> None:
    """A process that inherits the drawer's lock, and ends when this one does: with the pipe between them."""
    global _drawer, _started_at
    if _drawer is not None:
        _drawer.poll()
    lock = shared.lock() if time.monotonic() - _started_at >= STARTED_EVERY else None
    if lock is None:
        return
    _started_at = time.monotonic()
    command = [sys.executable, "-m", "mobilize.turnout.board.drawing.drawer", str(lock.fileno())]
    with lock, suppress(OSError):
        _drawer = subprocess.Popen(command, pass_fds=[lock.fileno()], stdin=subprocess.PIPE)  # noqa: S603
