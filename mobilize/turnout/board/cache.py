"""Cache of the live board, for many viewers at once: counted at most once a second, and drawn by one process
for all of a server (`shared_drawings`).

A few cheap queries tell whether anything was added; where nothing was, nothing is counted. While people
arrive, only the members about whom there is newer evidence are counted again.
"""

import gzip
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from cachetools import LRUCache, TTLCache
from flask import Response, request

from mobilize import clock
from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action
from mobilize.database.replica import from_replica
from mobilize.fast.shared_drawings import SharedDrawing, SharedDrawings
from mobilize.turnout.board.change_detection import Fingerprint, recent_evidence, signs_of, taken_back_since
from mobilize.turnout.figures.counter import AttendanceKey
from mobilize.turnout.figures.queries import BoardData, board, closed_board, load_data, refresh_data
from mobilize.turnout.figures.types import Board
from mobilize.web.http_compression import accepts_gzip
from mobilize.web.repeated_answers import Again, Current
from mobilize.web.server import PROCESSES_FOLDER

# An answer this old (seconds) is counted anew, if anything happened at all.
KEEP = 1.0
# And this old whatever the cheap questions say: they do not ask about the roster, nor about settings.
KEEP_AT_MOST = 30.0
ACTIONS_KEPT = 16
RENDERED_BYTES = 32 << 20
# While one thread counts, the others show what was counted before, if that was checked so lately (seconds).
SHOWN_MEANWHILE = 10.0
# Whoever is to have a board drawn anew is waited for so long, and then somebody else is (seconds).
DRAWN_WITHIN = 2.0
# What another process draws for all is waited for longer (seconds): it is late when the machine is busy, and
# two that draw would make it busier.
LEFT_TO_THE_DRAWER = 8.0
# Counting and drawing take at most this part of a processor, all boards together: with many areas on a slow
# machine boards are late, and check-ins are not.
MOST_OF_A_PROCESSOR = 0.15
# What was last drawn so long ago (seconds) nobody looks at any more.
LOOKED_AT = 10.0
# How often the folder is looked into for what another process has drawn (seconds).
FOLLOWED_EVERY = 0.25
# A tenth of the bytes, for a phone on the road; higher levels of gzip win little and take long.
QUICKLY = 1


@dataclass(frozen=True, slots=True)
class Rendered:
    """A board rendered for somebody: the bytes, also compressed, and the name of this state.

    They may be compressed: they hold figures alone, no token, and nothing that the asker has typed.
    """

    body: bytes
    gzipped: bytes
    etag: str


@dataclass(slots=True)
class _Look:
    """The parts of a board; the time at which all of it was last loaded; the newest evidence that is in
    it."""

    data: BoardData
    loaded: float
    recent: dict[str, AttendanceKey]


@dataclass(slots=True)
class _Drawn:
    """What was rendered for somebody of a board, when, from when on it is drawn anew once that has changed,
    and when it was last asked for. Of another process's drawing there is no board, and it has a `stamp`."""

    board: Board | None
    rendered: Rendered
    at: float
    again_at: float
    asked_at: float
    stamp: int = 0


@dataclass(slots=True)
class _Kept:
    """A board, when it was counted and last checked for changes, and the signs and data behind it."""

    board: Board
    counted: float
    checked: float
    signs: Fingerprint
    quiet: bool
    look: _Look | None


def render_json(what: Mapping[str, object]) -> Rendered:
    """As JSON."""
    body = json.dumps(what, ensure_ascii=False).encode()
    return Rendered(
        body, gzip.compress(body, QUICKLY, mtime=0), hashlib.blake2b(body, digest_size=12).hexdigest()
    )


_kept: LRUCache[UUID, _Kept] = LRUCache(ACTIONS_KEPT)
_rendered: LRUCache[Any, _Drawn] = LRUCache(
    RENDERED_BYTES, getsizeof=lambda drawn: len(drawn.rendered.body) + len(drawn.rendered.gzipped)
)
# How much of a processor (seconds) each took, of those that somebody looks at.
_costs: TTLCache[Any, float] = TTLCache(1000, LOOKED_AT)
# One thread counts. The others wait for its answer only where there is none before: with all who look at a
# board waiting, no thread would be left for check-ins.
_one_counts = threading.Lock()
_being_rendered: set[Any] = set()
_lock = threading.Lock()  # of all these, for moments
_folder = os.environ.get(PROCESSES_FOLDER)
_shared = SharedDrawings(Path(_folder) if _folder else None)
_follower: threading.Thread | None = None


