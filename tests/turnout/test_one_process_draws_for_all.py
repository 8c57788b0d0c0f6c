"""One process of a server counts and draws a board, and the others show that; a dead one leaves no gap."""

import os
import time

import pytest

from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.fast.shared_drawings import KEPT_SECONDS, SharedDrawing, SharedDrawings
from mobilize.turnout.board import cache

WAY = ("test",)


@pytest.fixture(autouse=True)
def by_hand(monkeypatch):
    """The thread that takes over what others have drawn: each test does it when it wants to."""
    monkeypatch.setattr(cache, "_follow", lambda: None)


@pytest.fixture
def drawer(tmp_path):
    """The process that came first."""
    first = SharedDrawings(tmp_path)
    assert first.is_drawer()
    return first


@pytest.fixture
def other(tmp_path, drawer, monkeypatch):
    """The process of this test, beside it."""
    second = SharedDrawings(tmp_path)
    assert not second.is_drawer()
    monkeypatch.setattr(cache, "_shared", second)
    return second


class Draws:
    """A drawing of a board, which says the how manieth it is."""

    def __init__(self, morning):
        self.action, self.n = morning.action, 0

    def __call__(self):
        return cache.rendered_for(self.action, THE_OFFICE, WAY, self.render)

    def render(self, _board):
        self.n += 1
        return cache.render_json({"drawn": self.n})

    def lately(self):
        return cache.rendered_lately(self.action.id, THE_OFFICE, WAY)

    def by_the_drawer(self, drawer, n, *, seconds_ago=0.0):
        rendered, at = cache.render_json({"by the drawer": n}), time.monotonic() - seconds_ago
        drawing = SharedDrawing(rendered.etag, rendered.gzipped, at, at + 1.0)
        drawer.put(cache._key(self.action.id, THE_OFFICE, WAY), drawing)
        return rendered


@pytest.fixture
def draws(morning):
    morning.freeze()
    return Draws(morning)


def test_what_the_drawer_drew_is_shown_by_the_others(draws, drawer, other):
    rendered = draws.by_the_drawer(drawer, 1)
    assert draws() == rendered and draws.lately() == rendered
    newer = draws.by_the_drawer(drawer, 2)
    cache.take_over()
    assert draws.lately() == newer
    assert draws.n == 0


def test_nobody_in_the_event_loop_waits_while_it_is_shown_to_the_others(draws, tmp_path, monkeypatch):
    shared = SharedDrawings(tmp_path)
    monkeypatch.setattr(cache, "_shared", shared)
    is_free, real = [], shared.put

    def put(key, drawing):
        is_free.append(not cache._lock.locked())
        return real(key, drawing)

    monkeypatch.setattr(shared, "put", put)
    draws()
    monkeypatch.setattr(cache, "KEEP", 0.0)
    draws()
    assert is_free == [True, True]


def test_what_is_looked_at_is_taken_over_by_a_thread(draws, drawer, other, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(cache, "_shared", other)
    monkeypatch.setattr(cache, "FOLLOWED_EVERY", 0.01)
    draws.by_the_drawer(drawer, 1)
    draws()
    newer, deadline = draws.by_the_drawer(drawer, 2), time.monotonic() + 10
    while draws.lately() != newer and time.monotonic() < deadline:
        time.sleep(0.01)
    assert draws.lately() == newer
    drawer._lock.close()
    while cache._follower.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert other.is_drawer() and not cache._follower.is_alive()


def test_what_the_drawer_does_not_draw_another_draws_for_itself(draws, drawer, other):
    assert draws().body == b'{"drawn": 1}'
    assert draws.lately().body == b'{"drawn": 1}'


def test_a_drawer_that_is_late_is_not_waited_for(draws, drawer, other):
    draws.by_the_drawer(drawer, 1, seconds_ago=cache.LEFT_TO_THE_DRAWER + 1.1)
    assert draws().body == b'{"drawn": 1}'


def test_what_is_drawn_is_there_for_the_others_and_stays_while_nothing_changes(draws, tmp_path, monkeypatch):
    shared = SharedDrawings(tmp_path)
    monkeypatch.setattr(cache, "_shared", shared)
    key = cache._key(draws.action.id, THE_OFFICE, WAY)
    first = draws()
    before = SharedDrawings(tmp_path).find(key)
    assert before.etag == first.etag
    monkeypatch.setattr(cache, "KEEP", 0.0)
    draws()
    assert draws.n == 1 and SharedDrawings(tmp_path).find(key).stamp > before.stamp


def test_when_the_drawer_dies_another_becomes_it(tmp_path):
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        drawer = SharedDrawings(tmp_path)
        drawer.is_drawer()
        os.write(write_end, b".")
        time.sleep(60)
        os._exit(0)
    try:
        os.read(read_end, 1)
        other = SharedDrawings(tmp_path)
        assert not other.is_drawer()
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert other.is_drawer()


def test_a_folder_that_is_full_or_gone_costs_no_answer(draws, tmp_path, monkeypatch):
    shared = SharedDrawings(tmp_path / "gone")
    monkeypatch.setattr(cache, "_shared", shared)
    assert draws().body == b'{"drawn": 1}'
    (tmp_path / "gone").mkdir()
    assert draws().body == b'{"drawn": 1}'


def test_a_drawing_that_cannot_be_read_is_drawn_anew(draws, drawer, other, tmp_path):
    draws.by_the_drawer(drawer, 1)
    [path] = [path for path in tmp_path.iterdir() if path.name != "drawer"]
    path.write_bytes(b"{")
    assert draws().body == b'{"drawn": 1}'


def test_what_nobody_looks_at_any_more_is_deleted(drawer, tmp_path):
    rendered, now = cache.render_json({}), time.monotonic()
    drawing = SharedDrawing(rendered.etag, rendered.gzipped, now, now)
    drawer.put("old", drawing)
    long_ago = time.time() - KEPT_SECONDS - 1
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    drawer._swept_at = 0.0
    drawer.put("new", drawing)
    assert drawer.find("old") is None and drawer.find("new")
    assert (tmp_path / "drawer").exists()


def test_another_scope_or_language_is_another_drawing(draws, drawer, other):
    draws.by_the_drawer(drawer, 1)
    key = cache._key(draws.action.id, THE_OFFICE, ("es",))
    assert other.find(key) is None
