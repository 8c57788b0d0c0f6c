"""A line's phone asks all morning: nothing is read for it while nothing changes, and no change is missed."""

import threading
from datetime import time, timedelta

import pytest
from sqlalchemy import event as sqlalchemy_event

from mobilize.accounts.access.grants import pass_on, revoke_grant
from mobilize.accounts.models import LineGrant
from mobilize.actions.events.codes import replace_code
from mobilize.actions.operations import call_off_action, move_event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.checkins.models import Evidence, HeadCount, Method
from mobilize.checkins.record.head_counts import add_supporters, report_head_count
from mobilize.checkins.record.operations import take_back_own, void
from mobilize.checkins.review.resolutions import reopen, set_aside, settle_count, tie
from mobilize.database import atomic, db
from mobilize.fast.versions import LineVersion, mark_changed, version_of, versions
from tests.builders import make_member
from tests.checkins.morning import OPEN, grant_for, nonce, scan, take_back_ticks, tick, tick_proof

pytestmark = pytest.mark.usefixtures("in_the_morning")


@pytest.fixture
def statements(app):
    """Every statement that is run from now on."""
    run = []

    def listen(_connection, _cursor, statement, *_rest):
        run.append(statement)

    for engine in db.engines.values():
        sqlalchemy_event.listen(engine, "before_cursor_execute", listen)
    yield run
    for engine in db.engines.values():
        sqlalchemy_event.remove(engine, "before_cursor_execute", listen)


def look(line, event, etag=""):
    return look_at(line, event.code, etag)


def look_at(line, code, etag=""):
    return line.get(f"/line/{code}/state", headers={"If-None-Match": etag} if etag else {})


def test_while_nothing_changes_only_the_version_is_read(app, line, event, statements):
    etag = look(line, event).headers["ETag"]
    app.config["VERSIONS_KEPT_SECONDS"], code = 60, event.code
    statements.clear()
    assert [look_at(line, code, etag).status_code for _again in range(20)] == [304] * 20
    questions = [statement for statement in statements if statement.startswith("SELECT")]
    assert len(questions) <= 1 and all("line_versions" in statement for statement in questions)


def test_a_changed_look_is_three_questions_for_all_phones_of_the_line(app, line, event, statements):
    look(line, event)
    second = app.test_client()
    second.set_cookie(f"line-{event.code}", grant_for(event)[1], domain="localhost")
    look(second, event)
    counts = []
    scan(event, "2135550101")
    code = event.code
    for phone in (line, second):
        statements.clear()
        assert look_at(phone, code).json["named"] == 1
        counts.append(len([one for one in statements if "FROM" in one and "line_versions" not in one]))
    assert counts == [3, 0], "its phones, the event with its figures, and who is in"


def a_head_count(event):
    report_head_count(event, 12, counted_at=OPEN, nonce=nonce(), via="line", by="grant:test", now=OPEN)


def a_head_count_that_waits(event):
    row = {"counted_at": OPEN, "nonce": nonce(), "via": "line", "by": "grant:test", "now": OPEN}
    report_head_count(event, 12, counts=False, **row)
    waiting = db.session.query(HeadCount).one()
    return lambda: settle_count(HeadCount, waiting.id, take=True, actor="shell", now=OPEN)


def an_undo(event, mia):
    tick(event, mia)
    undo = tick_proof(event, mia, body=b"undo", method=Method.TICK)
    return lambda: take_back_ticks(undo, actor="grant:test", now=OPEN)


def a_void(event, mia):
    scan(event, "2135550101")
    [one] = db.session.query(Evidence)
    return lambda: void(one.id, "a mistake", actor="shell", now=OPEN)


def a_slip(event, mia):
    """The undo of whom the worker has nothing to derive."""
    scan(event, "99999999")
    ids = [row.id for row in db.session.query(Evidence)]
    return lambda: take_back_own(event.id, ids, now=OPEN)


def a_stranger_settled(event, mia):
    scan(event, "99999999")
    [one] = db.session.query(Evidence)
    return lambda: tie(one.id, mia.id, "it is Mia", actor="shell", now=OPEN)


def a_stranger_set_aside(event, mia):
    scan(event, "99999999")
    [one] = db.session.query(Evidence)
    return lambda: set_aside(one.id, "nobody of ours", actor="shell", now=OPEN)


def one_that_waits_again(event, mia):
    scan(event, "99999999")
    [one] = db.session.query(Evidence)
    set_aside(one.id, "nobody of ours", actor="shell", now=OPEN)
    return lambda: reopen(one.id, "after all", actor="shell", now=OPEN)


def a_phone_handed_on(event, mia):
    held = grant_for(event)[0]
    return lambda: pass_on(held, "next", "grant:test", now=OPEN)


def a_phone_taken_back(event, mia):
    held = grant_for(event)[0]
    return lambda: revoke_grant(held, "shell", now=OPEN)


def another_hour(event, mia):
    span = LocalTimeRange(OPEN.date(), time(8), time(10))
    return lambda: move_event(event, span, "by the gym", actor="shell", now=OPEN)


