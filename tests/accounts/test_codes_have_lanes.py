"""Codes for known browsers, people with a role, and members: what is used up in one lane stops no other."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.models import CodeLane, CodeRequest, Person, RoleName
from mobilize.accounts.sign_in.code_budgets import lane_use, take_from_budget, unanswered_codes
from mobilize.accounts.sign_in.one_time_codes import ask_for_code
from mobilize.accounts.sign_in.operations import enter_code, send_codes
from mobilize.database import atomic, db
from mobilize.demo.carrier.server import Carrier
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.privacy.member_page import sessions
from mobilize.reminders.monitoring.alarms import alert_about_codes
from mobilize.texts.models import Attempt, OutboxText, Priority, Sender, TextClass, TextState
from mobilize.texts.operations import PlannedText, queue_text
from mobilize.texts.queries import paused_senders
from mobilize.texts.sending.delivery import drain
from mobilize.texts.sending.pauses import pause_sending
from mobilize.texts.sending.spending import limit_cents, note_spent, spent_this_hour_cents
from tests.at_once import all_at_once
from tests.builders import make_member, make_person, make_site, sign_in

NOW = datetime(2026, 3, 3, 15, 1, tzinfo=UTC)
CARMEN, ADA = "+12135550101", "+12135550120"


def set_to(app: Flask, **values: float) -> None:
    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], **values)


def ask(browser: str = "own", *, phone: str = CARMEN, at: datetime = NOW) -> int:
    """Ask, and let a worker look; returns how many codes it texted."""
    ask_for_code(phone, browser, language="en", now=at)
    return send_codes(now=at)


def ask_as_member(n: int, *, at: datetime = NOW) -> int:
    sessions.ask_to_see(f"+1213555{2000 + n}", f"browser {n}", language="en", now=at)
    return sessions.send_codes(now=at)


def codes(phone: str = CARMEN) -> list[str]:
    texts = db.session.scalars(select(OutboxText).order_by(OutboxText.id))
    return [json.loads(text.merge_fields)["code"] for text in texts if text.to == phone]


def opens(code: str, browser: str = "own", *, at: datetime = NOW) -> bool:
    try:
        return bool(enter_code(code, browser, now=at))
    except Refused as refused:
        assert refused.code == "wrong_code"
        return False


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 100_000_000:08d}"


def members(how_many: int) -> None:
    for n in range(how_many):
        make_member(phone=f"+1213555{2000 + n}")


def reminder(at: datetime) -> OutboxText:
    """A text as any other: it waits for pauses and for the breaker."""
    planned = PlannedText(
        purpose="test:1:1",
        phone="+12135550188",
        wording="as_written",
        language="en",
        text_class=TextClass.REQUESTED,
        tz="America/Los_Angeles",
        due_at=at,
        expires_at=at + timedelta(hours=2),
        merge_fields={"body": "Seven o'clock."},
    )
    return queue_text(planned, now=at)


@pytest.mark.parametrize("why", ["a person", "the breaker", "the carrier"])
def test_a_pause_holds_no_code(app: Flask, carrier: Carrier, carmen: Person, why: str) -> None:
    reminder(NOW)
    if why == "the breaker":
        with atomic() as session:
            note_spent(session, 1_000_000, now=NOW)
    else:
        pause_sending("rain" if why == "a person" else "carrier_20003", now=NOW)
    assert paused_senders()
    members(1)
    ask(at=NOW + timedelta(seconds=5))
    ask_as_member(0, at=NOW + timedelta(seconds=5))
    drain(now=NOW + timedelta(seconds=6))
    assert {text["to"] for text in carrier.store.ledger()} == {CARMEN, "+12135552000"}
    assert paused_senders(), "a code that left is no reason to go on"


def test_codes_cost_money_and_open_no_breaker(app: Flask, carrier: Carrier) -> None:
    set_to(app, spending_limit_cents_an_hour=10.0)
    members(20)
    assert sum(ask_as_member(n) for n in range(20)) == 20
    drain(now=NOW)
    assert spent_this_hour_cents(NOW) == 22 > limit_cents(NOW)
    assert not paused_senders()
    reminder(NOW)
    drain(now=NOW + timedelta(seconds=2))
    assert len(carrier.store.ledger()) == 21


def test_a_lane_that_is_used_up_stops_no_other(app: Flask, carmen: Person) -> None:
    assert ask("own") == 1 and opens(codes()[-1])
    set_to(app, member_codes_in_20_minutes=3, role_codes_in_20_minutes=2)
    members(8)
    assert [ask_as_member(n) for n in range(8)] == [1, 1, 1, 0, 0, 0, 0, 0]
    later = NOW + timedelta(seconds=2)
    assert ask("new phone", at=later) == 1, "the members' lane stopped a chair"
    assert ask("another", at=later) == 0  # of the role lane, "own" had the first
    assert ask("own", at=later) == 1, "the role lane stopped a known browser"
    assert opens(codes()[-1], "own", at=later)


def test_whoever_asks_in_vain_keeps_their_texts_for_later(app: Flask, carmen: Person) -> None:
    make_person("Dora Diaz", phone=ADA, role=RoleName.CHAIR, site=make_site())
    set_to(app, role_codes_in_20_minutes=1)
    assert ask(phone=ADA) == 1
    for n in range(12):
        assert ask(f"browser {n}") == 0
    back = lane_use(CodeLane.ROLE, NOW).until_at
    assert back - NOW <= timedelta(minutes=20)
    assert ask("own", at=back) == 1


def test_the_page_says_the_same_while_a_lane_is_used_up(app: Flask, client: FlaskClient) -> None:
    members(1)
    walk = []
    for budget in (5, 1):
        set_to(app, member_codes_in_20_minutes=budget)
        take_from_budget(CodeLane.MEMBER, now=clock.now())
        response = client.post("/me", data={"phone": "+12135552000"})
        walk.append((response.status, response.data, client.get(response.location).data))
    assert walk[0] == walk[1]


def test_of_many_workers_at_once_the_budget_lets_as_many_through_as_it_has(app: Flask) -> None:
    set_to(app, role_codes_in_20_minutes=5)
    came = all_at_once(app, *[lambda: take_from_budget(CodeLane.ROLE, now=NOW)] * 12)
    assert (came.count(True), came.count(False)) == (5, 7)
    assert lane_use(CodeLane.ROLE, NOW).is_used_up


def test_a_code_in_a_known_browser_leaves_before_those_of_others(app: Flask, carmen: Person) -> None:
    assert ask("own") == 1 and opens(codes()[-1])
    members(1)
    ask_as_member(0)
    ask("new phone")
    ask("own")
    order = db.session.scalars(select(OutboxText.priority).order_by(OutboxText.id)).all()
    assert order == [Priority.CODE_OF_ROLE, Priority.CODE_OF_MEMBER, Priority.CODE_OF_ROLE, Priority.CODE]


def test_a_known_browser_is_looked_at_first_in_a_crowd(app: Flask, carmen: Person) -> None:
    assert ask("own") == 1 and opens(codes()[-1])
    site = make_site()
    for n in range(120):
        make_person(phone=f"+1213555{3000 + n}", role=RoleName.CHAIR, site=site)
        ask_for_code(f"+1213555{3000 + n}", f"stranger {n}", language="en", now=NOW)
    ask_for_code(CARMEN, "own", language="en", now=NOW + timedelta(seconds=1))
    before = len(codes())
    send_codes(now=NOW + timedelta(seconds=2))
    assert len(codes()) == before + 1


def test_a_hundred_guesses_a_day_from_unknown_browsers_and_the_known_one_still_opens(carmen: Person) -> None:
    assert ask("own") == 1 and opens(codes()[-1])
    guessed, hour = 0, 0
    while guessed < 100:
        hour += 1
        at = NOW + timedelta(hours=hour)
        for n in range(5):
            assert ask(f"stranger {hour} {n}", at=at) == (guessed < 95)
            for _ in range(min(5, 100 - guessed)):
                assert not opens(wrong(codes()[-1]), f"stranger {hour} {n}", at=at)
                guessed += 1
    late = NOW + timedelta(hours=hour, minutes=30)
    ask("new phone", at=late)
    assert not opens(codes()[-1], "new phone", at=late), "the 101st guess of the day was right"
    assert ask("own", at=late) == 1
    assert opens(codes()[-1], "own", at=late), "a stranger's guesses shut them out of their own phone"
    tomorrow = late + timedelta(days=1)
    assert ask("new phone", at=tomorrow) == 1
    assert opens(codes()[-1], "new phone", at=tomorrow)


def test_guesses_at_one_code_from_many_browsers_at_once_are_ten(app: Flask, carmen: Person) -> None:
    for n in range(12):
        ask_for_code(CARMEN, f"stranger {n}", language="en", now=NOW)
    send_codes(now=NOW)
    last = codes()[-1]
    browsers = iter([f"stranger {n}" for n in range(5, 11)] * 3)
    all_at_once(app, *[lambda: enter_code(wrong(last), next(browsers), now=NOW)] * 18)
    assert not opens(last, "stranger 11")


def test_strangers_cannot_try_out_the_code_of_a_known_browser(carmen: Person) -> None:
    assert ask("own") == 1 and opens(codes()[-1])
    for n in range(8):
        ask(f"stranger {n}")
    assert ask("own") == 1
    code = codes()[-1]
    for n in range(8, 16):
        ask(f"stranger {n}")
        for _ in range(5):
            assert not opens(wrong(code), f"stranger {n}")
        assert not opens(code, f"stranger {n}")
    assert opens(code, "own")


def test_a_known_browser_of_an_old_number_is_known_no_more(carmen: Person) -> None:
    assert ask("own") == 1 and opens(codes()[-1])
    with atomic() as session:
        person = session.get_one(Person, carmen.id)
        person.phone, person.phone_index = ADA, blind_index("phone", ADA)
    ask("own", phone=ADA)
    last = select(CodeRequest.lane).order_by(CodeRequest.id.desc()).limit(1)
    assert db.session.scalar(last) is CodeLane.ROLE


def test_duty_is_told_once_that_a_lane_is_used_up(app: Flask) -> None:
    make_person("Ada Stone", phone=ADA, role=RoleName.ADMIN)
    set_to(app, member_codes_in_20_minutes=2)
    members(3)
    assert alert_about_codes(NOW) == 0
    for n in range(3):
        ask_as_member(n)
    assert [alert_about_codes(NOW) for _twice in range(2)] == [1, 0]
    assert alert_about_codes(NOW + timedelta(minutes=18)) == 0
    alarm = db.session.scalars(select(OutboxText).where(OutboxText.wording == "codes_used_up")).one()
    assert alarm.to == ADA and json.loads(alarm.merge_fields)["link"].endswith("/texts/health")
    assert not lane_use(CodeLane.MEMBER, NOW + timedelta(minutes=20)).is_used_up


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Codes of members: budget used up until"),
        ("es", "Códigos de miembros: cupo agotado hasta las"),
    ],
)
def test_the_office_reads_which_codes_are_used_up(
    app: Flask, client: FlaskClient, language: str, words: str
) -> None:
    sign_in(client, make_person("Ada Stone", phone=ADA, role=RoleName.ADMIN))
    client.set_cookie("language", language, domain="localhost")
    assert words not in client.get("/texts/health").text
    set_to(app, member_codes_in_20_minutes=1)
    take_from_budget(CodeLane.MEMBER, now=clock.now())
    assert words in client.get("/texts/health").text


def test_fifty_codes_that_nobody_typed_are_an_alarm(app: Flask, carmen: Person) -> None:
    make_person("Ada Stone", phone=ADA, role=RoleName.ADMIN)
    site = make_site()
    for n in range(50):
        make_person(phone=f"+1213555{3000 + n}", role=RoleName.CHAIR, site=site)
        ask_for_code(f"+1213555{3000 + n}", f"stranger {n}", language="en", now=NOW)
    assert send_codes(now=NOW) == 50
    assert unanswered_codes(NOW + timedelta(minutes=1)) == {}, "people are still typing"
    later = NOW + timedelta(minutes=4)
    assert unanswered_codes(later) == {CodeLane.ROLE: 50}
    assert [alert_about_codes(later) for _twice in range(2)] == [1, 0]
    assert opens(codes("+12135553007")[-1], "stranger 7", at=later)
    assert unanswered_codes(later) == {CodeLane.ROLE: 49}
    assert unanswered_codes(NOW + timedelta(minutes=65)) == {}


def test_a_code_that_a_badly_set_up_sender_refuses_rests_between_tries(
    app: Flask, carrier: Carrier, carmen: Person
) -> None:
    carrier.faults.refuse[CARMEN] = 21606
    ask()
    for second in (0, 1):
        drain(now=NOW + timedelta(seconds=second))
    assert db.session.scalar(select(func.count()).select_from(Attempt)) == 1
    assert db.session.scalars(select(Sender)).one().paused_reason == "carrier_21606"
    carrier.faults.refuse.clear()
    drain(now=NOW + timedelta(seconds=3))
    assert db.session.scalars(select(OutboxText.state)).one() is TextState.ACCEPTED
