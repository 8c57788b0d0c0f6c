"""WHERE and DONDE by text, while the office shows lines to everybody."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask

from mobilize.actions.line_finder.operations import show_lines
from mobilize.actions.models import Event
from mobilize.actions.operations import call_off_action
from mobilize.reminders.inbox.answers import read_answers
from mobilize.texts.models import Inbound
from mobilize.texts.receiving.replies import read_reply, school_asked
from tests.builders import START, make_event, make_member, make_site
from tests.reminders.conftest import MIA, NATE, phones, waiting, words

EVENING = START - timedelta(hours=13)
Texts = Callable[[str, str, datetime], Inbound]


@pytest.fixture
def event(app: Flask) -> Event:
    event = make_event(make_site("Lincoln Senior High", lat=34.05, lon=-118.25), meet_at="Gate B")
    make_site("Elm Street School", lat=34.06, lon=-118.25)
    show_lines(event.action, True, actor="shell", now=EVENING)
    return event


def ask_us(texts_us: Texts, phone: str, body: str, at: datetime = EVENING) -> Inbound:
    inbound = texts_us(phone, body, at)
    read_answers(at)
    return inbound


@pytest.mark.parametrize(
    ("body", "school"),
    [
        ("WHERE", ""),
        ("donde?", ""),
        ("Where is my line?", ""),
        ("\u00bfD\u00f3nde est\u00e1 mi l\u00ednea?", ""),
        ("where Lincoln", "lincoln"),
        ("DONDE esta la linea de Elm Street", "elm street"),
        ("somewhere", None),
        ("here", None),
    ],
)
def test_the_school_is_read_out_of_the_words(body: str, school: str | None) -> None:
    assert school_asked(body) == school


def test_danger_is_read_before_a_question() -> None:
    assert read_reply("where is the ambulance, somebody is bleeding").intent == "alarm"


def test_a_stranger_is_answered_once_a_day(event: Event, texts_us: Texts) -> None:
    first = ask_us(texts_us, NATE, "where lincoln")
    ask_us(texts_us, NATE, "WHERE elm", EVENING + timedelta(minutes=5))
    [text] = waiting("where_line")
    assert words(text).startswith("It is at Lincoln Senior High, Gate B, Tuesday, March 3, 7:00 am.")
    assert first.done_at is not None and phones("where_near") == []


def test_in_spanish_they_are_answered_in_spanish(event: Event, texts_us: Texts) -> None:
    ask_us(texts_us, NATE, "\u00bfD\u00f3nde? Lincoln")
    assert words(waiting("where_line")[0]).startswith("Es en Lincoln Senior High")


def test_all_strangers_together_have_a_budget(event: Event, texts_us: Texts, app: Flask) -> None:
    before = app.config["MOBILIZE"]
    app.config["MOBILIZE"] = replace(before, line_finder_texts_an_hour=2)
    try:
        for n in range(4):
            ask_us(texts_us, f"+1213555017{n}", "WHERE lincoln")
        assert len(phones("where_line")) == 2
        make_member(site=event.site, phone=MIA)
        ask_us(texts_us, MIA, "WHERE lincoln")
        assert len(phones("where_line")) == 3
    finally:
        app.config["MOBILIZE"] = before


def test_whoever_meets_a_used_up_budget_is_answered_in_the_next_hour(
    event: Event, texts_us: Texts, app: Flask
) -> None:
    """And one number that asks again and again uses up nothing of it."""
    before = app.config["MOBILIZE"]
    app.config["MOBILIZE"] = replace(before, line_finder_texts_an_hour=2)
    other, late = "+12135550171", "+12135550172"
    try:
        for phone in (NATE, NATE, NATE, other, late):
            ask_us(texts_us, phone, "WHERE lincoln")
        assert phones("where_line") == [NATE, other]
        ask_us(texts_us, late, "WHERE lincoln", EVENING + timedelta(hours=1))
        assert phones("where_line") == [NATE, other, late]
    finally:
        app.config["MOBILIZE"] = before


def test_a_member_need_not_name_the_school(event: Event, texts_us: Texts) -> None:
    make_member(site=event.site, phone=MIA)
    ask_us(texts_us, MIA, "Where is my line?")
    assert phones("where_line") == [MIA]


def test_a_school_without_a_line_is_told_the_nearest(event: Event, texts_us: Texts) -> None:
    ask_us(texts_us, NATE, "WHERE elm street")
    assert "Nearest: Lincoln Senior High, Gate B" in words(waiting("where_near")[0])


def test_what_names_no_school_is_asked_for_one_or_goes_to_a_person(event: Event, texts_us: Texts) -> None:
    ask_us(texts_us, NATE, "WHERE hogwarts")
    assert "WHERE and your school" in words(waiting("where_ask")[0])
    make_member(site=event.site, phone=MIA)
    question = ask_us(texts_us, MIA, "where do I park?")
    assert question.waits_at is not None and phones("where_ask") == [NATE]


def test_a_line_that_is_called_off_is_said_to_be(event: Event, texts_us: Texts) -> None:
    call_off_action(event.action, actor="shell", now=EVENING)
    ask_us(texts_us, NATE, "WHERE lincoln")
    assert words(waiting("where_off")[0]).startswith("It is called off at Lincoln Senior High.")


def test_while_no_page_is_on_nobody_is_answered(event: Event, texts_us: Texts) -> None:
    show_lines(event.action, False, actor="shell", now=EVENING)
    question = ask_us(texts_us, NATE, "WHERE lincoln")
    assert phones("where_line") == [] and question.waits_at is not None