CHANGES = {
    "a check-in": lambda event, mia: lambda: scan(event, "2135550101"),
    "a stranger": lambda event, mia: lambda: scan(event, "99999999"),
    "a tick": lambda event, mia: lambda: tick(event, mia),
    "an undo": an_undo,
    "a head count": lambda event, mia: lambda: a_head_count(event),
    "a head count that is taken": lambda event, mia: a_head_count_that_waits(event),
    "supporters": lambda event, mia: (
        lambda: add_supporters(event, 5, nonce=nonce(), happened_at=OPEN, by="grant:test", now=OPEN)
    ),
    "evidence taken back": a_void,
    "a slip of a stranger": a_slip,
    "a stranger who is Mia": a_stranger_settled,
    "a stranger who is nobody of ours": a_stranger_set_aside,
    "one that waits again": one_that_waits_again,
    "a phone handed on": a_phone_handed_on,
    "a phone taken back": a_phone_taken_back,
    "a new code": lambda event, mia: lambda: replace_code(event, event.code, actor="shell", now=OPEN),
    "another hour": another_hour,
    "called off": lambda event, mia: lambda: call_off_action(event.action, actor="shell", now=OPEN),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_a_phone_can_see_raises_the_version(event, mia, name):
    change = CHANGES[name](event, mia)
    before = version_of(event.id)
    change()
    assert version_of(event.id) > before


def test_a_change_that_is_not_stored_raises_nothing(event):
    before = version_of(event.id)
    with pytest.raises(ZeroDivisionError), atomic():
        mark_changed(event.id)
        1 / 0  # noqa: B018
    with atomic():
        pass
    assert version_of(event.id) == before


def test_marked_often_in_one_transaction_it_is_raised_once(event):
    before = version_of(event.id)
    with atomic():
        for _again in range(5):
            mark_changed(event.id)
    assert version_of(event.id) == before + 1
    assert db.session.query(LineVersion).count() == 1


def test_while_the_versions_are_read_nobody_else_waits(app, event, monkeypatch):
    """A database that is slow to answer holds one thread, and no check-in waits behind the looks."""
    current, entered, answered = versions(), threading.Event(), threading.Event()
    before = current.of(event.id)

    def slowly(numbers):
        entered.set()
        assert answered.wait(10)
        return numbers

    def read():
        with app.app_context():
            current.read()

    monkeypatch.setattr("mobilize.fast.versions._changed_from", slowly)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert entered.wait(10)
        app.config["VERSIONS_KEPT_SECONDS"] = 60
        assert current.of(event.id) == before
    finally:
        answered.set()
        reader.join()


def test_outside_a_transaction_nothing_is_marked(event):
    with pytest.raises(RuntimeError):
        mark_changed(event.id)


def test_a_phone_whose_link_is_taken_back_is_refused_at_its_next_look(client, event):
    held, token = grant_for(event)
    client.set_cookie(f"line-{event.code}", token, domain="localhost")
    assert look(client, event).status_code == 200
    revoke_grant(db.session.get_one(LineGrant, held.id), "shell", now=OPEN)
    assert look(client, event).status_code == 403


def test_a_grant_that_ends_by_the_clock_ends_the_looks(client, event, in_the_morning):
    token = grant_for(event, ends_at=OPEN + timedelta(minutes=1))[1]
    client.set_cookie(f"line-{event.code}", token, domain="localhost")
    assert look(client, event).status_code == 200
    in_the_morning.move_to(OPEN + timedelta(minutes=1))
    assert look(client, event).status_code == 403


def test_when_another_phones_grant_ends_by_the_clock_the_key_changes(line, event, in_the_morning):
    grant_for(event, ends_at=OPEN + timedelta(seconds=20))
    before = look(line, event).json["key"]
    in_the_morning.move_to(OPEN + timedelta(seconds=21))
    assert look(line, event).json["key"] not in (before, None)


def test_each_reader_has_the_state_in_their_language(line, event, mia):
    tick(event, mia)
    path, times = f"/line/{event.code}/state", []
    for language in ("en", "es"):
        state = line.get(path, headers={"Accept-Language": language}).json
        times.append(state["in"][str(mia.id)]["at"])
    assert times == ["7:05\u202fAM", "7:05\u202fa.m."]


def test_a_phone_that_has_just_sent_something_sees_it_whatever_is_cached(app, line, event):
    app.config["VERSIONS_KEPT_SECONDS"] = 60
    etag = look(line, event).headers["ETag"]
    scan(event, "2135550101")
    assert look(line, event, etag).status_code == 304, "half a second old at most"
    assert look(line, event).json["named"] == 1


def test_who_came_at_one_moment_stand_in_one_order_whatever_was_stored_first(line, event):
    """The order of the rows would tell which of them was changed last."""
    members = [make_member(site=event.site, phone=f"+1213555{n:04}") for n in (301, 302, 303)]
    for member in sorted(members, key=lambda one: one.id, reverse=True):
        tick(event, member)
    assert list(look(line, event).json["in"]) == sorted(str(one.id) for one in members)
