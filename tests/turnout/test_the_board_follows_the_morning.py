"""The live board looks at newly arrived members only, and still says what a count from nothing says."""

import secrets
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from mobilize import clock
from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action
from mobilize.checkins.models import Method
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.operations import check_in
from mobilize.database import db
from mobilize.roster.models import Member, Site
from mobilize.turnout.board import cache as live
from mobilize.turnout.board.change_detection import signs_of
from mobilize.turnout.figures import queries as queries
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.types import Board
from tests.builders import START
from tests.checkins.morning import take_back_ticks
from tests.turnout.conftest import Morning

EVERYTHING = Scope(everything=True)


def test_after_each_arrival_the_kept_board_equals_a_count_from_nothing(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    morning.freeze()
    assert _checked_board(morning).total.names.named == 0
    looked: list[Any] = []
    monkeypatch.setattr(
        live, "load_data", lambda *_a, **_k: looked.append("everybody") or queries.load_data(*_a, **_k)
    )
    mia, ana, *_ = morning.members[morning.lincoln.id]
    _arrives(morning, mia, morning.lincoln)
    _arrives(morning, ana, morning.madison)
    _arrives(morning, mia, morning.lincoln, Method.SCAN)  # the same member again, stronger
    _arrives(morning, mia, morning.madison)  # and at another line
    result = _checked_board(morning)
    assert (result.total.names.named, result.total.names.verified) == (2, 1)
    assert [c.line.hosted for c in result.chapters] == [1, 2, 0]
    assert not looked


def test_who_was_taken_back_leaves_the_kept_board(morning: Morning) -> None:
    morning.freeze()
    mia = morning.members[morning.lincoln.id][0]
    _arrives(morning, mia, morning.lincoln)
    assert _checked_board(morning).total.names.came == 1
    take_back_ticks(_proof(morning, mia, morning.lincoln), actor="test", now=clock.now())
    assert _checked_board(morning).total.names.came == 0


@pytest.mark.parametrize("begun", [True, False])
def test_neither_counts_nor_take_backs_make_everybody_be_looked_at_again(
    morning: Morning, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    if begun:
        morning.freeze()
    mia, ana, *_ = morning.members[morning.lincoln.id]
    _arrives(morning, mia, morning.lincoln)
    looked: list[Any] = []
    monkeypatch.setattr(
        live, "load_data", lambda *_a, **_k: looked.append("everybody") or queries.load_data(*_a, **_k)
    )
    morning.count(morning.lincoln, 12)
    morning.supporters(morning.lincoln, 3)
    assert _checked_board(morning).chapters[0].line.head_count == 12
    _arrives(morning, ana, morning.lincoln)
    take_back_ticks(_proof(morning, mia, morning.lincoln), actor="test", now=clock.now())
    result = _checked_board(morning)
    assert (result.total.names.came, result.total.line.supporters) == (1, 3)
    assert not looked


def test_while_one_counts_the_others_see_what_was_counted_before(
    app: Flask, morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    morning.freeze()
    before, action_id = _checked_board(morning), morning.action.id
    counting, done = threading.Event(), threading.Event()

    def slowly(action: Action) -> Any:
        counting.set()
        assert done.wait(10)
        return signs_of(action)

    def count() -> None:
        with app.app_context():
            live.board_for(db.session.get_one(Action, action_id), EVERYTHING, oldest=0.0)

    monkeypatch.setattr(live, "signs_of", slowly)
    one = threading.Thread(target=count)
    one.start()
    try:
        assert counting.wait(10)
        assert live.board_for(morning.action, EVERYTHING, oldest=0.001) is before
    finally:
        done.set()
        one.join()


def _checked_board(morning: Morning) -> Board:
    """Everybody's board, checked against a count from nothing."""
    result = live.board_for(morning.action, EVERYTHING, oldest=0.0)
    assert result is not None
    assert replace(result, as_of=None) == board(morning.action)
    return result


def _arrives(morning: Morning, member: Member, at: Site, method: Method = Method.TICK) -> None:
    check_in(_proof(morning, member, at, method), now=clock.now())
    _checked_board(morning)


def _proof(morning: Morning, member: Member, at: Site, method: Method = Method.TICK) -> CheckInRequest:
    return CheckInRequest(
        event_id=morning.event(at).id,
        nonce=secrets.token_bytes(16),
        body=b"",
        method=method,
        happened_at=START + timedelta(minutes=5),
        member_id=member.id,
    )
