"""How each text was read is shown, and one tap corrects it; only the member's own word lifts a stop."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE, scopes_of, today
from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Event
from mobilize.audit import AuditRow
from mobilize.checkins.models import Attendance, HeadCount
from mobilize.checkins.record.head_counts import supporters_at
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.reminders.inbox.answers import read_answers
from mobilize.reminders.inbox.corrections import Reading, correct_reading, readings_offered
from mobilize.reminders.inbox.wrong_numbers import wrong_numbers
from mobilize.reminders.models import Rsvp
from mobilize.reminders.monitoring.on_call import alert_duty
from mobilize.roster.models import Member, Site
from mobilize.texts.models import Inbound, Intent
from mobilize.texts.queries import is_opted_out
from tests.builders import (
    ask_question,
    make_action,
    make_area,
    make_event,
    make_member,
    make_person,
    make_site,
    sign_in,
)
from tests.reminders.conftest import CARMEN, MIA, NATE, OLGA, phones

Texts = Callable[[str, str, datetime], Inbound]


@pytest.fixture
def line(app: Flask) -> Event:
    """A line that is open now, with its chair Carmen and Mia of its chapter."""
    now, area = clock.now(), make_area()
    site = make_site("Elm Street School", area=area)
    action = make_action(starts_at=now - timedelta(minutes=10), ends_at=now + timedelta(hours=1))
    event = make_event(site, action=action)
    make_person(phone=CARMEN, role=RoleName.CHAIR, site=site)
    make_member(site=site, phone=MIA)
    make_person("Olga Reed", phone=OLGA, role=RoleName.ORGANIZER, area=area)
    ask_question(MIA, "coming", event.id, expires_at=now + timedelta(hours=1), now=now)
    return event


def correct(row: Inbound, reading: Reading) -> None:
    correct_reading(row, reading, scope=THE_OFFICE, actor="person:1", now=clock.now())


def left_unread(row: Inbound) -> None:
    """As if no rule had understood it."""
    with atomic():
        waiting = db.session.get_one(Inbound, row.id)
        waiting.intent, waiting.waits_at = Intent.OTHER, clock.now()


def coming() -> list[bool]:
    db.session.rollback()
    return list(db.session.scalars(select(Rsvp.coming)))


def checked_in() -> list[str]:
    """Whoever is in, by name."""
    db.session.rollback()
    members = select(Member).join(Attendance, Attendance.member_id == Member.id)
    return [member.person.full for member in db.session.scalars(members)]


def counts() -> list[int]:
    db.session.rollback()
    standing = select(HeadCount.n).where(HeadCount.voided_at.is_(None)).order_by(HeadCount.id)
    return list(db.session.scalars(standing))


def fresh(row: Inbound) -> Inbound:
    db.session.rollback()
    return db.session.get_one(Inbound, row.id, populate_existing=True)


def test_what_was_read_stands_beside_the_words_and_one_tap_corrects_it(
    client: FlaskClient, line: Event, texts_us: Texts
) -> None:
    row = texts_us(MIA, "1", clock.now())
    read_answers(clock.now())
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    page = client.get("/inbox/read").text
    assert "Mia Reyes" in page and "Read as: Coming" in page
    assert client.post(f"/inbox/{row.id}/reading", data={"reading": "not_coming"}).status_code == 303
    assert coming() == [False]
    page = client.get("/inbox/read").text
    assert "Read as: Not coming" in page and "corrected by a person" in page
    assert "inbox.read.not_coming" in set(db.session.scalars(select(AuditRow.verb)))


def test_a_text_that_waits_is_read_by_a_person_and_done(line: Event, texts_us: Texts) -> None:
    row = texts_us(MIA, "can I bring my kids?", clock.now())
    read_answers(clock.now())
    for _again in range(2):
        correct(fresh(row), Reading.COMING)
    assert coming() == [True]
    assert fresh(row).done_by == "person:1"


def test_what_was_no_answer_is_taken_back(line: Event, texts_us: Texts) -> None:
    row = texts_us(MIA, "2", clock.now())
    read_answers(clock.now())
    assert coming() == [False]
    correct(fresh(row), Reading.NOTHING)
    assert coming() == []


def test_a_later_answer_of_their_own_stays(line: Event, texts_us: Texts) -> None:
    row = texts_us(MIA, "1", clock.now())
    read_answers(clock.now())
    texts_us(MIA, "2", clock.now() + timedelta(seconds=5))
    read_answers(clock.now())
    correct(fresh(row), Reading.NOTHING)
    assert coming() == [False]


def test_a_count_is_taken_back_and_counted_again(line: Event, texts_us: Texts) -> None:
    row = texts_us(CARMEN, "24 teachers, 6 parents", clock.now())
    read_answers(clock.now())
    assert (counts(), supporters_at(line.id)) == ([24], 6)
    correct(fresh(row), Reading.NOTHING)
    assert (counts(), supporters_at(line.id)) == ([], 0)
    correct(fresh(row), Reading.COUNT)
    assert (counts(), supporters_at(line.id)) == ([24], 6)


@pytest.mark.parametrize("words", ["{code} i am at it now ok", "{head} {tail}", "here we are"])
def test_a_check_in_that_was_not_read_counts_after_one_tap(
    client: FlaskClient, line: Event, texts_us: Texts, words: str
) -> None:
    code = line.text_code or ""
    body = words.format(code=code, head=code[:3], tail=code[3:])
    row = texts_us(MIA, body, clock.now())
    left_unread(row)
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert 'value="here"' in client.get("/inbox").text
    for _again in range(2):
        client.post(f"/inbox/{row.id}/reading", data={"reading": "here"})
    assert checked_in() == ["Mia Reyes"]
    assert (fresh(row).intent, fresh(row).value) == (Intent.HERE, line.text_code)


def test_what_was_no_check_in_is_taken_back_and_counts_again(line: Event, texts_us: Texts) -> None:
    row = texts_us(MIA, f"HERE {line.text_code}", clock.now())
    read_answers(clock.now())
    assert checked_in() == ["Mia Reyes"]
    correct(fresh(row), Reading.NOT_COMING)
    assert checked_in() == [] and coming() == [False]
    correct(fresh(row), Reading.HERE)
    assert checked_in() == ["Mia Reyes"] and coming() == []


def test_a_check_in_needs_a_line_and_one_member(line: Event, texts_us: Texts) -> None:
    stranger = texts_us(NATE, "we are on our way", clock.now())
    with pytest.raises(Refused) as refusal:
        correct(stranger, Reading.HERE)
    assert refusal.value.code == "no_event"
    make_member("Rios", "Luis", site=db.session.get_one(Site, line.site_id), phone=MIA)
    row = texts_us(MIA, "we are on our way", clock.now())
    with pytest.raises(Refused) as refusal:
        correct(row, Reading.HERE)
    assert refusal.value.code == "shared_phone" and checked_in() == []


def test_a_wrong_number_that_was_not_read_is_one_after_one_tap(line: Event, texts_us: Texts) -> None:
    row = texts_us(MIA, "Rosa passed away in March", clock.now())
    left_unread(row)
    for _again in range(2):
        correct(fresh(row), Reading.WRONG_NUMBER)
    [item] = wrong_numbers()
    assert item.row.member.person.full == "Mia Reyes" and item.row.member.phone is None
    assert is_opted_out(MIA) and fresh(row).intent is Intent.WRONG_NUMBER
    with pytest.raises(Refused):
        correct(fresh(row), Reading.NOTHING)


def test_a_stop_may_have_been_a_wrong_number_and_stays_a_stop(line: Event, texts_us: Texts) -> None:
    row = texts_us(MIA, "STOP", clock.now())
    correct(fresh(row), Reading.WRONG_NUMBER)
    assert len(wrong_numbers()) == 1 and is_opted_out(MIA)


def test_no_tap_takes_a_number_from_a_chair_or_from_several(line: Event, texts_us: Texts) -> None:
    site = db.session.get_one(Site, line.site_id)
    make_member("Ortiz", "Carmen", site=site, phone=CARMEN)
    make_member("Rios", "Luis", site=site, phone=MIA)
    for phone, why in ((CARMEN, "has_role"), (MIA, "shared_phone")):
        row = texts_us(phone, "we will see", clock.now())
        with pytest.raises(Refused) as refusal:
            correct(row, Reading.WRONG_NUMBER)
        assert refusal.value.code == why and not is_opted_out(phone)


def test_no_chair_takes_a_number_off(line: Event, texts_us: Texts) -> None:
    carmen = db.session.scalars(
        select(Person).where(Person.phone_index == blind_index("phone", CARMEN))
    ).one()
    row = texts_us(MIA, "we will see", clock.now())
    scope = scopes_of([carmen], today(clock.now()))[carmen.id]
    offered = readings_offered([row], scope)[row.id]
    assert Reading.HERE in offered and Reading.WRONG_NUMBER not in offered


def test_no_one_but_the_chair_of_an_open_line_makes_a_count(line: Event, texts_us: Texts) -> None:
    row = texts_us(CARMEN, "we could be 31", clock.now() - timedelta(hours=9))
    with pytest.raises(Refused) as refusal:
        correct(row, Reading.COUNT)
    assert refusal.value.code == "not_offered", "no line of theirs was open"
    row = texts_us(MIA, "we are 31", clock.now())
    with pytest.raises(Refused):
        correct(row, Reading.COUNT)
    assert counts() == []


def test_an_emergency_that_was_overlooked_reaches_duty(line: Event, texts_us: Texts) -> None:
    row = texts_us(MIA, "can I bring my kids?", clock.now())
    read_answers(clock.now())
    correct(fresh(row), Reading.EMERGENCY)
    assert alert_duty(clock.now()) == 1 and phones("alarm") == [OLGA]
    assert fresh(row).done_at is None
    correct(fresh(row), Reading.NOTHING)
    assert fresh(row).intent is Intent.OTHER and fresh(row).done_at is not None


def test_an_organizer_adds_a_stop_and_nobody_lifts_one(
    client: FlaskClient, line: Event, texts_us: Texts
) -> None:
    row = texts_us(MIA, "can I bring my kids?", clock.now())
    sign_in(client, make_person("Otto Lind", role=RoleName.ORGANIZER, area=line.site.area))
    assert client.post(f"/inbox/{row.id}/reading", data={"reading": "stop"}).status_code == 303
    assert is_opted_out(MIA)
    for reading in ("nothing", "coming", "count"):
        assert client.post(f"/inbox/{row.id}/reading", data={"reading": reading}).status_code == 422
    correct(fresh(row), Reading.EMERGENCY)
    correct(fresh(row), Reading.NOTHING)
    assert is_opted_out(MIA), "the reading changes, the stop stays"
    texts_us(MIA, "START", clock.now() + timedelta(minutes=1))
    assert not is_opted_out(MIA)


def test_a_chair_corrects_what_their_chapter_wrote_and_adds_no_stop(
    client: FlaskClient, line: Event, texts_us: Texts
) -> None:
    make_member(site=make_site(), phone=NATE)
    mias, nates = (
        texts_us(MIA, "can I bring my kids?", clock.now()),
        texts_us(NATE, "can I bring my kids?", clock.now()),
    )
    sign_in(client, make_person("Vera Lund", role=RoleName.COCHAIR, site=line.site))
    assert client.post(f"/inbox/{mias.id}/reading", data={"reading": "stop"}).status_code == 422
    assert client.post(f"/inbox/{mias.id}/reading", data={"reading": "coming"}).status_code == 303
    assert client.post(f"/inbox/{nates.id}/reading", data={"reading": "coming"}).status_code == 404
    assert client.post(f"/inbox/{mias.id}/reading", data={"reading": "whatever"}).status_code == 400
    assert coming() == [True]


def test_a_shared_phone_is_asked_not_guessed(line: Event, texts_us: Texts) -> None:
    make_member("Reyes", "Luis", site=line.site, phone=MIA)
    row = texts_us(MIA, "can I bring my kids?", clock.now())
    with pytest.raises(Refused) as refusal:
        correct(row, Reading.COMING)
    assert refusal.value.code == "shared_phone"
    assert fresh(row).corrected_by is None
