"""A line's phone that asks with `Prefer: wait` is answered when something changes, or after some seconds."""

import time
from concurrent.futures import ThreadPoolExecutor

import requests

from mobilize import clock
from mobilize.accounts.access.grants import revoke_grant
from mobilize.database import atomic
from mobilize.fast.versions import mark_changed
from mobilize.web.rsgi import HELD_SECONDS, WAITS_FOR
from tests.checkins.morning import scan
from tests.server.line_phones import LinePhone, picket

__all__ = ["picket"]


class Phone(LinePhone):
    def __init__(self, server, event):
        super().__init__(server, event)
        self.web = requests.Session()
        self.web.headers.update(self.cookie)

    def look(self, etag=""):
        """(status, seconds, answer) of one look, held back where it names what it has seen."""
        headers = {"If-None-Match": etag, "Prefer": "wait"} if etag else {}
        began = time.monotonic()
        answer = self.web.get(self.address, headers=headers, timeout=20)
        return answer.status_code, time.monotonic() - began, answer


def test_nothing_happens_and_the_phone_is_told_so_after_some_seconds(live_server, picket):
    phone = Phone(live_server, picket)
    _status, _seconds, first = phone.look()
    status, seconds, answer = phone.look(first.headers["ETag"])
    assert status == 304 and HELD_SECONDS - 0.5 < seconds < HELD_SECONDS + 4
    assert WAITS_FOR not in answer.headers and not answer.content


def test_a_change_is_told_at_once_to_every_phone_that_waits(live_server, picket):
    phones = [Phone(live_server, picket) for _ in range(3)]
    etags = [phone.look()[2].headers["ETag"] for phone in phones]
    with ThreadPoolExecutor(3) as waiting:
        looks = [waiting.submit(phone.look, etag) for phone, etag in zip(phones, etags, strict=True)]
        time.sleep(1)
        scan(picket, "2135550101", at=clock.now())
        for status, seconds, answer in (one.result(20) for one in looks):
            assert status == 200 and answer.json()["named"] == 1
            assert 0.9 < seconds < 6


def test_a_phone_that_waits_while_its_link_is_taken_back_is_refused(live_server, picket):
    phone = Phone(live_server, picket)
    etag = phone.look()[2].headers["ETag"]
    with ThreadPoolExecutor(1) as waiting:
        waits = waiting.submit(phone.look, etag)
        time.sleep(1)
        revoke_grant(phone.grant, "shell", now=clock.now())
        assert waits.result(20)[0] == 403


def test_phones_that_wait_take_no_thread(live_server, picket):
    """Sixty of them, and the server has 32 threads."""
    phones = [Phone(live_server, picket) for _ in range(60)]
    etag = phones[0].look()[2].headers["ETag"]
    with ThreadPoolExecutor(60) as waiting:
        looks = [waiting.submit(phone.look, etag) for phone in phones]
        time.sleep(2)
        began = time.monotonic()
        assert requests.get(f"{live_server}/healthz", timeout=20).status_code == 200
        assert time.monotonic() - began < 3
        assert {one.result(30)[0] for one in looks} == {304}


def test_a_change_that_a_phone_does_not_see_does_not_shorten_its_wait(live_server, picket):
    """Else the time of an answer would tell that something was stored about somebody."""
    phone = Phone(live_server, picket)
    etag = phone.look()[2].headers["ETag"]
    with ThreadPoolExecutor(1) as waiting:
        look = waiting.submit(phone.look, etag)
        time.sleep(1)
        with atomic():
            mark_changed(picket.id)
        status, seconds, _answer = look.result(20)
    assert status == 304 and seconds > HELD_SECONDS - 0.5
