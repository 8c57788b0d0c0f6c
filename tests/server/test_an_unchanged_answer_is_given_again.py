"""A line's phone that asks the same again is told "nothing changed" by the event loop, with every header;
whatever makes the answer another one is noticed."""

import time

import pytest
import requests

from mobilize import clock
from mobilize.accounts.access.grants import revoke_grant
from mobilize.web.repeated_answers import RepeatedAnswers, RsgiResponse
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


FIRST = RsgiResponse(304, [("ETag", '"1"'), ("X-Now", "1")], b"", "")


def kept(scope, again=lambda: ({"X-Now": "2"}, b"")):
    answers = RepeatedAnswers()
    answers.keep(scope, {"mobilize.again": again}, FIRST)
    return answers


def test_it_is_given_with_what_is_new():
    answers = kept(FakeScope())
    assert answers.find(FakeScope()) == FIRST._replace(headers=[("ETag", '"1"'), ("X-Now", "2")])


@pytest.mark.parametrize(
    "other",
    [
        FakeScope("POST"),
        FakeScope("HEAD"),
        FakeScope("GET", "/y"),
        FakeScope("GET", "/x", "lang=es"),
        FakeScope("GET", "/x", "", ("cookie", "a=b")),
        FakeScope("GET", "/x", "", ("host", "elsewhere")),
        FakeScope("GET", "/x", "", ("content-length", "3")),
        FakeScope("GET", "/x", "", ("prefer", "wait")),
    ],
)
def test_what_is_asked_otherwise_is_asked_of_the_application(other):
    assert kept(FakeScope()).find(other) is None


def test_what_does_not_hold_any_more_is_forgotten():
    holds = iter([({}, b""), None])
    answers = kept(FakeScope(), lambda: next(holds))
    assert answers.find(FakeScope()) is not None
    assert answers.find(FakeScope()) is None
    assert answers.find(FakeScope()) is None, "it is not asked again whether it holds"


def test_what_no_view_has_allowed_is_not_kept():
    answers = RepeatedAnswers()
    answers.keep(FakeScope(), {}, FIRST)
    assert answers.find(FakeScope()) is None


def test_a_flood_of_requests_fills_no_memory():
    answers = RepeatedAnswers()
    for n in range(20_000):
        answers.keep(
            FakeScope("GET", "/x", "", ("cookie", str(n))), {"mobilize.again": lambda: ({}, b"")}, FIRST
        )
    assert answers.find(FakeScope("GET", "/x", "", ("cookie", "0"))) is None
    long = FakeScope("GET", "/x", "", ("cookie", "c" * 5000))
    answers.keep(long, {"mobilize.again": lambda: ({}, b"")}, FIRST)
    assert answers.find(long) is None


def test_what_was_just_given_is_said_to_be_unchanged_at_once():
    scope = FakeScope("GET", "/x", "", ("cookie", "a=b"), ("if-none-match", '"0"'), ("prefer", "wait"))
    changed = RsgiResponse(200, [("Content-Type", "text/html"), ("ETag", '"1"'), ("X-Now", "1")], b"all", "")
    answers = RepeatedAnswers()
    answers.keep(scope, {"mobilize.unchanged": (lambda: ({"X-Now": "2"}, b""), "line 7")}, changed)
    # Browsers send their headers in an order of their own.
    following = FakeScope("GET", "/x", "", ("if-none-match", '"1"'), ("prefer", "wait"), ("cookie", "a=b"))
    assert answers.find(following) == RsgiResponse(304, [("ETag", '"1"'), ("X-Now", "2")], b"", "line 7")
    assert answers.find(scope) is None, "what was given is not given again itself"
    without_waiting = FakeScope("GET", "/x", "", ("cookie", "a=b"), ("if-none-match", '"1"'))
    assert answers.find(without_waiting) is None


def board(again):
    """Answers of a process that has given a board once, under the ETag "1"."""
    answers = RepeatedAnswers()
    first = RsgiResponse(200, [("Content-Type", "application/json"), ("ETag", 'W/"1"')], b"one", "")
    answers.keep(FakeScope("GET", "/x", "", ("cookie", "a=b")), {"mobilize.current": again}, first)
    return answers


def request_with(etag):
    return FakeScope("GET", "/x", "", ("cookie", "a=b"), ("if-none-match", etag))


def test_what_stands_there_by_now_is_given_to_whoever_saw_another_state():
    answers = board(lambda: ({"ETag": 'W/"2"'}, b"two"))
    now = RsgiResponse(200, [("Content-Type", "application/json"), ("ETag", 'W/"2"')], b"two", "")
    assert answers.find(request_with('W/"1"')) == now
    assert answers.find(FakeScope("GET", "/x", "", ("cookie", "a=b"))) == now
    assert answers.find(request_with('W/"2"')) == RsgiResponse(304, [("ETag", 'W/"2"')], b"", "")
    assert answers.find(request_with('"0", "2"')).status == 304
    assert answers.find(FakeScope("GET", "/x", "", ("cookie", "b=a"), ("if-none-match", 'W/"1"'))) is None
    assert answers.find(FakeScope("HEAD", "/x", "", ("cookie", "a=b"))) is None


def test_one_is_sent_for_what_stands_there_and_the_others_are_answered_meanwhile():
    two = {"ETag": 'W/"2"'}, b"two"
    holds = iter([two, None, two, None, two])
    answers = board(lambda: next(holds))
    bodies = [(one := answers.find(request_with('W/"1"'))) and one.body for _look in range(4)]
    assert bodies == [b"two", None, b"two", None]
    # It was sent for, and had not changed.
    unchanged = RsgiResponse(304, [("ETag", 'W/"2"')], b"", "")
    answers.keep(request_with('W/"2"'), {"mobilize.current": lambda: next(holds)}, unchanged)
    answer = answers.find(request_with('W/"1"'))
    assert answer.status == 200 and ("Content-Type", "application/json") in answer.headers


def test_an_answer_without_a_body_is_not_given_for_what_stands_there():
    answers = RepeatedAnswers()
    refused = RsgiResponse(304, [("ETag", 'W/"1"')], b"", "")
    answers.keep(request_with('W/"1"'), {"mobilize.current": lambda: ({"ETag": 'W/"2"'}, b"")}, refused)
    assert answers.find(request_with('W/"1"')) is None
