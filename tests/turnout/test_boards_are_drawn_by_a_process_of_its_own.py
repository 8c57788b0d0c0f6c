"""One process of a server counts and draws boards, and the others show that; a dead one leaves no gap."""

import logging
import os
import time
from dataclasses import replace

import pytest

from mobilize.accounts.access.scope import THE_OFFICE, Scope
from mobilize.accounts.models import RoleName
from mobilize.fast.shared_drawings import KEPT_SECONDS, SharedDrawing, SharedDrawings
from mobilize.turnout.board import cache
from mobilize.turnout.board.drawing import drawer, drawing_cache
from mobilize.turnout.board.drawing.drawings import DrawingKey, DrawingKind, as_drawing
from tests.builders import make_area


@pytest.fixture(autouse=True)
def by_hand(monkeypatch):
    """The thread that looks for what was drawn: each test does it when it wants to."""
    monkeypatch.setattr(drawing_cache, "_follow", lambda: None)


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """The folder that this process shares with its drawer."""
    shared = SharedDrawings(tmp_path)
    monkeypatch.setattr(drawing_cache, "_shared", shared)
    return shared


class Draws:
    """A drawing of a board, which says the how manieth it is."""

    def __init__(self, morning, monkeypatch):
        self.action, self.n = morning.action, 0
        self.key = DrawingKey.of(DrawingKind.FIGURES, self.action, THE_OFFICE)
        monkeypatch.setattr(drawing_cache, "draw", self.draw)

    def __call__(self):
        return drawing_cache.drawing_of(self.action, self.key)

    def draw(self, _key, _action, _board):
        self.n += 1
        return as_drawing({"drawn": self.n})

    def lately(self):
        return drawing_cache.drawn_lately(self.key)

    def by_the_drawer(self, shared, n, *, seconds_ago=0.0):
        drawing, at = as_drawing({"by the drawer": n}), time.monotonic() - seconds_ago
        shared.put(self.key.to_json(), SharedDrawing(drawing.etag, drawing.gzipped, at))
        return drawing


@pytest.fixture
def draws(morning, monkeypatch):
    morning.freeze()
    return Draws(morning, monkeypatch)


def test_what_the_drawer_drew_is_shown(draws, shared):
    first = draws.by_the_drawer(shared, 1)
    assert draws() == first and draws.lately() == first
    newer = draws.by_the_drawer(shared, 2)
    drawing_cache.take_over(shared)
    assert draws.lately() == newer
    assert draws.n == 0


def test_an_older_drawing_never_takes_the_place_of_a_newer_one(draws, shared):
    draws.by_the_drawer(shared, 1, seconds_ago=drawing_cache.LEFT_TO_THE_DRAWER + 1)
    here = draws()
    drawing_cache.take_over(shared)
    assert draws.lately() == here and draws.n == 1


