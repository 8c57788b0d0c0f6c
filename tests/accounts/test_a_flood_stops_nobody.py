"""A flood of junk at 6:45 shuts no chair out and stops no check-in; small enough for every run."""

import dataclasses
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.models import CodeRequest, Person, SignedInSession
from mobilize.accounts.sign_in.one_time_codes import ask_for_code
from mobilize.accounts.sign_in.operations import enter_code, send_codes
from mobilize.checkins.forms import event_token
from mobilize.checkins.models import Attendance
from mobilize.database import atomic, db
from mobilize.demo.carrier.server import Carrier
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.privacy.member_page import sessions
from mobilize.texts.models import OutboxText
from mobilize.texts.queries import paused_senders
from mobilize.texts.sending.delivery import drain
from tests.builders import make_event, make_member, make_site
from tests.services.client import Client

CARMEN = "+12135550101"
JUNK = 5_000
# (address, field, what is in it)
JUNK_KINDS = [
    ("/sign-in", "phone", "21355502"),
    ("/sign-in/code", "code", "0000"),
    ("/enter/no-such-link", "x", ""),
    ("/c/NOSUCHCOD", "typed", "junk"),
    ("/sign-in/second", "step_code", "0000"),
]


def junk(how_many: int, phone: str | None) -> None:
    """Requests as strangers' browsers leave them, for one phone or for as many; written at once, since what
    is tried here comes after."""
    now = clock.now()
    with atomic() as session:
        for n in range(how_many):
            request = CodeRequest(asked_at=now, expires_at=now + timedelta(minutes=10), language="en")
            request.phone = phone or f"+1213{5550200 + n}"
            request.phone_index = blind_index("phone", request.phone)
            request.browser_hash = n.to_bytes(32, "big")
            session.add(request)


@pytest.mark.parametrize("whose", ["everybody's numbers", "their own number"])
def test_after_5000_junk_requests_the_chair_signs_in(client: FlaskClient, carmen: Person, whose: str) -> None:
    junk(JUNK, CARMEN if whose == "their own number" else None)
    client.post("/sign-in", data={"phone": "(213) 555-0101"})
    began = time.monotonic()
    for _ in range(4):  # the worker's ticks
        send_codes(now=clock.now())
    assert time.monotonic() - began < 20
    texts = db.session.scalars(select(OutboxText).order_by(OutboxText.id)).all()
    assert 1 <= len(texts) <= 5  # nor is the phone bombed
    codes = {json.loads(text.merge_fields)["code"] for text in texts}
    answers = [client.post("/sign-in/code", data={"code": code}).status_code for code in sorted(codes)]
    assert 303 in answers
    assert client.get("/devices").status_code == 200


def test_a_flood_of_members_numbers_keeps_no_chair_waiting_and_pauses_no_text(
    app: Flask, carrier: Carrier, carmen: Person
) -> None:
    """The members' codes would cost more than the hour's limit; real drains, at the sender's real pace."""
    settings = app.config["MOBILIZE"]
    app.config["MOBILIZE"] = dataclasses.replace(
        settings, spending_limit_cents_an_hour=100.0, segments_per_second=12.0
    )
    for n in range(60):
        make_member(phone=f"+1213{5552000 + n}")
    began, waited = clock.now(), []
    for second in range(20):
        now = began + timedelta(seconds=second)
        for n in range(9):
            sessions.ask_to_see(
                f"+1213{5552000 + (9 * second + n) % 60}", f"b {second} {n}", language="en", now=now
            )
        if second % 5 == 2:
            ask_for_code(CARMEN, f"own {second}", language="en", now=now)
            waited.append(_seconds_until_a_text(carrier, now, len(waited) + 1))
        _tick(now)
    assert max(waited) <= 3, waited
    assert not paused_senders()


def _tick(now: datetime) -> None:
    sessions.send_codes(now=now)
    send_codes(now=now)
    drain(now=now)


def _seconds_until_a_text(carrier: Carrier, now: datetime, texts: int) -> int:
    """The seconds the workers tick until the chair has so many texts; 99 when that is in vain."""
    for second in range(10):
        _tick(now + timedelta(seconds=second))
        if sum(text["to"] == CARMEN for text in carrier.store.ledger()) >= texts:
            return second
    return 99


def test_wrong_codes_of_strangers_take_none_of_their_tries(carmen: Person) -> None:
    now = clock.now()
    ask_for_code(CARMEN, "own", language="en", now=now)
    send_codes(now=now)
    code = json.loads(db.session.scalars(select(OutboxText)).one().merge_fields)["code"]
    for n in range(200):
        with pytest.raises(Refused):
            enter_code("00000000" if code != "00000000" else "11111111", f"stranger {n % 40}", now=now)
    db.session.remove()
    assert enter_code(code, "own", now=now)


def test_a_code_dies_after_five_tries_through_a_restart_too(app: Flask, carmen: Person) -> None:
    now = clock.now()
    ask_for_code(CARMEN, "own", language="en", now=now)
    send_codes(now=now)
    code = json.loads(db.session.scalars(select(OutboxText)).one().merge_fields)["code"]
    wrong = f"{(int(code) + 1) % 100_000_000:08d}"
    for _ in range(5):
        with pytest.raises(Refused):
            enter_code(wrong, "own", now=now)
        db.session.remove()
        db.engine.dispose()  # as a new process would: nothing is remembered but what is stored
    with pytest.raises(Refused):
        enter_code(code, "own", now=now)
    assert db.session.scalar(select(func.count()).select_from(SignedInSession)) == 0


def test_honest_check_ins_from_one_address_pass_while_junk_runs(app: Flask) -> None:
    """50 members behind one address; meanwhile 500 junk requests of five kinds from the same one."""
    site = make_site()
    event = make_event(site, starts_at=clock.now(), ends_at=clock.now() + timedelta(hours=1))
    numbers = [make_member(site=site).number for _ in range(50)]
    forms = [{"typed": number, "token": event_token(event.code)} for number in numbers]
    address = f"/c/{event.code}"
    db.session.rollback()

    def flood(kind: int) -> list[int]:
        path, field, text = JUNK_KINDS[kind]
        bad = [Client(app, use_cookies=True).post(path, data={field: f"{text}{n}"}) for n in range(100)]
        return [answer.status_code for answer in bad]

    def check_in(form: dict[str, str]) -> int:
        return Client(app, use_cookies=True).post(address, data=form).status_code

    with ThreadPoolExecutor(len(JUNK_KINDS)) as strangers, ThreadPoolExecutor(3) as line:
        flooding = [strangers.submit(flood, kind) for kind in range(len(JUNK_KINDS))]
        answers = list(line.map(check_in, forms))
        assert all(status < 500 for one in flooding for status in one.result())
    assert set(answers) <= {200, 303}
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Attendance)) == 50
