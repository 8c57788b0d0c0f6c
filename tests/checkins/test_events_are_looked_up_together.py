"""A check-in page's event is at most two seconds old, and hundreds of sites are looked up in one question."""

import pytest

from mobilize.actions.events.codes import replace_code
from mobilize.actions.models import Event
from mobilize.checkins.member import event_cache
from mobilize.checkins.member.event_cache import cached_event
from mobilize.database import atomic
from tests.builders import make_event


@pytest.fixture
def seconds(app, monkeypatch):
    """The clock of the cache, which a test moves on."""
    now = [1000.0]
    app.config["EVENTS_KEPT_SECONDS"] = event_cache.LOOKED_UP_EVERY_SECONDS
    monkeypatch.setattr(event_cache.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(event_cache, "_all_read_at", 0.0)
    return now


@pytest.fixture
def questions(app, monkeypatch):
    """The codes of each question to the database."""
    codes = []
    real = event_cache.run

    def note(statement, values):
        codes.append(values["codes"])
        return real(statement, values)

    monkeypatch.setattr(event_cache, "run", note)
    return codes


def move(event, meet_at):
    with atomic() as session:
        session.get(Event, event.id).meet_at = meet_at


def test_twenty_sites_are_looked_up_again_in_one_question(app, seconds, questions):
    codes = [make_event().code for _ in range(20)]
    for code in codes:
        cached_event(code)
    questions.clear()
    seconds[0] += 2.1
    assert all(cached_event(code) for code in codes)
    assert [sorted(one) for one in questions] == [sorted(codes)]


def test_what_changed_shows_after_two_seconds_at_each_of_them(app, seconds):
    moved, other = make_event(), make_event()
    assert [cached_event(one.code).meet_at for one in (moved, other)] == [moved.meet_at, other.meet_at]
    move(moved, "at the back gate")
    seconds[0] += 1.9
    assert cached_event(moved.code).meet_at != "at the back gate"
    seconds[0] += 0.2
    assert cached_event(other.code).meet_at == other.meet_at
    assert cached_event(moved.code).meet_at == "at the back gate"


def test_one_that_did_not_change_stays_the_same_object(app, seconds):
    event = make_event()
    before = cached_event(event.code)
    seconds[0] += 2.1
    assert cached_event(event.code) is before


def test_a_site_nobody_asked_for_in_the_last_minute_is_not_looked_up(app, seconds, questions):
    quiet, busy = make_event(), make_event()
    cached_event(quiet.code), cached_event(busy.code)
    move(quiet, "at the back gate")
    seconds[0] += event_cache.ASKED_FOR_SECONDS
    cached_event(busy.code)
    assert event_cache._events[quiet.code].event.meet_at != "at the back gate"
    assert cached_event(quiet.code).meet_at == "at the back gate"


def test_a_site_that_is_asked_for_again_after_a_minute_is_looked_up_alone(app, seconds, questions):
    quiet, *busy = [make_event().code for _ in range(20)]
    cached_event(quiet)
    seconds[0] += event_cache.ASKED_FOR_SECONDS
    assert all(cached_event(code) for code in busy)
    seconds[0] += 2.1
    cached_event(busy[0])
    questions.clear()
    cached_event(quiet)
    assert questions == [[quiet]]


def test_a_code_that_was_replaced_meanwhile_says_so(app, seconds):
    event, other = make_event(), make_event()
    old = event.code
    cached_event(old), cached_event(other.code)
    replace_code(event, old, actor="test", now=event.starts_at)
    seconds[0] += 2.1
    assert cached_event(other.code).replaced_at is None
    assert cached_event(old).replaced_at == event.starts_at
    assert cached_event("NOSUCHCODE") is None


def test_while_one_thread_looks_up_the_others_go_on_for_as_long_again(app, seconds, monkeypatch):
    event = make_event()
    cached_event(event.code)
    move(event, "at the back gate")
    event_cache._reading.acquire()
    try:
        seconds[0] += 3.9
        assert cached_event(event.code).meet_at != "at the back gate"
        seconds[0] += 0.2
        assert cached_event(event.code).meet_at == "at the back gate"
    finally:
        event_cache._reading.release()


def test_a_look_that_fails_leaves_the_next_one_free(app, seconds, monkeypatch):
    event = make_event()
    cached_event(event.code)
    seconds[0] += 2.1

    def away(_codes):
        raise OSError("the database is away")

    monkeypatch.setattr(event_cache, "_by_code", away)
    with pytest.raises(OSError, match="away"):
        cached_event(event.code)
    monkeypatch.undo()
    app.config["EVENTS_KEPT_SECONDS"] = 0
    assert cached_event(event.code)
