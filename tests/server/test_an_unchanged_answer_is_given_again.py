"""A line's phone that asks the same again is told "nothing changed" by the event loop, with every header;
whatever makes the answer another one is noticed."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from mobilize import clock
from mobilize.accounts.access.grants import revoke_grant
from mobilize.web.repeated_answers import Current, RepeatedAnswers, RsgiResponse
from tests.checkins.morning import scan
from tests.server.line_phones import LinePhone, picket

__all__ = ["picket"]


class Phone(LinePhone):
    def look(self, etag="", **headers):
        validator = {"If-None-Match": etag} if etag else {}
        return requests.get(self.address, headers=self.cookie | validator | headers, timeout=20)

    def settled(self):
        """Its name for what it sees, after it was told three times that this is all."""
        etag = self.look().headers["ETag"]
        assert [self.look(etag).status_code for _again in range(3)] == [304] * 3
        return etag


def test_an_answer_given_again_has_every_header_and_the_time(live_server, picket):
    phone = Phone(live_server, picket)
    etag = phone.look().headers["ETag"]
    first = phone.look(etag)
    time.sleep(0.01)
    again = [phone.look(etag) for _again in range(5)]
    for answer in again:
        assert answer.headers.keys() == first.headers.keys()
        assert answer.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["ETag"] == etag
    times = [int(answer.headers["X-Now"]) for answer in (first, *again)]
    assert times == sorted(times) and times[-1] > times[0]


def test_a_change_ends_it(live_server, picket):
    phone = Phone(live_server, picket)
    etag = phone.settled()
    scan(picket, "2135550101", at=clock.now())
    time.sleep(1)
    answer = phone.look(etag)
    assert answer.status_code == 200 and answer.json()["named"] == 1


def test_a_link_that_is_taken_back_ends_it(live_server, picket):
    phone = Phone(live_server, picket)
    etag = phone.settled()
    revoke_grant(phone.grant, "shell", now=clock.now())
    time.sleep(1)
    assert phone.look(etag).status_code == 403


def test_who_has_just_sent_something_is_answered_from_what_is_stored(live_server, picket):
    """Without the name of a state: its own tick must not be missing from what it sees."""
    phone = Phone(live_server, picket)
    phone.settled()
    for n in range(5):
        scan(picket, f"21355501{n:02}", at=clock.now())
        state = phone.look().json()
        assert state["named"] + state["others"] == n + 1


def test_a_change_is_read_once_and_given_to_all_phones(live_server, picket):
    """Also to one that waits, in its own language, without a thread."""
    phones = [Phone(live_server, picket) for _phone in range(2)]
    etags = [phone.settled() for phone in phones]
    with ThreadPoolExecutor(2) as pool:
        waiting = [
            pool.submit(phone.look, etag, Prefer="wait") for phone, etag in zip(phones, etags, strict=True)
        ]
        time.sleep(1)
        scan(picket, "2135550101", at=clock.now())
        answers = [one.result() for one in waiting]
    for answer, etag in zip(answers, etags, strict=True):
        assert answer.status_code == 200 and answer.json()["named"] == 1 and answer.headers["ETag"] != etag
        assert answer.headers["Content-Type"] == "application/json" and "X-Waits-For" not in answer.headers


def test_another_phones_cookie_and_another_language_are_another_request(live_server, picket):
    phone = Phone(live_server, picket)
    etag = phone.settled()
    stranger = f"line-{picket.code}={'A' * 40}"
    assert phone.look(etag, Cookie=stranger).status_code == 403
    assert phone.look(etag, Cookie="").status_code == 403
    assert phone.look(etag, **{"Accept-Language": "es"}).status_code == 304
    assert phone.look('"another"').status_code == 200


class FakeScope:
    """A request as the server describes it."""

    def __init__(self, method="GET", path="/x", query="", *headers):
        self.method, self.path, self.query_string = method, path, query
        self.headers = dict(headers)


FIRST = RsgiResponse(200, [("Content-Type", "application/json"), ("ETag", '"1"'), ("X-Now", "1")], b"one", "")
COOKIE = ("cookie", "a=b")


def current(etag, body=b"", waits_for=""):
    return Current({"Content-Type": "application/json", "ETag": etag, "X-Now": "2"}, body, waits_for)


def kept(scope, again=lambda _etags: current('"1"', b"one")):
    answers = RepeatedAnswers()
    answers.keep(scope, {"mobilize.current": again}, FIRST)
    return answers


def request_with(etag, *more):
    return FakeScope("GET", "/x", "", COOKIE, ("if-none-match", etag), *more)


def test_it_is_given_with_what_is_new():
    answer = kept(FakeScope()).find(FakeScope())
    assert answer.status == 200 and answer.body == b"one" and ("X-Now", "2") in answer.headers
    assert len(answer.headers) == len(FIRST.headers)


@pytest.mark.parametrize(
    "other",
    [
        FakeScope("POST"),
        FakeScope("HEAD"),
        FakeScope("GET", "/y"),
        FakeScope("GET", "/x", "lang=es"),
        FakeScope("GET", "/x", "", ("cookie", "a=b")),
        FakeScope("GET", "/x", "", ("host", "elsewhere")),
        FakeScope("GET", "/x", "", ("accept-language", "es")),
        FakeScope("GET", "/x", "", ("accept-encoding", "gzip")),
        FakeScope("GET", "/x", "", ("content-length", "3")),
    ],
)
def test_what_is_asked_otherwise_is_asked_of_the_application(other):
    assert kept(FakeScope()).find(other) is None


def test_what_no_view_has_allowed_is_not_kept():
    answers = RepeatedAnswers()
    answers.keep(FakeScope(), {}, FIRST)
    assert answers.find(FakeScope()) is None


def test_a_flood_of_requests_fills_no_memory():
    answers = RepeatedAnswers()
    environ = {"mobilize.current": lambda _etags: current('"1"')}
    for n in range(20_000):
        answers.keep(FakeScope("GET", "/x", "", ("cookie", str(n))), environ, FIRST)
    assert answers.find(FakeScope("GET", "/x", "", ("cookie", "0"))) is None
    long = FakeScope("GET", "/x", "", ("cookie", "c" * 5000))
    answers.keep(long, environ, FIRST)
    assert answers.find(long) is None


def test_what_stands_there_by_now_is_given_to_whoever_saw_another_state():
    answers = kept(request_with('"1"'), lambda _etags: current('W/"2"', b"two"))
    now = answers.find(request_with('"1"'))
    assert now.status == 200 and now.body == b"two" and dict(now.headers)["ETag"] == 'W/"2"'
    assert answers.find(FakeScope("GET", "/x", "", COOKIE)) == now
    unchanged = answers.find(request_with('W/"2"'))
    assert (unchanged.status, unchanged.body, unchanged.waits_for) == (304, b"", "")
    assert dict(unchanged.headers) == {"ETag": 'W/"2"', "X-Now": "2"}
    assert answers.find(request_with('"0", "2"')).status == 304
    assert answers.find(FakeScope("GET", "/x", "", ("cookie", "b=a"), ("if-none-match", '"1"'))) is None


def test_that_nothing_has_changed_may_wait_where_the_browser_says_so():
    answers = kept(request_with('"1"'), lambda _etags: current('"2"', b"two", "line 7"))
    assert answers.find(request_with('"2"', ("prefer", "wait"))).waits_for == "line 7"
    assert answers.find(request_with('"2"')).waits_for == ""
    assert answers.find(request_with('"1"', ("prefer", "wait")))[::2] == (200, b"two")


def test_one_is_sent_for_what_stands_there_and_the_others_are_answered_meanwhile():
    holds = iter([current('"2"', b"two"), None, current('"2"', b"two"), None, current('"2"', b"two")])
    answers = kept(request_with('"1"'), lambda _etags: next(holds))
    bodies = [(one := answers.find(request_with('"1"'))) and one.body for _look in range(4)]
    assert bodies == [b"two", None, b"two", None]
    # It was sent for, and had not changed.
    unchanged = RsgiResponse(304, [("ETag", '"2"'), ("X-Now", "1")], b"", "")
    answers.keep(request_with('"2"'), {"mobilize.current": lambda _etags: next(holds)}, unchanged)
    answer = answers.find(request_with('"1"'))
    assert answer.status == 200 and ("Content-Type", "application/json") in answer.headers
