"""The ladder for silent sites: asked, asked again with the others who chair, then called."""

from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import RoleName
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.reminders.head_counts.requests import ask_for_counts
from mobilize.reminders.models import RuleKind
from mobilize.reminders.rules.operations import change_rule, set_default_rules
from mobilize.texts.models import OutboxText
from mobilize.turnout.board import cache as live
from mobilize.turnout.calls.queries import SilentSite, call_list
from mobilize.turnout.figures.closing import close_due_events
from tests.builders import START, make_person, sign_in
from tests.turnout.conftest import Morning

CARMEN, NATE = "+12135550111", "+12135550112"


def test_at_25_the_chair_and_the_co_chair_are_asked_again_once(morning: Morning) -> None:
    _chairs(morning)
    assert ask_for_counts(_at(15)) == 1
    assert [ask_for_counts(_at(minutes)) for minutes in (24, 25, 26)] == [0, 2, 0]
    again = [text for text in _texts() if text.idempotency_key.startswith("count_again:")]
    assert sorted(text.to for text in again) == [CARMEN, NATE]
    assert {text.due_at for text in again} == {_at(25)}


def test_who_reported_is_not_asked_again_nor_called(morning: Morning) -> None:
    _chairs(morning)
    ask_for_counts(_at(15))
    _report(morning, _at(20))
    assert ask_for_counts(_at(25)) == 0
    assert [one.chapter.name for one in _list(morning, _at(35))] == ["Madison", "Roosevelt"]


def test_at_35_silent_sites_stand_on_the_call_list_with_what_is_known(morning: Morning) -> None:
    _chairs(morning)
    morning.freeze()
    morning.send(morning.members[morning.lincoln.id][0], morning.lincoln)
    ask_for_counts(_at(15))
    assert _list(morning, _at(34)) == []
    lincoln = next(one for one in _list(morning, _at(35)) if one.chapter.name == "Lincoln")
    assert [(role, person.phone) for role, person in lincoln.chairs] == [("chair", CARMEN), ("cochair", NATE)]
    assert (lincoln.chapter.line.hosted, lincoln.reached) == (1, False)


def test_the_steps_are_settings_of_the_action(morning: Morning) -> None:
    _chairs(morning)
    _set_steps(morning, 5, 12, 30)
    assert [ask_for_counts(_at(minutes)) for minutes in (4, 5, 11, 12)] == [0, 1, 0, 2]
    assert [len(_list(morning, _at(minutes))) for minutes in (29, 30)] == [0, 3]


def _set_steps(morning: Morning, *minutes: int, on: bool = True) -> None:
    columns = ("minutes_after_start", "again_after_minutes", "call_after_minutes")
    steps = dict(zip(columns, minutes, strict=False))
    change_rule(morning.action, RuleKind.COUNT_QUESTION, steps, on=on, actor="test", now=START)


@pytest.mark.parametrize("steps", [(15, 15, 35), (15, 36, 35), (15, 25, 241), (-1, 25, 35)])
def test_steps_that_do_not_follow_one_another_are_refused(
    morning: Morning, steps: tuple[int, int, int]
) -> None:
    set_default_rules(START)
    with pytest.raises(Refused):
        _set_steps(morning, *steps)


def test_without_questions_sites_are_called_all_the_same(morning: Morning) -> None:
    _chairs(morning)
    _set_steps(morning, 15, on=False)
    assert ask_for_counts(_at(15)) == 0
    assert len(_list(morning, _at(35))) == 3


def test_after_closing_nobody_is_asked_or_called(morning: Morning) -> None:
    _chairs(morning)
    ask_for_counts(_at(15))
    close_due_events(_at(45 + 180))
    assert ask_for_counts(_at(45 + 180)) == 0
    assert _list(morning, _at(45 + 180)) == []


def test_the_page_calls_with_one_tap(morning: Morning, client: FlaskClient) -> None:
    _chairs(morning)
    ask_for_counts(_at(15))
    sign_in(client, make_person("Omar South", role=RoleName.ORGANIZER, area=morning.north))
    assert (
        client.post(
            f"/actions/{morning.action.id}/calls/{morning.lincoln.id}", data={"do": "take"}
        ).status_code
        == 303
    )
    page = client.get(f"/actions/{morning.action.id}/calls").text
    assert f"tel:{CARMEN}" in page and "Roosevelt" not in page


def _chairs(morning: Morning) -> None:
    make_person("Carmen Chair", phone=CARMEN, role=RoleName.CHAIR, site=morning.lincoln)
    make_person("Nate Cochair", phone=NATE, role=RoleName.COCHAIR, site=morning.lincoln)
    set_default_rules(START)


def _at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def _texts() -> list[OutboxText]:
    return list(db.session.scalars(db.select(OutboxText)))


def _list(morning: Morning, now: datetime) -> list[SilentSite]:
    live.forget()
    board = live.board_for(morning.action, THE_OFFICE)
    assert board is not None
    return call_list(morning.action, board, now)


def _report(morning: Morning, at: datetime) -> None:
    event = morning.event(morning.lincoln)
    report_head_count(event, 12, counted_at=at, nonce=bytes(16), via="text", by="test", now=at)
