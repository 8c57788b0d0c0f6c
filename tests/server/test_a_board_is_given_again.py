"""Boards and walls that ask every two seconds are answered by the event loop from what others had rendered;
who may see them is told within a second."""

import time
from datetime import timedelta

import pytest
import requests

from mobilize import clock
from mobilize.accounts.access.grants import grant_line, revoke_grant
from mobilize.accounts.models import GrantKind, Person, RoleName
from mobilize.accounts.sign_in.sessions import end_all_sessions
from mobilize.checkins.record.head_counts import report_head_count
from tests.builders import full_session, make_person
from tests.checkins.morning import scan
from tests.server.line_phones import picket

__all__ = ["picket"]


class Screen:
    """A board or a wall, as its script asks for it."""

    def __init__(self, address: str, token: str = ""):
        self.address, self.etag = address, ""
        self.cookies = {"session": token} if token else {}

    def look(self) -> requests.Response:
        headers = {"Accept": "application/json"} | ({"If-None-Match": self.etag} if self.etag else {})
        answer = requests.get(self.address, headers=headers, cookies=self.cookies, timeout=20)
        if answer.status_code == 200:
            self.etag = answer.headers["ETag"]
        return answer

    def opened(self) -> "Screen":
        """After some looks, so that the server gives its answer again."""
        for _look in range(6):
            assert self.look().status_code in (200, 304)
            time.sleep(0.4)
        return self


@pytest.fixture
def office(pg_app) -> Person:
    return make_person("Olga Office", role=RoleName.ADMIN)


@pytest.fixture
def board(live_server, picket, office) -> Screen:
    address = f"{live_server}/actions/{picket.action_id}/turnout.json?with=html"
    return Screen(address, full_session(office, now=clock.now())).opened()


@pytest.fixture
def wall(live_server, picket) -> tuple[Screen, object]:
    now = clock.now()
    grant, token = grant_line(picket.id, GrantKind.WALL, "", None, "shell", now + timedelta(hours=2), now=now)
    return Screen(f"{live_server}/wall/{token}/board.json").opened(), grant


def test_a_board_shows_who_came_and_its_answers_are_alike(board, picket):
    before = board.look()
    scan(picket, "2135550101", at=clock.now())
    deadline = time.monotonic() + 10
    while (after := board.look()).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.3)
    assert after.status_code == 200 and ">1<" in after.json()["html"].replace("\n", "").replace(" ", "")
    again = [board.look() for _look in range(5)]
    assert {answer.status_code for answer in again} <= {200, 304}
    for answer in again:
        assert answer.headers["Cache-Control"] == after.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["Content-Security-Policy"] == before.headers["Content-Security-Policy"]


def test_a_board_is_shut_within_a_second_of_signing_out(board, office):
    assert board.look().status_code in (200, 304)
    end_all_sessions(office.id, now=clock.now())
    time.sleep(1.1)
    assert board.look().status_code == 401


def test_another_browser_is_not_answered_in_its_place(board):
    assert Screen(board.address).look().status_code == 401
    assert Screen(board.address, "A" * 43).look().status_code == 401


def test_a_wall_follows_the_head_counts_and_is_shut_with_its_link(wall, picket):
    screen, grant = wall
    now = clock.now()
    report_head_count(picket, 41, counted_at=now, nonce=b"n" * 16, via="line", by="shell", now=now, sure=True)
    deadline = time.monotonic() + 10
    while (answer := screen.look()).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.3)
    assert "41" in answer.json()["html"]
    revoke_grant(grant, "shell", now=clock.now())
    time.sleep(1.1)
    assert screen.look().status_code == 410
