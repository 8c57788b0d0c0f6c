"""What no rule could answer: who sees it, what stands first, and what becomes of it."""

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
from mobilize.errors import Refused
from mobilize.reminders.inbox.operations import answer_inbound
from mobilize.reminders.inbox.queries import inbox_items
from mobilize.reminders.monitoring.on_call import alert_duty, running_shift, take_duty
from mobilize.roster.models import Member
from mobilize.texts.consent.consents import consents_of, version_of
from mobilize.texts.models import ConsentKind, Inbound, TextClass
from mobilize.texts.operations import opt_out
from tests.builders import make_area, make_member, make_person, make_site, sign_in
from tests.reminders.conftest import CARMEN, MIA, NATE, OLGA, phones, waiting, words

Texts = Callable[[str, str, datetime], Inbound]


def earlier() -> datetime:
    return clock.now() - timedelta(minutes=5)


def test_urgent_words_stand_first(app: Flask, texts_us: Texts) -> None:
    make_member(site=make_site("Elm Street School"), phone=MIA)
    texts_us(MIA, "can I bring my kids?", earlier())
    texts_us(MIA, "alguien está herido", clock.now())
    result = inbox_items(THE_OFFICE, clock.now())
    assert [item.urgent for item in result] == [True, False]
    assert result[0].names == ["Mia Reyes"]
    assert result[0].site == "Elm Street School"


def test_each_sees_the_texts_of_their_own(app: Flask, client: FlaskClient, texts_us: Texts) -> None:
    area, site = make_area(), make_site("Elm Street School")
    make_member(site=site, phone=MIA)
    texts_us(MIA, "can I bring my kids?", earlier())
    texts_us(NATE, "which union is that", earlier())
    sign_in(client, make_person(role=RoleName.CHAIR, site=site))
    page = client.get("/inbox").text
    assert "my kids" in page and "which union" not in page
    sign_in(client, make_person("Olga Reed", role=RoleName.ORGANIZER, area=area))
    assert "Nothing is waiting for you" in client.get("/inbox").text
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "my kids" in client.get("/inbox").text
    assert "which union" in client.get("/inbox/unknown").text


def test_an_answer_leaves_once_in_the_unions_name_and_the_text_is_done(
    app: Flask, client: FlaskClient, texts_us: Texts
) -> None:
    site = make_site()
    make_member(site=site, phone=MIA)
    query = texts_us(MIA, "can I bring my kids?", earlier())
    sign_in(client, make_person(role=RoleName.CHAIR, site=site))
    for _again in range(2):
        sent = client.post(f"/inbox/{query.id}/answer", data={"answer": "Yes, bring {them}!"})
        assert sent.status_code == 303
    [text] = waiting("as_written")
    assert words(text) == "Test Local 100: Yes, bring {them}!"
    assert text.text_class is TextClass.REQUESTED
    assert "Nothing is waiting for you" in client.get("/inbox").text
    assert client.post(f"/inbox/{query.id}/answer", data={"answer": " "}).status_code == 422


def test_a_late_answer_keeps_to_the_hours_and_nobody_who_said_stop_gets_one(
    app: Flask, texts_us: Texts
) -> None:
    query = texts_us(MIA, "can I bring my kids?", clock.now() - timedelta(hours=1))
    answer_inbound(query, "Yes", actor="shell", now=clock.now())
    assert waiting("as_written")[0].text_class is TextClass.NOTICE
    opt_out(MIA, source="reply", now=clock.now())
    with pytest.raises(Refused) as refusal:
        answer_inbound(query, "Really", actor="shell", now=clock.now())
    assert refusal.value.code == "no_phone"


def test_done_needs_no_answer(app: Flask, client: FlaskClient, texts_us: Texts) -> None:
    letter = texts_us(MIA, "thanks", earlier())
    sign_in(client, make_person(role=RoleName.ADMIN))
    assert client.post(f"/inbox/{letter.id}/done").status_code == 303
    assert inbox_items(THE_OFFICE, clock.now()) == []


def test_whoever_is_on_duty_is_texted_once_without_the_words(
    app: Flask, client: FlaskClient, texts_us: Texts
) -> None:
    area = make_area()
    make_member(site=make_site("Elm Street School", area=area), phone=MIA)
    olga = make_person("Olga Reed", phone=OLGA, role=RoleName.ORGANIZER, area=area)
    make_person("Otto Lind", phone=CARMEN, role=RoleName.ORGANIZER, area=area)
    sign_in(client, olga)
    client.post("/inbox/duty", data={"hours": "8"})
    texts_us(MIA, "police are here", clock.now())
    assert [alert_duty(clock.now()) for _again in range(2)] == [1, 0]
    [text] = waiting("alarm")
    assert (text.to, text.urgent) == (OLGA, True)
    assert "Elm Street School" in words(text) and "police" not in words(text)
    client.post("/inbox/duty", data={"hours": "0"})
    assert running_shift(olga, clock.now()) is None


def test_with_nobody_on_duty_the_areas_organizers_are_else_the_office(app: Flask, texts_us: Texts) -> None:
    area = make_area()
    make_member(site=make_site(area=area), phone=MIA)
    make_person("Olga Reed", phone=OLGA, role=RoleName.ORGANIZER, area=area)
    elsewhere = make_person("Otto Lind", phone=CARMEN, role=RoleName.ORGANIZER, area=make_area())
    take_duty(elsewhere, 8, now=clock.now())
    make_person("Ada Stone", phone="+12135550110", role=RoleName.ADMIN)
    texts_us(MIA, "she is hurt", clock.now())
    texts_us(NATE, "call 911", clock.now())
    alert_duty(clock.now())
    assert phones("alarm") == [OLGA, "+12135550110"]


def test_espanol_switches_the_language_and_says_so_in_it(app: Flask, texts_us: Texts) -> None:
    make_member(site=make_site(), phone=MIA)
    texts_us(MIA, "Español", clock.now())
    assert db.session.scalar(select(Member.language)) == "es"
    assert "desde ahora te escribimos en español" in words(waiting("language_chosen")[0])


@pytest.mark.parametrize("word", ["URGENT", "urgente"])
def test_urgent_is_agreed_to_and_written_down(app: Flask, texts_us: Texts, word: str) -> None:
    make_member(site=make_site(), phone=MIA)
    now = clock.now()
    texts_us(MIA, word, now)
    texts_us(NATE, word, now)
    assert db.session.scalar(select(Member.urgent_ok_at)) == now
    [consent] = consents_of(MIA)
    assert (consent.kind, consent.granted, consent.how) == (ConsentKind.URGENT, True, "reply")
    assert consent.wording == version_of("urgent_noted")
    assert phones("urgent_noted") == [MIA]
    assert consents_of(NATE) == []


def test_stop_and_start_are_written_down_in_order(app: Flask, texts_us: Texts) -> None:
    for minutes, word in enumerate(("no me escriban más", "START")):
        texts_us(MIA, word, clock.now() + timedelta(minutes=minutes))
    assert [(c.kind, c.granted) for c in consents_of(MIA)] == [
        (ConsentKind.TEXTS, False),
        (ConsentKind.TEXTS, True),
    ]
