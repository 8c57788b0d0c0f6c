"""The live board looks at newly arrived members only, and still says what a count from nothing says."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mobilize import clock
from mobilize.accounts.scope import Scope
from mobilize.checkins.decision import Proof
from mobilize.checkins.models import Method
from mobilize.checkins.operations import check_in, take_back_ticks
from mobilize.roster.models import Member, Site
from mobilize.turnout import live, queries
from mobilize.turnout.figures import Board
from mobilize.turnout.queries import board
from tests.builders import START
from tests.turnout.conftest import Morning

EVERYTHING = Scope(everything=True)


def test_after_each_arrival_the_kept_board_equals_a_count_from_nothing(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    morning.freeze()
    assert _seen(morning).total.names.named == 0
    looked: list[Any] = []
    monkeypatch.setattr(live, "see", lambda *_a, **_k: looked.append("everybody") or queries.see(*_a, **_k))
    mia, ana, *_ = morning.members[morning.lincoln.id]
    _arrives(morning, mia, morning.lincoln)
    _arrives(morning, ana, morning.madison)
    _arrives(morning, mia, morning.lincoln, Method.SCAN)  # the same member again, stronger
    _arrives(morning, mia, morning.madison)  # and at another line
    found = _seen(morning)
    assert (found.total.names.named, found.total.names.verified) == (2, 1)
    assert [c.line.hosted for c in found.chapters] == [1, 2, 0]
    assert not looked


def test_who_was_taken_back_leaves_the_kept_board(morning: Morning) -> None:
    morning.freeze()
    mia = morning.members[morning.lincoln.id][0]
    _arrives(morning, mia, morning.lincoln)
    assert _seen(morning).total.names.came == 1
    take_back_ticks(_proof(morning, mia, morning.lincoln), actor="test", now=clock.now())
    assert _seen(morning).total.names.came == 0


@pytest.mark.parametrize("begun", [True, False])
def test_neither_counts_nor_take_backs_make_everybody_be_looked_at_again(
    morning: Morning, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    if begun:
        morning.freeze()
    mia, ana, *_ = morning.members[morning.lincoln.id]
    _arrives(morning, mia, morning.lincoln)
    looked: list[Any] = []
    monkeypatch.setattr(live, "see", lambda *_a, **_k: looked.append("everybody") or queries.see(*_a, **_k))
    morning.count(morning.lincoln, 12)
    morning.supporters(morning.lincoln, 3)
    assert _seen(morning).chapters[0].line.head_count == 12
    _arrives(morning, ana, morning.lincoln)
    take_back_ticks(_proof(morning, mia, morning.lincoln), actor="test", now=clock.now())
    found = _seen(morning)
    assert (found.total.names.came, found.total.line.supporters) == (1, 3)
    assert not looked


def _seen(morning: Morning) -> Board:
    """What everybody's board says, checked against a count from nothing."""
    found = live.board_for(morning.action, EVERYTHING, oldest=0.0)
    assert found is not None
    assert replace(found, as_of=None) == board(morning.action)
    return found


def _arrives(morning: Morning, member: Member, at: Site, method: Method = Method.TICK) -> None:
    check_in(_proof(morning, member, at, method), now=clock.now())
    _seen(morning)


def _proof(morning: Morning, member: Member, at: Site, method: Method = Method.TICK) -> Proof:
    return Proof(
        event_id=morning.event(at).id,
        nonce=secrets.token_bytes(16),
        body=b"",
        method=method,
        happened_at=START + timedelta(minutes=5),
        member_id=member.id,
    )
