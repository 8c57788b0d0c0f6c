"""Every text of somebody we know is answered, or waits for a person whose name is told."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import RoleName
from mobilize.database import db
from mobilize.demo.carrier.server import Carrier
from mobilize.reminders.inbox.answers import read_answers
from mobilize.reminders.inbox.escalation import leave_to_person
from mobilize.reminders.inbox.queries import inbox_items, unknown_items
from mobilize.reminders.monitoring.on_call import alert_duty, take_duty
from mobilize.roster.models import Site
from mobilize.texts.models import Inbound, Intent, OutboxText, Priority, TextClass
from mobilize.texts.operations import PlannedText, opt_out, queue_texts
from mobilize.texts.sending import claiming
from mobilize.texts.sending.delivery import drain
from tests.builders import (
    START,
    ask_question,
    make_area,
    make_event,
    make_member,
    make_person,
    make_site,
    sign_in,
)
from tests.reminders.conftest import CARMEN, MIA, NATE, OLGA, phones, waiting, words
from tests.texts.conftest import carrier

__all__ = ["carrier"]
EVENING = START - timedelta(hours=13)
Texts = Callable[[str, str, datetime], Inbound]


@pytest.fixture
def queued_many(app: Flask) -> Callable[[int], None]:
    def queue(many: int) -> None:
        now = clock.now()
        texts = [
            PlannedText(
                purpose="reminder:1:1", phone=f"+1213556{n:04d}", wording="urgent_noted", language="en",
                text_class=TextClass.REQUESTED, tz="UTC", due_at=now, expires_at=now + timedelta(hours=1),
                priority=Priority.REMINDER,
            )
            for n in range(many)
        ]  # fmt: skip
        queue_texts(texts, now=now)

    return queue


def reminded(**values: object) -> Site:
    """Mia's chapter, in Olga's area; Mia was asked whether they are coming."""
    area = make_area()
    site = make_site("Elm Street School", area=area)
    make_person("Olga Reed", phone=OLGA, role=RoleName.ORGANIZER, area=area)
    make_person("Carmen Ortiz", phone=CARMEN, role=RoleName.CHAIR, site=site)
    make_member(site=site, phone=MIA, **values)
    ask_question(MIA, "coming", make_event(site).id, expires_at=START, now=EVENING)
    return site


@pytest.mark.parametrize("body", ["maybe, depends on my kid", "can I bring my kids?", "yes and no", "24"])
def test_what_needs_a_person_is_told_who_answers_and_waits_for_them(
    app: Flask, texts_us: Texts, body: str
) -> None:
    reminded()
    texts_us(MIA, body, EVENING)
    assert read_answers(EVENING) == 0
    [text] = waiting("person_answers")
    line = "thank you. Olga or another organizer will read this and get back to you."
    assert words(text) == f"Test Local 100: {line}"
    [item] = inbox_items(THE_OFFICE, EVENING)
    assert (item.names, item.waits_for) == (["Mia Reyes"], "Olga Reed")


def test_a_spanish_reader_is_told_in_spanish(app: Flask, texts_us: Texts) -> None:
    reminded(language="es")
    texts_us(MIA, "¿puedo llevar a mis hijos?", EVENING)
    read_answers(EVENING)
    line = "Olga u otra persona del sindicato lo va a leer y te contesta"
    assert line in words(waiting("person_answers")[0])


def test_whoever_is_on_duty_is_named_first(app: Flask, texts_us: Texts) -> None:
    site = reminded()
    otto = make_person("Otto Lind", role=RoleName.ORGANIZER, area=site.area)
    take_duty(otto, 8, now=EVENING)
    texts_us(MIA, "can I bring my kids?", EVENING)
    read_answers(EVENING)
    assert "Otto or another organizer" in words(waiting("person_answers")[0])


def test_without_an_organizer_the_office_answers_and_its_name_is_nowhere(app: Flask, texts_us: Texts) -> None:
    site = make_site()
    make_member(site=site, phone=MIA)
    make_person("Carmen Ortiz", phone=CARMEN, role=RoleName.CHAIR, site=site)
    texts_us(MIA, "can I bring my kids?", EVENING)
    read_answers(EVENING)
    [text] = waiting("office_answers")
    assert "The office will read this" in words(text) and "Carmen" not in words(text)


def test_it_is_said_once_in_a_day(app: Flask, texts_us: Texts) -> None:
    reminded()
    for hours in (0, 1, 23, 25):
        texts_us(MIA, "can I bring my kids?", EVENING + timedelta(hours=hours))
        read_answers(EVENING + timedelta(hours=hours))
    assert len(waiting("person_answers")) == 2
    assert len(inbox_items(THE_OFFICE, EVENING + timedelta(hours=26))) == 4


def test_two_beats_leave_it_once(app: Flask, texts_us: Texts) -> None:
    reminded()
    row = texts_us(MIA, "can I bring my kids?", EVENING)
    assert [leave_to_person(row, now=EVENING) for _again in range(2)] == [True, False]
    assert len(waiting("person_answers")) == 1


def test_a_heart_alone_waits_and_is_not_answered(app: Flask, texts_us: Texts) -> None:
    reminded()
    texts_us(MIA, "❤️", EVENING)
    read_answers(EVENING)
    assert phones("person_answers") == [] and len(inbox_items(THE_OFFICE, EVENING)) == 1


def test_a_heart_on_a_text_of_ours_is_not_answered_either(app: Flask, texts_us: Texts) -> None:
    reminded()
    texts_us(MIA, "Loved “Thank you for standing up. - Test Local 100”", EVENING)
    read_answers(EVENING)
    assert len(inbox_items(THE_OFFICE, EVENING)) == 1
    assert phones("person_answers") == phones("office_answers") == []


def test_somebody_who_wants_no_texts_waits_to_be_called(
    app: Flask, texts_us: Texts, client: FlaskClient
) -> None:
    reminded()
    opt_out(MIA, source="reply", now=EVENING)
    texts_us(MIA, "who is this", EVENING)
    read_answers(EVENING)
    [item] = inbox_items(THE_OFFICE, EVENING)
    assert item.gets_no_texts
    assert phones("who") == phones("person_answers") == []
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    page = client.get("/inbox").text
    assert "They get no texts: call them." in page and "Waits for Olga Reed" in page
    assert "Send the answer" not in page


def test_the_fourth_question_within_an_hour_waits_instead(app: Flask, texts_us: Texts) -> None:
    make_member(site=make_site(), phone=MIA)
    for _n in range(4):
        texts_us(MIA, "who is this", EVENING)
    read_answers(EVENING)
    assert len(waiting("who")) == 3 and len(inbox_items(THE_OFFICE, EVENING)) == 1


def test_numbers_nobody_has_stand_in_a_list_and_are_not_answered(
    app: Flask, client: FlaskClient, texts_us: Texts
) -> None:
    now = clock.now()
    for body in ("hello?", "who is this", "HERE 10006", "URGENT", "here"):
        texts_us(NATE, body, now)
    read_answers(now)
    assert len(unknown_items(now)) == 5 and inbox_items(THE_OFFICE, now) == []
    assert db.session.scalars(select(OutboxText)).all() == []
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "hello?" in client.get("/inbox/unknown").text
    sign_in(client, make_person("Olga Reed", role=RoleName.ORGANIZER, area=make_area()))
    assert client.get("/inbox/unknown").status_code == 403


def test_danger_with_no_texts_wanted_has_duty_call(app: Flask, texts_us: Texts) -> None:
    reminded()
    texts_us(MIA, "stop texting me or I call the police", EVENING)
    assert alert_duty(EVENING) == 1
    [text] = waiting("alarm_call")
    assert text.to == OLGA
    assert (
        "wants no texts" in words(text)
        and "call them now" in words(text)
        and "Elm Street School" in words(text)
    )


def test_danger_of_somebody_who_said_stop_before_has_duty_call(app: Flask, texts_us: Texts) -> None:
    reminded()
    opt_out(MIA, source="reply", now=EVENING)
    texts_us(MIA, "police are here", EVENING)
    alert_duty(EVENING)
    assert phones("alarm_call") == [OLGA] and phones("alarm") == []


def test_a_chairs_alarm_reaches_the_organizers_of_the_area(app: Flask, texts_us: Texts) -> None:
    reminded()
    make_person("Ada Stone", phone="+12135550110", role=RoleName.ADMIN)
    texts_us(CARMEN, "police are here", EVENING)
    alert_duty(EVENING)
    assert phones("alarm") == [OLGA]


def test_whom_no_text_reaches_is_not_alone_on_duty(app: Flask, texts_us: Texts) -> None:
    site = reminded()
    otto = make_person("Otto Lind", phone="+12135550111", role=RoleName.ORGANIZER, area=site.area)
    take_duty(otto, 8, now=EVENING)
    opt_out("+12135550111", source="reply", now=EVENING)
    texts_us(MIA, "police are here", EVENING)
    alert_duty(EVENING)
    assert phones("alarm") == [OLGA]


def test_an_alarm_leaves_before_what_waited_already(
    app: Flask, texts_us: Texts, carrier: Carrier, queued_many: Callable[[int], None]
) -> None:
    reminded()
    queued_many(200)
    now = clock.now()
    texts_us(MIA, "someone fainted", now)
    alert_duty(now)
    [first, *_rest] = claiming.claim(32, by="test", now=now)
    assert first.to == OLGA
    assert drain(now=now).accepted > 0


def test_the_intent_is_told_beside_each_text(app: Flask, client: FlaskClient, texts_us: Texts) -> None:
    reminded()
    row = texts_us(MIA, "police are here", clock.now())
    assert row.intent is Intent.ALARM
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "Read as: Emergency" in client.get("/inbox").text