def board_for(action: Action, scope: Scope, *, oldest: float | None = None) -> Board | None:
    """The part of an action's board that `scope` sees, at most `oldest` seconds old (`KEEP` unless said);
    None when that is nothing.

    A whole union's board for whoever sees everything; else only the chapters in scope, without "no site".
    """
    return _visible_to(_fresh(action, KEEP if oldest is None else oldest), scope)


def rendered_lately(action_id: UUID, scope: Scope, way: tuple[object, ...]) -> Rendered | None:
    """What `rendered_for` would give while nothing is counted anew, without looking the action up: whether
    `scope` sees it was asked when that was rendered. None for whoever is to have it drawn anew: one each time
    it is old, while the others go on with it, for `SHOWN_MEANWHILE` at most."""
    return _lately(_key(action_id, scope, way), action_id)


def _lately(key: Any, action_id: UUID) -> Rendered | None:
    # In the event loop: nothing in here, and nothing that holds the lock, may wait for a disk or a database.
    now = time.monotonic()
    with _lock:
        kept, held = _kept.get(action_id), _rendered.get(key)
        if held is None:
            return None
        held.asked_at = now
        checked = held.at if held.board is None or kept is None else kept.checked
        if kept is not None and held.board is kept.board and now - checked <= KEEP:
            return held.rendered
        if now >= held.again_at:
            held.again_at = now + DRAWN_WITHIN
            return None
        return held.rendered if now - checked <= KEEP + SHOWN_MEANWHILE else None


def _follow() -> None:
    """The thread of a process that is not the drawer."""
    while not _shared.is_drawer():
        take_over()
        time.sleep(FOLLOWED_EVERY)


def take_over() -> None:
    """Show from now on what another process has drawn since, of all that is looked at here."""
    oldest = time.monotonic() - LOOKED_AT
    with _lock:
        stamps = {key: drawn.stamp for key, drawn in _rendered.items() if drawn.asked_at > oldest}
    for key, stamp in stamps.items():
        _drawn_by_another(key, after=stamp)


def _drawn_by_another(key: Any, *, after: int = 0) -> _Drawn | None:
    """What another process has drawn since, which draws it anew for all."""
    drawing = _shared.find(key, after=after)
    if drawing is None:
        return None
    rendered = Rendered(gzip.decompress(drawing.gzipped), drawing.gzipped, drawing.etag)
    again_at = drawing.again_at + LEFT_TO_THE_DRAWER
    with _lock:
        before = _rendered.get(key)
        asked_at = before.asked_at if before else time.monotonic()
        _rendered[key] = drawn = _Drawn(None, rendered, drawing.at, again_at, asked_at, drawing.stamp)
    return drawn


def _follow_the_drawer() -> None:
    global _follower
    with _lock:
        if _follower is None or not _follower.is_alive():
            _follower = threading.Thread(target=_follow, name="boards", daemon=True)
            _follower.start()


def given_again(action_id: UUID, scope: Scope, way: tuple[object, ...], holds: Callable[[], bool]) -> Again:
    """How what was rendered is given again to the browser that asks now, while this `holds`."""
    squeezed, key = accepts_gzip(), _key(action_id, scope, way)
    always = {"Content-Type": "application/json"} | ({"Content-Encoding": "gzip"} if squeezed else {})

    def again(_etags: str) -> Current | None:
        rendered = _lately(key, action_id) if holds() else None
        if rendered is None:
            return None
        body = rendered.gzipped if squeezed else rendered.body
        return Current(always | {"ETag": f'W/"{rendered.etag}"', "Content-Length": str(len(body))}, body)

    return again


