"""The question to the chairs, and what they answer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.accounts.models import RoleName
from mobilize.actions.models import ActionKind, Event, EventState
from mobilize.checkins.models import Evidence, HeadCount, Outcome
from mobilize.checkins.record.head_counts import report_head_count, supporters_at
from mobilize.database import atomic, db
from mobilize.reminders.head_counts.requests import ask_for_counts
from mobilize.reminders.inbox.answers import read_answers
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.texts.models import Inbound
from mobilize.texts.operations import opt_out
from tests.builders import START, ask_question, make_action, make_event, make_member, make_person, make_site
from tests.reminders.conftest import CARMEN, MIA, NATE, phones, waiting, words

QUARTER_PAST = START + timedelta(minutes=15)
Texts = Callable[[str, str, datetime], Inbound]


def a_line(**values: object) -> Event:
    event = make_event(make_site("Elm Street School"), **values)
    set_default_rules(START)
    return event


def chair(event: Event, phone: str = CARMEN, role: RoleName = RoleName.CHAIR) -> None:
    make_person(phone=phone, role=role, site=event.site)


def test_the_chair_of_a_silent_line_is_asked_a_quarter_past(app: Flask) -> None:
    event = a_line()
    chair(event)
    assert ask_for_counts(START + timedelta(minutes=14)) == 0
    assert [ask_for_counts(QUARTER_PAST) for _again in range(2)] == [1, 0]
    [text] = waiting("count_question")
    assert (text.to, text.asks, text.text_class) == (CARMEN, "head_count", "duty")
    assert text.asks_until == event.ends_at + timedelta(hours=3)
    assert "Elm Street School" in words(text)


def test_the_minutes_are_a_setting_of_the_action(app: Flask) -> None:
    event = a_line(action=make_action(ask_count_after_minutes=5))
    chair(event)
    assert ask_for_counts(START + timedelta(minutes=5)) == 1


def test_without_a_chair_the_co_chair_is_asked_and_without_them_nobody(app: Flask) -> None:
    first, second = a_line(), a_line()
    chair(first, MIA, RoleName.VICE_CHAIR)
    chair(first, NATE, RoleName.COCHAIR)
    ask_for_counts(QUARTER_PAST)
    assert phones("count_question") == [NATE]
    assert second.site_id


def test_a_chair_who_said_stop_is_not_asked_but_their_co_chair(app: Flask) -> None:
    event = a_line()
    chair(event, CARMEN)
    chair(event, NATE, RoleName.COCHAIR)
    opt_out(CARMEN, source="reply", now=START)
    ask_for_counts(QUARTER_PAST)
    assert phones("count_question") == [NATE]


def test_nobody_is_asked_who_has_reported_or_whose_line_is_over_or_called_off(app: Flask) -> None:
    reported, closed, off = a_line(), a_line(), a_line()
    for n, event in enumerate((reported, closed, off)):
        chair(event, f"+1213555011{n}")
    fields = {"counted_at": START, "nonce": bytes(16), "via": "line", "by": "x", "now": START}
    report_head_count(reported, 0, **fields)
    with atomic():
        closed.state, off.state = EventState.CLOSED, EventState.CALLED_OFF
    assert ask_for_counts(QUARTER_PAST) == 0
    assert ask_for_counts(START + timedelta(hours=5)) == 0


def test_a_drill_and_a_count_without_a_line_ask_nobody(app: Flask) -> None:
    for action in (make_action(drill=True), make_action(kind=ActionKind.COUNT)):
        chair(a_line(action=action), "+12135550120" if action.drill else "+12135550121")
    assert ask_for_counts(QUARTER_PAST) == 0


def ask_now(event: Event) -> None:
    ask_question(CARMEN, "head_count", event.id, expires_at=START + timedelta(hours=3), now=QUARTER_PAST)


def counts() -> list[int]:
    db.session.rollback()
    rows = db.session.query(HeadCount).order_by(HeadCount.counted_at, HeadCount.id)
    return [row.n for row in rows]


def test_their_answer_is_the_head_count_once(app: Flask, texts_us: Texts) -> None:
    event = a_line()
    chair(event)
    ask_now(event)
    texts_us(CARMEN, "24", QUARTER_PAST)
    assert [read_answers(QUARTER_PAST) for _again in range(2)] == [1, 0]
    assert counts() == [24]
    assert "24 written down for Elm Street School" in words(waiting("count_noted")[0])


def test_supporters_named_apart_are_counted_apart_and_as_they_are_now(app: Flask, texts_us: Texts) -> None:
    event = a_line()
    chair(event)
    ask_now(event)
    texts_us(CARMEN, "24 teachers, 6 parents", QUARTER_PAST)
    assert read_answers(QUARTER_PAST) == 1
    assert (counts(), supporters_at(event.id)) == ([24], 6)
    assert "24 (supporters: 6) written down for Elm Street School" in words(waiting("count_noted")[0])
    texts_us(CARMEN, "son 26 maestros y 4 padres", QUARTER_PAST + timedelta(minutes=5))
    assert read_answers(QUARTER_PAST + timedelta(minutes=6)) == 1
    assert (counts(), supporters_at(event.id)) == ([24, 26], 4)


def test_a_second_number_corrects_the_first(app: Flask, texts_us: Texts) -> None:
    event = a_line()
    chair(event)
    ask_now(event)
    texts_us(CARMEN, "42", QUARTER_PAST)
    texts_us(CARMEN, "somos 24", QUARTER_PAST + timedelta(minutes=1))
    read_answers(QUARTER_PAST + timedelta(minutes=2))
    assert counts() == [42, 24]


def test_zero_is_a_report_and_an_absurd_number_is_asked_again(app: Flask, texts_us: Texts) -> None:
    event = a_line()
    chair(event)
    ask_now(event)
    texts_us(CARMEN, "0", QUARTER_PAST)
    texts_us(CARMEN, "90000", QUARTER_PAST)
    read_answers(QUARTER_PAST)
    assert counts() == [0]
    assert phones("count_unclear") == [CARMEN]


def test_what_is_no_figure_is_asked_once_and_then_left_to_a_person(app: Flask, texts_us: Texts) -> None:
    event = a_line()
    chair(event)
    ask_now(event)
    first = texts_us(CARMEN, "20, then 30, I lost count", QUARTER_PAST)
    read_answers(QUARTER_PAST)
    second = texts_us(CARMEN, "20 or 30 and then 7 more", QUARTER_PAST + timedelta(minutes=2))
    third = texts_us(CARMEN, "the gate is locked", QUARTER_PAST + timedelta(minutes=3))
    read_answers(QUARTER_PAST + timedelta(minutes=4))
    db.session.rollback()
    assert first.done_by == "reminders"
    assert second.done_at is None and third.done_at is None
    assert len(waiting("count_unclear")) == 1


def test_a_bare_number_from_somebody_who_was_not_asked_is_left_to_a_person(
    app: Flask, texts_us: Texts
) -> None:
    a_line()
    stray = texts_us(NATE, "24", QUARTER_PAST)
    assert read_answers(QUARTER_PAST) == 0
    assert stray.done_at is None
    assert counts() == []


def test_the_question_is_asked_in_winter_time_too(app: Flask) -> None:
    """An event in the hour that comes twice: a quarter past its own start, and not past the other one."""
    second_half_past_one = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
    event = make_event(action=make_action(starts_at=second_half_past_one))
    set_default_rules(second_half_past_one)
    chair(event)
    assert ask_for_counts(second_half_past_one - timedelta(minutes=45)) == 0
    assert ask_for_counts(second_half_past_one + timedelta(minutes=15)) == 1


def test_a_number_far_above_what_can_be_is_asked_about_once_and_counts_when_said_again(
    app: Flask, texts_us: Texts
) -> None:
    event = a_line()
    chair(event)
    ask_now(event)
    texts_us(CARMEN, "20000", QUARTER_PAST)
    read_answers(QUARTER_PAST + timedelta(seconds=5))
    assert counts() == []
    assert "text 20000 once more" in words(waiting("count_unusual")[0])
    texts_us(CARMEN, "20000", QUARTER_PAST + timedelta(minutes=1))
    read_answers(QUARTER_PAST + timedelta(minutes=2))
    assert counts() == [20_000]


def test_the_right_number_after_a_slip_counts_at_once(app: Flask, texts_us: Texts) -> None:
    event = a_line()
    chair(event)
    ask_now(event)
    texts_us(CARMEN, "2400", QUARTER_PAST)
    read_answers(QUARTER_PAST + timedelta(seconds=5))
    texts_us(CARMEN, "24", QUARTER_PAST + timedelta(minutes=1))
    read_answers(QUARTER_PAST + timedelta(minutes=2))
    assert counts() == [24]


def test_a_range_counts_its_lower_end_and_is_said_back_as_it_was_said(app: Flask, texts_us: Texts) -> None:
    event = a_line()
    chair(event)
    ask_now(event)
    texts_us(CARMEN, "45-50", QUARTER_PAST)
    read_answers(QUARTER_PAST)
    assert counts() == [45]
    assert "45 (45-50) written down for Elm Street School" in words(waiting("count_noted")[0])


def test_nobody_yet_is_zero(app: Flask, texts_us: Texts) -> None:
    event = a_line()
    chair(event)
    ask_now(event)
    texts_us(CARMEN, "nobody yet", QUARTER_PAST)
    read_answers(QUARTER_PAST)
    assert counts() == [0]
    assert "0 written down" in words(waiting("count_noted")[0])


def test_a_chair_reports_without_being_asked_while_their_line_is_open(app: Flask, texts_us: Texts) -> None:
    event = a_line()
    chair(event)
    early, open_line = START - timedelta(hours=1), START + timedelta(minutes=2)
    texts_us(CARMEN, "24", early)
    texts_us(CARMEN, "We have 32 people out here", open_line)
    assert read_answers(open_line) == 1
    assert counts() == [32]
    assert "32 written down" in words(waiting("count_noted")[0])


def test_an_unusual_count_that_nobody_asked_for_counts_when_said_again(app: Flask, texts_us: Texts) -> None:
    chair(a_line())
    for minutes in (1, 2):
        texts_us(CARMEN, "2400", START + timedelta(minutes=minutes))
        read_answers(START + timedelta(minutes=minutes, seconds=5))
    assert counts() == [2400]


def test_only_a_chair_of_that_line_counts(app: Flask, texts_us: Texts) -> None:
    """The question went to a number whose role has ended since, or was another line's."""
    event, other = a_line(), make_event(make_site())
    make_member(site=event.site, phone=MIA)
    make_person(phone=NATE, role=RoleName.CHAIR, site=other.site)
    for phone in (MIA, NATE):
        ask_question(phone, "head_count", event.id, expires_at=START + timedelta(hours=3), now=START)
        texts_us(phone, "24", QUARTER_PAST)
    assert read_answers(QUARTER_PAST) == 0
    assert counts() == [] and phones("office_answers") == [MIA, NATE]


