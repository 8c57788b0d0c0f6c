"""Carmen asks for a code, gets it by text, and types it; strangers learn nothing and stop nobody."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import CodeRequest, Person, SignedInSession
from mobilize.accounts.people.operations import end_role
from mobilize.accounts.sign_in.one_time_codes import ask_for_code, forget_code_requests
from mobilize.accounts.sign_in.operations import enter_code, send_codes
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.texts.models import OutboxText, Priority, TextClass

NOW = datetime(2026, 3, 3, 14, 45, tzinfo=UTC)
CARMEN, NATE = "+12135550101", "+12135550150"


def ask(browser: str = "own", *, phone: str = CARMEN, at: datetime = NOW) -> None:
    ask_for_code(phone, browser, language="en", now=at)


def codes() -> list[str]:
    """The codes on the phones, oldest first."""
    texts = db.session.scalars(select(OutboxText).order_by(OutboxText.id))
    return [json.loads(text.merge_fields)["code"] for text in texts]


def refusal(typed: str, browser: str = "own", *, at: datetime = NOW) -> str:
    with pytest.raises(Refused) as refused:
        enter_code(typed, browser, now=at)
    return refused.value.code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 100_000_000:08d}"


def test_the_code_on_their_phone_signs_them_in(client: FlaskClient, carmen: Person) -> None:
    response = client.post("/sign-in", data={"phone": "(213) 555-0101", "next": "/people?place=x"})
    assert response.status_code == 303
    assert send_codes(now=datetime.now(UTC)) == 1
    page = client.get(response.location)
    assert b'autocomplete="one-time-code"' in page.data and b"/people?place=x" in page.data

    signed_in = client.post("/sign-in/code", data={"code": codes()[0], "next": "/people?place=x"})

    assert (signed_in.status_code, signed_in.location) == (303, "/people?place=x")
    running = db.session.scalars(select(SignedInSession)).one()
    assert running.person_id == carmen.id


def test_the_text_is_asked_for_and_leaves_first(carmen: Person) -> None:
    ask()
    send_codes(now=NOW)
    text = db.session.scalars(select(OutboxText)).one()
    assert (text.text_class, text.priority, text.wording) == (
        TextClass.REQUESTED,
        Priority.CODE_OF_ROLE,
        "sign_in_code",
    )
    assert text.to == CARMEN and text.expires_at == NOW + timedelta(minutes=10)
    assert len(codes()[0]) == 8


def test_asking_sends_nothing_by_itself(carmen: Person) -> None:
    ask()
    assert codes() == []
    assert db.session.scalars(select(CodeRequest)).one().code_hash is None


def test_a_stranger_gets_no_text(carmen: Person) -> None:
    ask(phone=NATE)
    assert send_codes(now=NOW) == 0
    assert db.session.scalars(select(CodeRequest)).one().looked_at == NOW
    assert codes() == []


def test_the_answer_is_the_same_for_a_stranger_with_the_same_work(app: Flask, carmen: Person) -> None:
    answers = []
    for phone in (CARMEN, NATE):
        client = app.test_client()
        statements: list[str] = []
        engine = db.engine

        def count(_c, _cur, statement, *_rest, statements=statements) -> None:  # type: ignore[no-untyped-def]
            statements.append(statement)

        client.get("/sign-in")  # what the office stored is read every few seconds, whoever asks
        event.listen(engine, "before_cursor_execute", count)
        response = client.post("/sign-in", data={"phone": phone})
        event.remove(engine, "before_cursor_execute", count)
        send_codes(now=datetime.now(UTC))
        page = client.get(response.location)
        tried = [client.post("/sign-in/code", data={"code": "x"}) for _ in range(7)]
        same = [(a.status, a.data, sorted(_headers(a))) for a in (response, page, *tried)]
        answers.append((same, statements))
    assert answers[0] == answers[1]


def _headers(answer) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
    return [(name, "random" if name == "Set-Cookie" else value) for name, value in answer.headers]


def test_a_code_is_kept_only_as_a_keyed_hash(carmen: Person) -> None:
    ask()
    send_codes(now=NOW)
    row = db.session.scalars(select(CodeRequest)).one()
    assert codes()[0].encode() not in (row.code_hash or b"") + row.phone_enc


def test_a_worker_that_looks_twice_texts_once(carmen: Person) -> None:
    ask()
    assert [send_codes(now=NOW), send_codes(now=NOW)] == [1, 0]
    assert len(codes()) == 1


def test_a_code_opens_once(carmen: Person) -> None:
    ask()
    send_codes(now=NOW)
    enter_code(codes()[0], "own", now=NOW)
    assert refusal(codes()[0]) == "wrong_code"


def test_a_code_opens_only_the_browser_that_asked(carmen: Person) -> None:
    ask("own")
    send_codes(now=NOW)
    ask("nates")
    send_codes(now=NOW)
    assert refusal(codes()[0], "nates") == "wrong_code"
    assert refusal(codes()[0], "never asked") == "wrong_code"
    assert enter_code(codes()[0], "own", now=NOW)


def test_a_code_lasts_ten_minutes(carmen: Person) -> None:
    ask()
    send_codes(now=NOW)
    assert refusal(codes()[0], at=NOW + timedelta(minutes=10)) == "wrong_code"
    assert enter_code(codes()[0], "own", now=NOW + timedelta(minutes=9, seconds=59))


def test_the_sixth_try_is_refused_even_when_right_and_a_new_code_helps(carmen: Person) -> None:
    ask()
    send_codes(now=NOW)
    for _ in range(5):
        refusal(wrong(codes()[0]))
    db.session.remove()  # what counts is in the database
    assert refusal(codes()[0]) == "wrong_code"
    ask()
    send_codes(now=NOW)
    assert enter_code(codes()[1], "own", now=NOW)


def test_an_earlier_code_of_the_same_browser_stays_good(carmen: Person) -> None:
    ask()
    send_codes(now=NOW)
    ask(at=NOW + timedelta(minutes=1))
    send_codes(now=NOW + timedelta(minutes=1))
    assert enter_code(codes()[0], "own", now=NOW + timedelta(minutes=2))


@pytest.mark.parametrize(
    "typed", ["1234 5678", "1234-5678", " 12345678 ", "１２３４５６７８", "1234\u00a05678", "12 34 56 78"]
)
def test_a_code_is_read_however_it_is_typed(
    carmen: Person, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mobilize.accounts.sign_in.one_time_codes.secrets.randbelow", lambda _n: 12345678)
    ask()
    send_codes(now=NOW)
    assert enter_code(typed, "own", now=NOW)


def test_a_role_that_ended_gets_no_code_and_spends_none(carmen: Person) -> None:
    ask()
    send_codes(now=NOW)
    end_role(carmen.roles[0].id, for_cause=False, scope=THE_OFFICE, actor="shell", now=NOW)
    assert refusal(codes()[0]) == "wrong_code"
    ask()
    assert send_codes(now=NOW) == 0


def test_strangers_cannot_bomb_their_phone_nor_shut_them_out(carmen: Person) -> None:
    for n in range(60):
        ask(f"stranger {n}")
        if n % 7 == 0:
            send_codes(now=NOW)
    send_codes(now=NOW)
    assert len(codes()) == 5
    ask("new phone")
    send_codes(now=NOW)
    assert len(codes()) == 5
    assert enter_code(codes()[-1], "new phone", now=NOW)


def test_a_browser_that_signed_them_in_before_has_texts_of_its_own(carmen: Person) -> None:
    ask("own")
    send_codes(now=NOW)
    enter_code(codes()[0], "own", now=NOW)
    later = NOW + timedelta(days=30)
    for n in range(30):
        ask(f"stranger {n}", at=later)
    send_codes(now=later)
    before = len(codes())
    ask("own", at=later)
    send_codes(now=later)
    assert len(codes()) == before + 1
    assert enter_code(codes()[-1], "own", now=later)


def test_all_browsers_together_have_10_tries_at_one_code(carmen: Person) -> None:
    for n in range(12):
        ask(f"stranger {n}")
    send_codes(now=NOW)
    last = codes()[-1]
    sharing = [f"stranger {n}" for n in range(4, 12)]
    for browser in sharing[:3]:
        for _ in range(3):
            refusal(wrong(last), browser)
    assert enter_code(last, sharing[6], now=NOW)  # the 10th
    db.session.remove()
    assert refusal(last, sharing[7]) == "wrong_code"


def test_a_code_that_was_tried_out_opens_for_nobody(carmen: Person) -> None:
    for n in range(12):
        ask(f"stranger {n}")
    send_codes(now=NOW)
    last = codes()[-1]
    for n in range(4, 10):
        for _ in range(5):
            refusal(wrong(last), f"stranger {n}")
    assert refusal(last, "stranger 11") == "wrong_code"


def test_one_browser_asks_six_times_in_ten_minutes(carmen: Person) -> None:
    for _ in range(6):
        ask(phone=NATE)
    with pytest.raises(Refused) as refused:
        ask(phone=NATE)
    assert (refused.value.code, refused.value.status) == ("too_many_asks", 429)
    ask("another browser")


@pytest.mark.parametrize("typed", ["", "555-0101", "+44 20 7946 0958", "2.13556E+09", "x" * 5000, "\x00"])
def test_what_is_no_number_is_said_so_and_kept(client: FlaskClient, typed: str) -> None:
    answer = client.post("/sign-in", data={"phone": typed})
    assert answer.status_code == 422 and b"10 digits" in answer.data
    assert db.session.scalar(select(func.count()).select_from(CodeRequest)) == 0


def test_requests_are_forgotten(carmen: Person) -> None:
    ask("stranger")
    ask("own")
    send_codes(now=NOW)
    enter_code(codes()[1], "own", now=NOW)
    assert forget_code_requests(now=NOW + timedelta(days=2)) == 1
    assert forget_code_requests(now=NOW + timedelta(days=181)) == 1


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "/a\nb"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(client: FlaskClient, carmen: Person, target: str) -> None:
    with time_machine.travel(NOW, tick=False):
        response = client.post("/sign-in", data={"phone": CARMEN, "next": target})
        assert "next" not in response.location
        send_codes(now=NOW)
        signed_in = client.post("/sign-in/code", data={"code": codes()[0], "next": target})
    assert signed_in.status_code == 303 and "evil" not in signed_in.location
    assert signed_in.location.startswith("/")