def rendered_for(
    action: Action, scope: Scope, way: tuple[object, ...], render: Callable[[Board], Rendered]
) -> Rendered | None:
    """The result of `render` for the board that `scope` sees, kept while the board is the same; None for
    nothing.

    `way` tells apart what is rendered differently for the same scope: language, with a page or without.
    """
    key, began = _key(action.id, scope, way), time.thread_time()
    if not _shared.is_drawer():
        _follow_the_drawer()
        drawn = _drawn_by_another(key)
        if drawn and time.monotonic() < drawn.again_at:
            return drawn.rendered
    whole = _fresh(action, KEEP)
    with _lock:
        held = _rendered.get(key)
        is_same = held is not None and held.board is whole
        is_new = is_same or (held is not None and time.monotonic() - held.at <= KEEP)
        if held and is_same:
            # As after a quick drawing: how often a look is sent on tells nobody whether anything changed.
            held.again_at = time.monotonic() + KEEP
        if held is None or not (is_new or key in _being_rendered):
            held = None
            _being_rendered.add(key)
    if held:
        if is_same:
            _share(key, held)
        return held.rendered
    try:
        visible = _visible_to(whole, scope)
        if visible is None:
            return None
        rendered, at = render(visible), time.monotonic()
        with _lock:
            _costs[key] = time.thread_time() - began
            again_at = at + max(KEEP, sum(_costs.values()) / MOST_OF_A_PROCESSOR)
            _rendered[key] = held = _Drawn(whole, rendered, at, again_at, asked_at=at)
        _share(key, held)
        return rendered
    finally:
        with _lock:
            _being_rendered.discard(key)


def _share(key: Any, drawn: _Drawn) -> None:
    """Show it to the other processes, as it was found to be just now."""
    rendered = drawn.rendered
    drawing = SharedDrawing(rendered.etag, rendered.gzipped, time.monotonic(), drawn.again_at)
    drawn.stamp = _shared.put(key, drawing)


def _key(action_id: UUID, scope: Scope, way: tuple[object, ...]) -> Any:
    """The same in every process: the order of a set is not."""
    sets = (tuple(sorted(each)) for each in (scope.roles, scope.areas, scope.sites))
    return action_id, scope.everything, *sets, way


def forget() -> None:
    """Count anew next time. For tests, and after what changes figures at once."""
    with _one_counts, _lock:
        _kept.clear()
        _rendered.clear()
        _costs.clear()


def _visible_to(whole: Board, scope: Scope) -> Board | None:
    if scope.everything:
        return whole
    visible = whole.of_sites({c.site_id for c in whole.chapters if scope.sees_place(c.site_id, c.area_id)})
    return visible if visible.chapters else None


def _fresh(action: Action, oldest: float) -> Board:
    if not _one_counts.acquire(blocking=False):
        before = _counted_before(action)
        if before and oldest > 0 and time.monotonic() - before.checked <= oldest + SHOWN_MEANWHILE:
            return before.board
        _one_counts.acquire()
    try:
        return _fresh_of_one(action, oldest)
    finally:
        _one_counts.release()


def _fresh_of_one(action: Action, oldest: float) -> Board:
    held = _counted_before(action)
    if held and time.monotonic() - held.checked <= oldest:
        return held.board
    # A first look, perhaps at an action that was made a second ago, and one without delay: not older than
    # this moment, wherever it is read.
    return from_replica(lambda: _look_again(action, held), fresh=held is None or not oldest)


def _look_again(action: Action, held: _Kept | None) -> Board:
    if held is None:
        return _count(action)
    signs = signs_of(action)
    if held.quiet and time.monotonic() - held.counted < KEEP_AT_MOST and signs == held.signs:
        held.checked = time.monotonic()
        return held.board
    return _count(action, signs)


def _counted_before(action: Action) -> _Kept | None:
    with _lock:
        return _kept.get(action.id)


def _count(action: Action, signs: Fingerprint | None = None) -> Board:
    # The signs first: what happens in between is then seen as a change, and counted again.
    started = time.monotonic()
    signs = signs or signs_of(action)
    held = _counted_before(action)
    closed = closed_board(action)
    look = None if closed else _look(action, held, signs, started)
    counted = replace(closed or board(action, data=look.data if look else None), as_of=clock.now())
    if held and held.board == counted:
        counted = held.board  # the same figures: what was written of them stays good
    with _lock:
        _kept[action.id] = _Kept(counted, started, started, signs, signs.settled, look)
    return counted


def _look(action: Action, held: _Kept | None, signs: Fingerprint, now: float) -> _Look:
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


def to_response(rendered: Rendered) -> Response:
    """Compressed for whoever takes that; 304 to whoever names its ETag."""
    squeezed = accepts_gzip()
    response = Response(rendered.gzipped if squeezed else rendered.body, mimetype="application/json")
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.add("Accept-Encoding")
    if squeezed:
        response.content_encoding = "gzip"
    # The same tag for both: it names the figures, not the bytes.
    response.set_etag(rendered.etag, weak=True)
    return response.make_conditional(request)  # type: ignore[return-value]