@pytest.mark.parametrize(
    "written", ["{code}", "Count {code}", "{head}-{tail}", "Here {head}-{tail}", "{code} here"]
)
def test_a_chair_who_sends_the_code_of_their_line_is_counted_and_reports_nothing(
    app: Flask, texts_us: Texts, written: str
) -> None:
    event = a_line(text_code="95407")
    make_member(site=event.site, phone=CARMEN)
    chair(event)
    ask_question(CARMEN, "head_count", event.id, expires_at=event.ends_at, now=QUARTER_PAST)
    texts_us(CARMEN, written.format(code="95407", head="954", tail="07"), QUARTER_PAST)
    read_answers(QUARTER_PAST)
    assert [row.outcome for row in db.session.scalars(select(Evidence))] == [Outcome.COUNTED]
    assert db.session.scalars(select(HeadCount)).all() == [] and phones("here_counted") == [CARMEN]


def test_a_code_with_a_zero_in_front_is_one_too(app: Flask, texts_us: Texts) -> None:
    event = a_line(text_code="04217")
    make_member(site=event.site, phone=CARMEN)
    chair(event)
    ask_question(CARMEN, "head_count", event.id, expires_at=event.ends_at, now=QUARTER_PAST)
    texts_us(CARMEN, "04217", QUARTER_PAST)
    read_answers(QUARTER_PAST)
    assert phones("here_counted") == [CARMEN] and db.session.scalars(select(HeadCount)).all() == []


def test_five_digits_that_are_no_code_are_asked_about(app: Flask, texts_us: Texts) -> None:
    event = a_line(text_code="95407")
    chair(event)
    ask_question(CARMEN, "head_count", event.id, expires_at=event.ends_at, now=QUARTER_PAST)
    texts_us(CARMEN, "12345", QUARTER_PAST)
    read_answers(QUARTER_PAST)
    assert db.session.scalars(select(Evidence)).all() == [] and phones("count_unusual") == [CARMEN]


def test_a_lower_end_is_said_back_as_it_was_written(app: Flask, texts_us: Texts) -> None:
    event = a_line()
    chair(event)
    ask_question(CARMEN, "head_count", event.id, expires_at=event.ends_at, now=QUARTER_PAST)
    texts_us(CARMEN, "30 something", QUARTER_PAST)
    read_answers(QUARTER_PAST)
    assert "30 (30 something)" in words(waiting("count_noted")[0])