def test_the_drawer_draws_what_somebody_looks_at_and_nothing_else(app, draws, shared, tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(drawing_cache, "_follow", lambda: None)
    monkeypatch.setattr(drawing_cache, "_shared", shared)
    assert not drawer.draw_requested(app, SharedDrawings(tmp_path))
    key = replace(draws.key, kind=DrawingKind.PAGE, language="es", places=True)
    shared.request(key.to_json())
    assert drawer.draw_requested(app, SharedDrawings(tmp_path))
    drawn = shared.find(key.to_json())
    assert drawn and shared.find(draws.key.to_json()) is None
    drawing = drawing_cache.drawing_of(draws.action, key)
    assert drawing.etag == drawn.etag and "Lincoln" in drawing.body.decode()


def test_what_stays_the_same_is_drawn_once_and_said_to_be_good(app, draws, shared, monkeypatch):
    shared.request(draws.key.to_json())
    drawer.draw_requested(app, shared)
    first = shared.find(draws.key.to_json())
    monkeypatch.setattr(cache, "KEEP", 0.0)
    drawer.draw_requested(app, shared)
    again = shared.find(draws.key.to_json())
    assert draws.n == 1 and again.etag == first.etag and again.at > first.at


def test_what_cannot_be_drawn_ends_no_drawer_and_is_logged(app, draws, shared, monkeypatch, caplog):
    def fail(*_any):
        raise RuntimeError

    monkeypatch.setattr(drawing_cache, "draw", fail)
    shared.request(draws.key.to_json())
    with caplog.at_level(logging.WARNING):
        assert drawer.draw_requested(app, shared)
    assert "a board could not be drawn" in caplog.text


def test_what_nobody_has_drawn_yet_is_drawn_here(draws, shared):
    assert draws().body == b'{"drawn": 1}'
    assert draws.lately().body == b'{"drawn": 1}'
    assert shared.requested(10) == [draws.key.to_json()]


def test_a_drawer_that_is_late_is_not_waited_for(draws, shared):
    draws.by_the_drawer(shared, 1, seconds_ago=drawing_cache.LEFT_TO_THE_DRAWER + 1.1)
    assert draws().body == b'{"drawn": 1}'


def test_nobody_in_the_event_loop_waits_for_a_file(draws, shared, monkeypatch):
    is_free = []
    for name in ("request", "find"):
        real = getattr(shared, name)

        def watched(*args, real=real, **more):
            is_free.append(not drawing_cache._lock.locked())
            return real(*args, **more)

        monkeypatch.setattr(shared, name, watched)
    draws()
    drawing_cache.take_over(shared)
    assert len(is_free) >= 3 and all(is_free)


def test_one_lock_is_for_one_drawer_and_free_when_it_dies(tmp_path):
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        held = SharedDrawings(tmp_path).lock()
        os.write(write_end, b"." if held else b"-")
        time.sleep(60)
        os._exit(0)
    try:
        assert os.read(read_end, 1) == b"."
        assert SharedDrawings(tmp_path).lock() is None
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    lock = SharedDrawings(tmp_path).lock()
    assert lock
    lock.close()


def test_a_folder_that_is_full_or_gone_costs_no_answer(draws, tmp_path, monkeypatch):
    gone = SharedDrawings(tmp_path / "gone")
    monkeypatch.setattr(drawing_cache, "_shared", gone)
    assert draws().body == b'{"drawn": 1}'
    draws.by_the_drawer(gone, 1)
    assert gone.lock() is None and gone.requested(10) == []


@pytest.mark.parametrize("content", [b"{", b"", b'{"etag": "a"}\nx', b"[]\n"])
def test_a_file_that_cannot_be_read_is_as_good_as_none(draws, shared, tmp_path, content):
    draws.by_the_drawer(shared, 1)
    shared.request(draws.key.to_json())
    for path in tmp_path.iterdir():
        path.write_bytes(content)
    assert draws().body == b'{"drawn": 1}'
    assert shared.requested(10) == []


def test_what_nobody_looks_at_any_more_is_deleted(shared, tmp_path):
    shared.request("old")
    shared.put("old", SharedDrawing("e", b"z", 1.0))
    long_ago = time.time() - KEPT_SECONDS - 1
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert shared.requested(KEPT_SECONDS) == []
    shared._swept_at = float("-inf")
    shared.put("new", SharedDrawing("e", b"z", 1.0))
    assert shared.find("old") is None and shared.find("new")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_key_is_the_same_text_whoever_writes_it(draws):
    areas = frozenset(make_area(name).id for name in ("East", "West", "Harbor"))
    scope = Scope(roles=frozenset({RoleName.ORGANIZER, RoleName.CHAIR}), areas=areas)
    key = replace(draws.key, scope=scope, kind=DrawingKind.WALL, area_id=min(areas), more=True)
    assert DrawingKey.from_json(key.to_json()) == key
    turned = replace(key, scope=replace(scope, areas=frozenset(sorted(areas, reverse=True))))
    assert turned.to_json() == key.to_json()


def test_another_scope_language_or_part_is_another_drawing(draws, shared):
    draws.by_the_drawer(shared, 1)
    for other in ({"language": "es"}, {"begun": not draws.key.begun}, {"more": True}, {"scope": Scope()}):
        assert shared.find(replace(draws.key, **other).to_json()) is None
