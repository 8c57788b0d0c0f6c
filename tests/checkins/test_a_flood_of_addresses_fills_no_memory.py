"""Whoever makes addresses up, by the thousand or by the kilobyte, adds nothing to a process's memory."""

import gzip
import sys

import pytest
import time_machine
from cachetools import LRUCache

from mobilize.checkins.member import event_cache
from mobilize.checkins.member.personal_links import personal_code
from mobilize.web import http_compression
from tests.builders import make_event
from tests.checkins.morning import OPEN, post

GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture(autouse=True)
def in_the_morning():
    event_cache._pages.clear()
    with time_machine.travel(OPEN, tick=False):
        yield
    event_cache._pages.clear()


def test_addresses_that_differ_share_one_page(client, event):
    """By the words after a question mark, and the spelling of the code."""
    client.get(f"/c/{event.code}", headers=GZIP)
    pages, size = len(event_cache._pages), event_cache._pages.currsize
    for n in range(150):
        spelled = f"{event.code[:3]}-{event.code[3:]}" + "." * (n % 40)
        answer = client.get(f"/c/{spelled}?x={n}{'y' * 1500}", headers=GZIP)
        assert answer.status_code == 200
    assert (len(event_cache._pages), event_cache._pages.currsize) == (pages, size)
    assert pages == 1 and 1_000 < size < 100_000


def test_the_language_switch_leads_back_to_the_address_that_was_asked_for(client, event):
    for query in ("?x=1", "?x=%22%3E%3Cb%3E", ""):
        page = client.get(f"/c/{event.code}{query}").text
        assert '"><b>' not in page
        back = f'name="next" value="/c/{event.code}{query}"'
        assert back in page
        assert back in gzip.decompress(client.get(f"/c/{event.code}{query}", headers=GZIP).data).decode()


def test_what_is_known_after_a_question_mark_is_a_page_of_its_own(client, event):
    for query in ("", "?undone=1", "?other=1", "?undone=2&other=", "?undone=1&x=2", "?other"):
        client.get(f"/c/{event.code}{query}")
    assert len(event_cache._pages) == 4


def test_the_cache_holds_so_many_bytes_and_drops_the_oldest_page(client, monkeypatch):
    small = LRUCache(30_000, getsizeof=event_cache._pages.getsizeof)
    monkeypatch.setattr(event_cache, "_pages", small)
    events = [make_event() for _ in range(12)]
    for event in events:
        client.get(f"/c/{event.code}", headers=GZIP)
        assert small.currsize <= 30_000
    codes = [key[0] for key in small]
    assert 1 < len(codes) < len(events)
    assert codes == [event.code for event in events[-len(codes) :]]
    assert client.get(f"/c/{events[0].code}").status_code == 200


def test_a_page_is_not_larger_than_it_says(client, event):
    client.get(f"/c/{event.code}", headers=GZIP)
    [(_event, _settings, page)] = event_cache._pages.values()
    held = sum(sys.getsizeof(text) + sys.getsizeof(small) for text, small in page._compressed)
    assert 4_000 < held <= page.size


def test_a_receipt_behind_a_personal_link_is_nobody_elses(client, event, mia):
    letters = personal_code(event.id, mia.id)
    answer = client.post(f"/p/{event.code}/{letters}")
    assert f"letters={letters}" in answer.text
    assert len(event_cache._pages) == 0
    assert f"letters={letters}" not in post(client, event, mia.number).text


def test_one_file_is_compressed_once_whatever_it_is_called(client):
    """/static/./css is /static/css."""
    kept = http_compression.file_body.cache_info
    client.get("/static/css/mobilize.css", headers=GZIP)
    before = kept().currsize
    for n in range(30):
        answer = client.get(f"/static/{'./' * n}css/mobilize.css", headers=GZIP)
        assert answer.status_code in (200, 404)
    assert kept().currsize == before
