"""Coming or not, and checking in by text."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import RoleName
from mobilize.actions.events.codes import replace_code
from mobilize.actions.models import Event
from mobilize.checkins.models import Attendance, Evidence, Method, Outcome
from mobilize.database import db
from mobilize.reminders.inbox.answers import read_answers
from mobilize.reminders.inbox.queries import inbox_items, unknown_items
from mobilize.reminders.models import Rsvp
from mobilize.roster.models import Membership
from mobilize.texts.models import Inbound
from tests.builders import (
    LONG_AGO,
    START,
    _stored,
    ask_question,
    make_event,
    make_member,
    make_person,
    make_site,
)
from tests.reminders.conftest import MIA, NATE, OLGA, phones, waiting, words

EVENING = START - timedelta(hours=13)
DURING = START + timedelta(minutes=5)
Texts = Callable[[str, str, datetime], Inbound]


def reminded(phone: str = MIA, **values: object) -> Event:
    event = make_event(make_site("Elm Street School"))
    make_member(site=event.site, phone=phone, **values)
    ask_question(phone, "coming", event.id, expires_at=START, now=EVENING)
    return event


def coming() -> list[bool]:
    db.session.rollback()
    return list(db.session.scalars(select(Rsvp.coming)))


def test_one_means_coming_and_is_answered(app: Flask, texts_us: Texts) -> None:
    reminded()
    texts_us(MIA, "1", EVENING)
    assert [read_answers(EVENING) for _again in range(2)] == [1, 0]
    assert coming() == [True]
    assert "See you Tuesday, March 3, 7:00 am, Elm Street School" in words(waiting("coming_noted")[0])


def test_the_last_answer_counts(app: Flask, texts_us: Texts) -> None:
    reminded()
    texts_us(MIA, "voy", EVENING)
    texts_us(MIA, "2", EVENING + timedelta(minutes=1))
    read_answers(EVENING + timedelta(minutes=2))
    assert coming() == [False]
    assert phones("not_coming_noted") == [MIA]


def test_a_spanish_reader_is_answered_in_spanish(app: Flask, texts_us: Texts) -> None:
    reminded(language="es")
    texts_us(MIA, "1", EVENING)
    read_answers(EVENING)
    assert "Nos vemos martes 3 de marzo, 7:00 a.m." in words(waiting("coming_noted")[0])


def test_after_the_start_one_is_no_answer_any_more(app: Flask, texts_us: Texts) -> None:
    reminded()
    texts_us(MIA, "1", DURING)
    assert read_answers(DURING) == 0


def test_here_and_the_code_check_a_member_in_once(app: Flask, texts_us: Texts) -> None:
    event = make_event(make_site("Elm Street School"))
    make_member(site=event.site, phone=MIA)
    texts_us(MIA, f"here {event.text_code}", DURING)
    texts_us(MIA, f"AQUÍ {event.text_code}", DURING + timedelta(minutes=1))
    assert [read_answers(DURING) for _again in range(2)] == [2, 0]
    rows = db.session.scalars(select(Evidence).order_by(Evidence.happened_at)).all()
    assert [row.outcome for row in rows] == [Outcome.COUNTED, Outcome.REPEAT]
    assert {row.method for row in rows} == {Method.TEXT}
    assert len(db.session.scalars(select(Attendance)).all()) == 1
    assert {words(text) for text in waiting("here_counted")} == {
        "You're counted at Elm Street School. Thank you for standing up. - Test Local 100"
    }


def test_a_stranger_is_stored_and_not_texted(app: Flask, texts_us: Texts) -> None:
    event = make_event()
    texts_us(NATE, f"HERE {event.text_code}", DURING)
    read_answers(DURING)
    assert [row.outcome for row in db.session.scalars(select(Evidence))] == [Outcome.WALKUP]
    assert phones("here_counted") == []
    assert [item.inbound.body for item in unknown_items(DURING)] == [f"HERE {event.text_code}"]


def test_an_unknown_code_is_said_to_a_member(app: Flask, texts_us: Texts) -> None:
    event = make_event()
    make_member(site=event.site, phone=MIA)
    texts_us(MIA, "HERE 10006" if event.text_code != "10006" else "HERE 10014", DURING)
    read_answers(DURING)
    assert phones("here_unknown") == [MIA]


def test_digits_of_a_leaked_poster_are_kept_and_say_where_to_go(app: Flask, texts_us: Texts) -> None:
    event = make_event(make_site("Elm Street School"))
    make_member(site=event.site, phone=MIA)
    leaked = event.text_code
    texts_us(MIA, f"HERE {leaked}", DURING)
    replace_code(event, event.code, actor="shell", now=DURING + timedelta(minutes=1))
    texts_us(MIA, f"HERE {leaked}", DURING + timedelta(minutes=2))
    read_answers(DURING + timedelta(minutes=2))
    rows = db.session.scalars(select(Evidence).order_by(Evidence.happened_at)).all()
    assert [row.outcome for row in rows] == [Outcome.COUNTED, Outcome.UNRESOLVED]
    [text] = waiting("here_old_code")
    assert "Elm Street School" in words(text) and event.text_code not in words(text)


def test_a_check_in_outside_the_hours_is_kept_and_said_to_be_kept(app: Flask, texts_us: Texts) -> None:
    event = make_event()
    make_member(site=event.site, phone=MIA)
    early = START - timedelta(hours=2)
    texts_us(MIA, f"HERE {event.text_code}", early)
    read_answers(early)
    assert [row.outcome for row in db.session.scalars(select(Evidence))] == [Outcome.OUTSIDE_HOURS]
    assert phones("here_kept") == [MIA]


def test_what_means_nothing_to_us_stays_unread(app: Flask, texts_us: Texts) -> None:
    reminded()
    stray = texts_us(MIA, "can I bring my kids?", EVENING)
    assert read_answers(EVENING) == 0
    assert stray.done_at is None


def test_here_without_a_code_counts_where_one_line_alone_is_open_to_them(app: Flask, texts_us: Texts) -> None:
    event = make_event(make_site("Elm Street School"))
    make_event(make_site())  # another chapter's
    make_member(site=event.site, phone=MIA)
    texts_us(MIA, "aqui estoy", DURING)
    assert read_answers(DURING) == 1
    assert [row.outcome for row in db.session.scalars(select(Evidence))] == [Outcome.COUNTED]
    assert phones("here_counted") == [MIA]


def test_here_without_a_code_is_asked_for_it_where_no_line_is_open_or_two_are(
    app: Flask, texts_us: Texts
) -> None:
    home, second = make_event(make_site()), make_event(make_site())
    mia = make_member(site=home.site, phone=MIA)
    _stored(Membership(member_id=mia.id, site_id=second.site_id, rank="second", from_at=LONG_AGO))
    texts_us(MIA, "here", EVENING)
    texts_us(MIA, "HERE", DURING)
    read_answers(DURING)
    assert phones("here_which") == [MIA, MIA]
    assert "like HERE 37806" in words(waiting("here_which")[0])
    assert db.session.scalars(select(Evidence)).all() == []


def test_here_of_a_shared_phone_without_a_code_asks_who_it_was(app: Flask, texts_us: Texts) -> None:
    event = make_event(make_site("Elm Street School"))
    make_member(site=event.site, phone=MIA)
    make_member("Reyes", "Luis", site=event.site, phone=MIA)
    texts_us(MIA, "here", DURING)
    read_answers(DURING)
    assert phones("who_is_here") == [MIA]


def test_a_bare_code_checks_in(app: Flask, texts_us: Texts) -> None:
    event = make_event(make_site("Elm Street School"))
    make_member(site=event.site, phone=MIA)
    texts_us(MIA, event.text_code, DURING)
    read_answers(DURING)
    assert phones("here_counted") == [MIA]


@pytest.mark.parametrize(
    "written", ["{code} here", "{code} aquí", "{code} I'm here", "{head} {tail}", "Here {head}-{tail}"]
)
def test_a_code_checks_in_before_here_and_in_two_parts(app: Flask, texts_us: Texts, written: str) -> None:
    event = make_event(make_site("Elm Street School"))
    make_member(site=event.site, phone=MIA)
    code = event.text_code
    texts_us(MIA, written.format(code=code, head=code[:3], tail=code[3:]), DURING)
    assert read_answers(DURING) == 1
    assert [row.outcome for row in db.session.scalars(select(Evidence))] == [Outcome.COUNTED]


@pytest.mark.parametrize("wording", ["Yes, where do we meet?", "No voy, ¿me van a descontar?"])
def test_an_answer_with_a_question_is_noted_and_waits_for_a_person(
    app: Flask, texts_us: Texts, wording: str
) -> None:
    event = reminded()
    make_person("Olga Reed", phone=OLGA, role=RoleName.ORGANIZER, area=event.site.area)
    texts_us(MIA, wording, EVENING)
    assert [read_answers(EVENING) for _again in range(2)] == [1, 0]
    assert coming() == [wording.startswith("Yes")]
    [item] = inbox_items(THE_OFFICE, EVENING)
    assert item.waits_for == "Olga Reed"
    assert phones("person_answers") == [MIA] and phones("coming_noted") == phones("not_coming_noted") == []


def test_who_was_told_today_who_answers_is_told_that_the_answer_is_noted(app: Flask, texts_us: Texts) -> None:
    reminded()
    texts_us(MIA, "what do I bring", EVENING)
    read_answers(EVENING)
    texts_us(MIA, "Yes, is there parking?", EVENING + timedelta(minutes=5))
    read_answers(EVENING + timedelta(minutes=5))
    assert phones("office_answers") == phones("coming_noted") == [MIA]
    assert len(inbox_items(THE_OFFICE, EVENING + timedelta(minutes=6))) == 2


def test_a_question_of_a_shared_phone_waits_while_it_is_asked_whose_answer_it_was(
    app: Flask, texts_us: Texts
) -> None:
    event = reminded()
    make_member("Reyes", "Luis", site=event.site, phone=MIA)
    texts_us(MIA, "Yes, where do we meet?", EVENING)
    read_answers(EVENING)
    assert coming() == [] and phones("who_comes") == [MIA]
    assert len(inbox_items(THE_OFFICE, EVENING)) == 1
