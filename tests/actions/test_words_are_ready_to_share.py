"""A chair or organizer passes on what, when and where, in both languages, and no code with it."""

import html
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from mobilize.accounts.models import RoleName
from mobilize.actions.models import EventState
from mobilize.database import atomic
from mobilize.languages import Translated
from tests.builders import START, make_action, make_event, make_person, make_site, sign_in

NAME = Translated(en="Picket for nurses", es="Piquete por enfermeras")


@pytest.fixture
def clock():
    """It stands at the day before, until the test moves it."""
    with time_machine.travel(START - timedelta(days=1), tick=False) as traveller:
        yield traveller


@pytest.fixture
def event(app, clock):
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], share_tags="#OurSchools")
    site = make_site("Roosevelt High", street="456 S Mathews St", city="Los Angeles")
    return make_event(site, action=make_action(name=NAME), meet_at="Main gate")


def shared(page):
    """By language, the words as they stand there."""
    pairs = re.findall(r'<p class="share-words" id="share-(\w+)" lang="\w+">([^<]*)</p>', page)
    return {code: html.unescape(words).split("\n") for code, words in pairs}


def test_a_chair_has_the_words_of_their_event_in_both_languages(client, event):
    sign_in(client, make_person("Carla", role=RoleName.CHAIR, site=event.site))
    page = client.get(f"/events/{event.id}").text
    assert shared(page) == {
        "en": [
            "Stand with us: Picket for nurses",
            "Tuesday, March 3, 7:00–7:45\u202fAM",
            "Roosevelt High, 456 S Mathews St, Los Angeles",
            "Meet here: Main gate",
            "Test Local 100 #OurSchools",
        ],
        "es": [
            "Acompáñanos: Piquete por enfermeras",
            "martes 3 de marzo, 7:00–7:45\u202fa.m.",
            "Roosevelt High, 456 S Mathews St, Los Angeles",
            "Nos vemos aquí: Main gate",
            "Test Local 100 #OurSchools",
        ],
    }
    words = "\n".join(shared(page)["es"])
    links = [html.unescape(one) for one in re.findall(r'href="((?:https://wa.me|sms:|mailto:)[^"]+)"', page)]
    assert [urlsplit(one).scheme for one in links] == ["https", "sms", "mailto"] * 2
    assert parse_qs(urlsplit(links[3]).query)["text"] == [words]
    assert parse_qs(links[4].partition("?")[2])["body"] == [words]
    assert parse_qs(links[5].partition("?")[2])["subject"] == ["Piquete por enfermeras"]


def test_no_check_in_code_stands_in_them_and_the_line_finder_only_where_it_is_shown(client, event):
    sign_in(client, make_person("Carla", role=RoleName.CHAIR, site=event.site))
    page = client.get(f"/events/{event.id}").text
    assert not any(event.code in line or event.text_code in line for line in shared(page)["en"])
    with atomic():
        event.action.line_finder_at = START - timedelta(days=2)
    find = f"/where?site={event.site.code}"
    [line] = [one for one in shared(client.get(f"/events/{event.id}").text)["en"] if "/where" in one]
    assert line.startswith("Find your line: http") and line.endswith(find)
    assert "Roosevelt High" in client.get(find).text


def test_an_organizer_has_words_for_the_whole_action(client, event):
    make_event(make_site("Belmont", area=event.site.area), action=event.action)
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=event.site.area))
    words = shared(client.get(f"/actions/{event.action_id}").text)
    assert words["en"] == [
        "Stand with us: Picket for nurses",
        "Tuesday, March 3, 7:00–7:45\u202fAM",
        "Ask your chair where your line is.",
        "Test Local 100 #OurSchools",
    ]
    assert words["es"][2] == "Pregunta a tu representante dónde está tu línea."


def test_an_action_at_one_place_says_where(client, event):
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=event.site.area))
    words = shared(client.get(f"/actions/{event.action_id}").text)
    assert "Roosevelt High, 456 S Mathews St, Los Angeles" in words["en"]


@pytest.mark.parametrize("called_off", [True, False])
def test_nothing_is_shared_of_what_is_called_off_or_over(client, clock, event, called_off):
    clock.move_to(START if called_off else event.ends_at + timedelta(minutes=1))
    sign_in(client, make_person("Carla", role=RoleName.CHAIR, site=event.site))
    with atomic():
        event.state = EventState.CALLED_OFF if called_off else event.state
    assert shared(client.get(f"/events/{event.id}").text) == {}
