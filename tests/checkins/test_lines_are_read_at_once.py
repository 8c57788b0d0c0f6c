"""Before the phones that wait at many lines are told of a change, all that changed is read in three
questions; each phone is then answered from memory what it would have been told by its own look."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import event as sqlalchemy_event

from mobilize.accounts.access.grants import revoke_grant
from mobilize.accounts.models import GrantKind
from mobilize.checkins.line import state
from mobilize.checkins.line.state import cached_state, forget, prepare_lines
from mobilize.checkins.record.head_counts import add_supporters, report_head_count
from mobilize.database import atomic, db, is_postgres
from mobilize.fast.versions import line_versions, mark_changed, versions
from mobilize.keys.tokens import hash_token
from tests.builders import make_event, make_member, make_site
from tests.checkins.morning import OPEN, grant_for, nonce, scan, tick

pytestmark = pytest.mark.usefixtures("in_the_morning")


@pytest.fixture(autouse=True)
def nothing_kept():
    forget()
    yield
    forget()


class Phone:
    """A phone at a line, and the language of its browser."""

    def __init__(self, app, event, language="en", kind=GrantKind.CAPTAIN):
        self.event_id, self.code, self.language = event.id, event.code, language
        self.grant, self.token = grant_for(event, kind=kind, ends_at=OPEN + timedelta(hours=3))
        self.browser = app.test_client()
        self.browser.set_cookie(f"line-{event.code}", self.token, domain="localhost")

    def look(self):
        return self.browser.get(f"/line/{self.code}/state", headers={"Accept-Language": self.language})

    def from_memory(self):
        version = versions().cached(self.event_id)
        return cached_state(self.event_id, hash_token(self.token), self.language, version, OPEN)


@pytest.fixture
def lines(app):
    """Six lines, each with something of its own, and their phones."""
    sites = [make_site(f"School {n}") for n in range(6)]
    for n, site in enumerate(sites):
        make_member("Reyes", "Mia", site=site, phone=f"+1213555010{n}")
        make_member("Cruz", "Leo", site=site, phone=f"+1213555020{n}")
    events = [make_event(site) for site in sites]
    phones = [Phone(app, event, language) for event in events for language in ("en", "es")]
    phones.append(Phone(app, events[0], kind=GrantKind.CHAIR))
    for phone in phones:
        assert phone.look().json["named"] == 0
    return events, phones


def change(events):
    for n, event in enumerate(events):
        scan(event, f"213555010{n}", at=OPEN + timedelta(seconds=n))
    report = {"via": "line", "by": "grant:test", "now": OPEN}
    for number, minute in ((12, 0), (9, 5)):
        counted_at = OPEN + timedelta(minutes=minute)
        report_head_count(events[1], number, counted_at=counted_at, nonce=nonce(), **report)
    add_supporters(events[2], 3, nonce=nonce(), happened_at=OPEN, by="grant:test", now=OPEN)
    scan(events[3], "99999999")
    member = make_member("Soto", "Ana", site=events[4].site)
    tick(events[4], member)


def prepare(app, events):
    current = read_versions(app)
    prepare_lines(app, {event.id.hex: current[event.id.hex] for event in events if event.id.hex in current})


def read_versions(app):
    app.config["VERSIONS_KEPT_SECONDS"] = 0.0
    current = line_versions(app)
    app.config["VERSIONS_KEPT_SECONDS"] = 60.0
    return current


def test_each_phone_is_told_what_its_own_look_would_tell_it(app, lines):
    events, phones = lines
    change(events)
    prepare(app, events)
    states = [phone.from_memory() for phone in phones]
    forget()
    for phone, kept in zip(phones, states, strict=True):
        answer = phone.look()
        assert kept.body == answer.data and f'"{kept.etag}"' == answer.headers["ETag"]
    assert len({kept.body for kept in states}) > len(events), "they are in two languages"


def test_many_lines_are_three_questions(app, lines):
    events, phones = lines
    change(events)
    questions = []
    current = read_versions(app)

    def listen(_connection, _cursor, statement, *_rest):
        questions.append(statement)

    for engine in db.engines.values():
        sqlalchemy_event.listen(engine, "before_cursor_execute", listen)
    try:
        prepare_lines(app, current)
        assert len([one for one in questions if "FROM" in one]) == (3 if is_postgres() else 3 * len(events))
        questions.clear()
        prepare_lines(app, current)
        assert questions == [], "nothing has changed since"
        assert all(phone.from_memory() for phone in phones)
    finally:
        for engine in db.engines.values():
            sqlalchemy_event.remove(engine, "before_cursor_execute", listen)


def test_a_phone_whose_link_was_taken_back_is_told_nothing(app, lines):
    events, phones = lines
    revoke_grant(phones[0].grant, "shell", now=OPEN)
    prepare(app, events)
    assert phones[0].from_memory() is None and phones[1].from_memory() is not None


def test_a_stranger_s_token_is_told_nothing(app, lines):
    _events, phones = lines
    version = versions().cached(phones[0].event_id)
    assert cached_state(phones[0].event_id, hash_token("A" * 40), "en", version, OPEN) is None
    assert cached_state(phones[0].event_id, hash_token(phones[2].token), "en", version, OPEN) is None


def test_a_line_that_nobody_looked_at_here_is_not_read(app, lines, event):
    with atomic():
        mark_changed(event.id)
    prepare(app, [event])
    phone = Phone(app, event)
    versions().of(event.id)
    assert phone.from_memory() is None


def test_what_was_read_nearly_a_minute_ago_is_read_again_for_those_who_wait(app, lines):
    """The roster moves no version."""
    events, phones = lines
    make_member("Vega", "Eva", site=events[0].site, phone="+12135550999")
    prepare(app, events)
    before = phones[0].from_memory()
    prepare(app, events)
    assert phones[0].from_memory() is before
    with time_machine.travel(OPEN + timedelta(seconds=55), tick=False):
        for _turn in range(state.AGING_TURNS):
            prepare(app, events)
    after = phones[0].from_memory()
    assert after is not before and after.until > before.until


def test_a_line_that_is_gone_keeps_nobody_waiting(app, lines):
    events, phones = lines
    change(events)
    current = read_versions(app) | {uuid.uuid4().hex: 7}
    state._shared.keep((uuid.UUID(list(current)[-1]), "en"), state._shared.last((events[0].id, "en")))
    prepare_lines(app, current)
    assert phones[0].from_memory().version == current[events[0].id.hex]
