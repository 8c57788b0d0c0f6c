"""A browser that asks every few seconds is answered without a question while its session is what it was:
whatever ends it, or changes what its person may see, shows within a second."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from mobilize import clock
from mobilize.accounts.models import Person, RoleName, RoleTerm, SignedInSession
from mobilize.accounts.sign_in import watched_sessions
from mobilize.accounts.sign_in.sessions import end_all_sessions, end_session, renew_session
from mobilize.accounts.sign_in.watched_sessions import WatchedSessions
from mobilize.database import atomic, db
from tests.builders import make_area, make_person, sign_in

Still = Callable[[], bool]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> WatchedSessions:
    """Read at each look, as after a second."""
    monkeypatch.setattr(watched_sessions, "READ_EVERY_SECONDS", 0.0)
    return WatchedSessions()


@pytest.fixture
def olga(app: Flask, client: FlaskClient) -> Person:
    person = make_person("Olga Brandt", role=RoleName.ORGANIZER, area=make_area("North"))
    sign_in(client, person)
    return person


def session_of(person: Person) -> SignedInSession:
    own = select(SignedInSession).where(SignedInSession.person_id == person.id)
    return db.session.scalars(own).one()


def still(watched: WatchedSessions, token_hash: bytes) -> Still:
    """Told at the second request: by then it is watched."""
    assert watched.still(token_hash, time.monotonic()) is None
    is_still = watched.still(token_hash, time.monotonic())
    assert is_still is not None
    return is_still


def holds(is_still: Still, watched: WatchedSessions, monkeypatch: pytest.MonkeyPatch) -> bool:
    """By what is stored now, read a moment ago."""
    watched.still(b"another browser's", time.monotonic())
    monkeypatch.setattr(watched_sessions, "READ_EVERY_SECONDS", 1.0)
    return is_still()


def test_it_holds_while_nothing_changes(olga, watched, monkeypatch):
    assert holds(still(watched, session_of(olga).token_hash), watched, monkeypatch)


def test_what_was_read_some_time_ago_tells_nothing(olga, watched, monkeypatch):
    is_still = still(watched, session_of(olga).token_hash)
    monkeypatch.setattr(watched_sessions, "GOOD_FOR_SECONDS", 1.0)
    assert is_still()
    time.sleep(1.01)
    assert not is_still()


def test_every_minute_a_request_is_checked_like_any_other(olga, watched, monkeypatch):
    own = session_of(olga).token_hash
    still(watched, own)
    is_still = watched.still(own, time.monotonic() - watched_sessions.CHECKED_EVERY_SECONDS)
    assert is_still is None, "what was read after it was checked proves nothing about it"
    monkeypatch.setattr(watched_sessions, "CHECKED_EVERY_SECONDS", 0.2)
    is_still = watched.still(own, time.monotonic())
    assert is_still is not None and holds(is_still, watched, monkeypatch)
    time.sleep(0.25)
    assert not is_still()


def signs_out(olga: Person) -> None:
    end_session(session_of(olga), now=clock.now())


def is_signed_out_everywhere(olga: Person) -> None:
    end_all_sessions(olga.id, now=clock.now())


def proves_again_who_they_are(olga: Person) -> None:
    renew_session(session_of(olga), now=clock.now())


def is_restarted(olga: Person) -> None:
    with atomic() as session:
        session.execute(update(Person).where(Person.id == olga.id).values(restarted_at=clock.now()))


def loses_the_role(olga: Person) -> None:
    with atomic() as session:
        session.execute(update(RoleTerm).values(to_on=clock.now().date() - timedelta(days=1)))


def gets_another_area(olga: Person) -> None:
    with atomic() as session:
        session.execute(update(RoleTerm).values(area_id=make_area("South").id))


@pytest.mark.parametrize(
    "change",
    [
        signs_out,
        is_signed_out_everywhere,
        proves_again_who_they_are,
        is_restarted,
        loses_the_role,
        gets_another_area,
    ],
)
def test_it_ends_once_somebody(olga, watched, monkeypatch, change):
    is_still = still(watched, session_of(olga).token_hash)
    change(olga)
    db.session.rollback()
    assert not holds(is_still, watched, monkeypatch)


def test_what_changed_before_it_was_watched_is_not_taken_for_what_was_checked(olga, watched, monkeypatch):
    # Checked, then signed out, then read: that reading says nothing about the check.
    own, checked_at = session_of(olga).token_hash, time.monotonic()
    signs_out(olga)
    watched.still(own, time.monotonic())
    assert watched.still(own, checked_at) is None


def test_a_server_reads_them_by_itself_so_that_who_asks_need_not_wait(app, olga, watched, monkeypatch):
    monkeypatch.setattr(watched_sessions, "FOLLOWED_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(watched_sessions, "GOOD_FOR_SECONDS", 0.5)
    is_still = still(watched, session_of(olga).token_hash)
    db.session.rollback()
    watched.follow(app)
    try:
        time.sleep(1.0)
        assert is_still()
        signs_out(olga)
        deadline = time.monotonic() + 5
        while is_still() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not is_still()
    finally:
        watched.forget()
