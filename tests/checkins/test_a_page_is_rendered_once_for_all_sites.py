"""What hundreds of sites of one action have alike in their check-in pages and receipts is rendered once; each
site's own place, code and words stand in it as if it had been rendered for that site alone."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from flask import before_render_template

from mobilize.checkins.line.queries import last_count
from mobilize.checkins.member import event_cache, pages
from mobilize.checkins.record.head_counts import report_head_count
from tests.builders import make_action, make_event, make_site
from tests.checkins.morning import OPEN, nonce, post

ODD = ("Roosevelt High", "O'Brien & <b>Sons</b>", 'The "Nook"', "%(place)s {{ code }} 100%", "Niño ñandú")


@pytest.fixture(autouse=True)
def in_the_morning():
    with time_machine.travel(OPEN, tick=False):
        forget()
        yield
        forget()


def forget():
    event_cache._pages.clear()
    event_cache._texts.clear()
    event_cache._events.clear()
    last_count.cache_clear()


@contextmanager
def renderings(app):
    names = []

    def note(_app, template, **_context):
        names.append(template.name)

    with before_render_template.connected_to(note, app):
        yield names


def lines(count=5):
    action = make_action()
    return [
        make_event(make_site(name), action=action, meet_at=["", "Gate <B> & flag"][n % 2])
        for n, name in enumerate(ODD[:count])
    ]


def test_a_second_site_of_an_action_costs_no_rendering(app, client):
    first, second = lines(2)
    client.get(f"/c/{first.code}")
    with renderings(app) as names:
        page = client.get(f"/c/{second.code}").text
    assert "checkins/check_in.html" in names, "it has a place to meet, and the first one has none"
    third = make_event(make_site("Lincoln High"), action=first.action, meet_at="Door 3")
    with renderings(app) as names:
        page = client.get(f"/c/{third.code}").text
        post(client, third, "2135550199")
    assert "checkins/check_in.html" not in names
    assert "Lincoln High" in page and "Door 3" in page and third.code in page and second.code not in page


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=-5), timedelta(hours=5)])
def test_each_page_is_as_if_it_was_rendered_for_its_site_alone(client, monkeypatch, language, ahead):
    events = lines()
    make_event(events[0].site, starts_at=OPEN + timedelta(days=7), ends_at=OPEN + timedelta(days=7, hours=1))

    for n, event in enumerate(events[:3]):
        moment = OPEN - timedelta(minutes=n)
        report_head_count(event, n, counted_at=moment, nonce=nonce(), via="line", by="grant:test", now=moment)

    def all_pages():
        forget()
        with time_machine.travel(OPEN + ahead, tick=False):
            return [one for event in events for one in pages_of(client, event, language)]

    monkeypatch.setattr(pages, "make_code", lambda _length: "ABCDEF")
    monkeypatch.setattr(pages, "event_token", lambda _code: "token")
    shared = all_pages()
    monkeypatch.setattr(
        pages, "rendered_for_all_sites", lambda event, _kind, render, count="": render(event, count)
    )
    assert shared == all_pages() and len(set(shared)) > len(events)


def pages_of(client, event, language):
    headers = {"Accept-Language": language}
    yield client.get(f"/c/{event.code}?x=1", headers=headers).text
    yield client.get(f"/c/{event.code}?other=1", headers=headers).text
    answer = client.post(f"/c/{event.code}", data={"typed": "2135550100", "token": "token"}, headers=headers)
    yield answer.text


def test_a_page_of_somebody_who_has_a_session_is_given_to_nobody_else(client):
    [event] = lines(1)
    client.set_cookie("session", "somebody")
    client.get(f"/c/{event.code}")
    assert not event_cache._texts and not event_cache._pages
