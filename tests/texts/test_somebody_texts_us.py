"""Texts that come in: stored once, obeyed at once where it is STOP, answered seldom."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import settings
from mobilize.database import db, new_id
from mobilize.demo.carrier.callbacks import signature
from mobilize.demo.carrier.server import Carrier
from mobilize.keys.crypto import blind_index
from mobilize.texts.consent.carrier_blocks import carriers_that_block
from mobilize.texts.models import Inbound, Intent, OutboxText
from mobilize.texts.operations import answer, forget_bodies, mark_done, opt_in
from mobilize.texts.queries import is_opted_out, unread_inbound
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.texts.sending.delivery import drain
from tests.builders import ask_question, make_member
from tests.texts.conftest import MIA, NATE, bodies

Queue = Callable[..., OutboxText]


def hear(body: str, now: datetime, phone: str = MIA, sid: str | None = None) -> Inbound | None:
    return take_inbound(sid or f"SM{new_id().hex}", phone, body, now=now)


def post(client: FlaskClient, form: dict[str, str], token: str = ""):  # type: ignore[no-untyped-def]
    address = f"{settings().public_base_url}/texts/inbound"
    signed = signature(token or settings().twilio_auth_token, address, form)
    return client.post("/texts/inbound", data=form, headers={"X-Twilio-Signature": signed})


def test_stop_is_committed_before_the_answer(client: FlaskClient, app: Flask):
    got = post(client, {"MessageSid": "SM" + "1" * 32, "From": MIA, "Body": "Stop!"})
    assert (got.status_code, got.data) == (200, b"<Response/>")
    db.session.rollback()
    assert is_opted_out(MIA) and not is_opted_out(NATE)


def test_an_unsigned_text_is_refused(client: FlaskClient, app: Flask):
    assert client.post("/texts/inbound", data={"From": MIA, "Body": "STOP"}).status_code == 403
    assert post(client, {"MessageSid": "SM1", "From": MIA, "Body": "STOP"}, "wrong").status_code == 403
    assert not is_opted_out(MIA)


def test_a_keyword_of_the_union_s_own_that_advanced_opt_out_obeyed_is_a_stop(client: FlaskClient, app: Flask):
    form = {"MessageSid": "SM" + "2" * 32, "From": MIA, "Body": "basta ya", "OptOutType": "STOP"}
    assert post(client, form).status_code == 200
    assert is_opted_out(MIA) and carriers_that_block(MIA) == ["twilio"]


def test_what_the_carrier_has_answered_itself_is_not_answered_again(
    carrier: Carrier, client: FlaskClient, queued: Queue, now: datetime
):
    queued()
    drain(now=now)
    post(client, {"MessageSid": "SM" + "3" * 32, "From": MIA, "Body": "help me out", "OptOutType": "HELP"})
    post(client, {"MessageSid": "SM" + "4" * 32, "From": MIA, "Body": "Alta", "OptOutType": "START"})
    drain(now=now + timedelta(seconds=1))
    assert len(bodies(carrier)) == 1


def test_yes_which_lifts_the_carrier_s_block_is_no_start_in_our_books(client: FlaskClient, app: Flask):
    post(client, {"MessageSid": "SM" + "5" * 32, "From": MIA, "Body": "STOP", "OptOutType": "STOP"})
    post(client, {"MessageSid": "SM" + "6" * 32, "From": MIA, "Body": "YES", "OptOutType": "START"})
    assert is_opted_out(MIA) and carriers_that_block(MIA) == []


def test_a_picture_without_words_waits_in_the_inbox_with_a_mark(client: FlaskClient, app: Flask):
    form = {"MessageSid": "MM" + "1" * 32, "From": MIA, "To": "+12135550100", "Body": "", "NumMedia": "2"}
    assert post(client, form).status_code == 200
    row = db.session.scalars(select(Inbound)).one()
    assert (row.media, row.number, row.intent, row.done_at) == (2, "+12135550100", Intent.OTHER, None)


@pytest.mark.parametrize("body", ["ALTO", "no me escriban más", "remove me", "Baja.", "STOPALL", "cancelar"])
def test_stop_in_other_words_is_stop(app: Flask, now: datetime, body: str):
    hear(body, now)
    assert is_opted_out(MIA)


@pytest.mark.parametrize(
    ("body", "is_out"),
    [
        ("stop texting me or I call the police", True),
        ("please stop and send help, police push people", False),
    ],
)
def test_danger_waits_for_a_person_also_where_no_texts_are_wanted(
    app: Flask, now: datetime, body: str, is_out: bool
):
    row = hear(body, now)
    assert row is not None and (row.intent, row.done_at) == (Intent.ALARM, None)
    assert is_opted_out(MIA) is is_out


def test_a_bare_code_is_a_check_in_unless_a_count_was_asked_for(app: Flask, now: datetime):
    row = hear("37806", now)
    assert row is not None and (row.intent, row.value) == (Intent.HERE, "37806")
    ask_question(NATE, "head_count", new_id(), expires_at=now + timedelta(hours=3), now=now)
    row = hear("37806", now, phone=NATE)
    assert row is not None and (row.intent, row.value) == (Intent.NUMBER, "37806")


@pytest.mark.parametrize(
    ("body", "still_out"),
    [
        *(("YES", True), ("Sí", True), ("does it start at 7", True), ("no quiero recibir mensajes", True)),
        *(("START", False), ("alta", False), ("START por favor", False), ("start texting me again", False)),
    ],
)
def test_only_start_takes_stop_back(app: Flask, now: datetime, body: str, still_out: bool):
    hear("STOP", now)
    hear(body, now + timedelta(minutes=1))
    assert is_opted_out(MIA) is still_out


def test_stop_after_start_counts_again(app: Flask, now: datetime):
    for minute, body in enumerate(["STOP", "START", "STOP"]):
        hear(body, now + timedelta(minutes=minute))
    assert is_opted_out(MIA)


def test_the_same_text_delivered_twice_is_one(app: Flask, now: datetime):
    assert hear("HERE 48217", now, sid="SMsame") is not None
    assert hear("HERE 48217", now, sid="SMsame") is None
    assert db.session.scalar(select(func.count()).select_from(Inbound)) == 1


def test_a_replayed_stop_does_not_undo_a_later_start(app: Flask, now: datetime):
    hear("STOP", now, sid="SMold")
    opt_in(MIA, source="reply", now=now + timedelta(minutes=1))
    hear("STOP", now + timedelta(minutes=2), sid="SMold")
    assert not is_opted_out(MIA)


def test_a_bare_number_means_what_was_last_asked(app: Flask, now: datetime):
    older, newer = new_id(), new_id()
    ask_question(MIA, "coming", older, expires_at=now + timedelta(hours=5), now=now)
    ask_question(
        MIA, "head_count", newer, expires_at=now + timedelta(hours=5), now=now + timedelta(minutes=1)
    )
    hear("24", now + timedelta(minutes=2))
    ((inbound, question),) = unread_inbound(Intent.NUMBER, question_kind="head_count")
    assert (inbound.value, question.event_id) == ("24", newer)


def test_one_and_two_answer_whether_they_are_coming(app: Flask, now: datetime):
    ask_question(MIA, "coming", new_id(), expires_at=now + timedelta(hours=5), now=now)
    hear("1", now)
    hear("dos", now + timedelta(seconds=1))
    assert [h.intent for h, _q in unread_inbound(Intent.COMING, Intent.NOT_COMING)] == [
        "coming",
        "not_coming",
    ]


def test_a_figure_answers_the_head_count_though_coming_was_asked_later(app: Flask, now: datetime):
    older, newer = new_id(), new_id()
    ask_question(MIA, "head_count", older, expires_at=now + timedelta(hours=1), now=now)
    ask_question(MIA, "coming", newer, expires_at=now + timedelta(hours=5), now=now + timedelta(minutes=1))
    take_inbound("SM" + "1" * 32, MIA, "24", now=now + timedelta(minutes=2))
    take_inbound("SM" + "2" * 32, MIA, "2", now=now + timedelta(minutes=3))
    ((count, asked_first),) = unread_inbound(Intent.NUMBER)
    ((_no, asked_last),) = unread_inbound(Intent.NOT_COMING)
    assert (count.value, asked_first and asked_first.event_id) == ("24", older)
    assert asked_last and asked_last.event_id == newer


def test_an_expired_question_gives_a_number_no_meaning(app: Flask, now: datetime):
    ask_question(MIA, "head_count", new_id(), expires_at=now + timedelta(hours=1), now=now)
    hear("24", now + timedelta(hours=2))
    assert unread_inbound(Intent.NUMBER, question_kind="head_count") == []
    assert len(unread_inbound(Intent.NUMBER)) == 1


def test_only_the_first_room_that_says_done_may_act(app: Flask, now: datetime):
    inbound = hear("HERE 48217", now)
    assert inbound is not None
    assert mark_done(inbound.id, "checkins", now=now) is True
    assert mark_done(inbound.id, "checkins", now=now) is False
    assert unread_inbound(Intent.HERE) == []


def test_a_member_who_asks_who_we_are_is_told(carrier: Carrier, now: datetime):
    make_member(phone=MIA, language="es")
    hear("¿Quién es?", now)
    drain(now=now)
    assert bodies(carrier)[0].startswith("Somos Test Local 100")


def test_a_bare_help_is_left_to_the_carrier(carrier: Carrier, now: datetime):
    make_member(phone=MIA)
    hear("HELP", now)
    hear("ayuda", now)
    drain(now=now)
    assert len(bodies(carrier)) == 1


@pytest.mark.parametrize("phone", [NATE, "24273", "+447700900123"])
def test_strangers_and_short_codes_are_stored_and_not_answered(carrier: Carrier, now: datetime, phone: str):
    assert hear("who is this?", now, phone=phone) is not None
    assert drain(now=now).claimed == 0


def test_at_most_three_answers_an_hour(carrier: Carrier, now: datetime):
    make_member(phone=MIA)
    for _ in range(5):
        hear("who is this", now)
    assert drain(now=now).accepted == 3


def test_a_text_is_answered_once(carrier: Carrier, now: datetime):
    inbound = hear("HERE 99999", now)
    assert inbound is not None
    merge_fields = {"code": "99999"}
    assert answer(inbound, "here_unknown", merge_fields, language="en", now=now) is True
    assert answer(inbound, "here_unknown", merge_fields, language="en", now=now) is False


def test_nobody_who_said_stop_gets_an_answer(carrier: Carrier, now: datetime):
    make_member(phone=MIA)
    hear("STOP", now)
    hear("who is this?", now)
    assert drain(now=now).claimed == 0


@pytest.mark.parametrize("body", ["", "👍", "x" * 5000, "a\x00b", "‮gnirts"])
def test_any_body_is_taken(client: FlaskClient, app: Flask, body: str):
    got = post(client, {"MessageSid": f"SM{new_id().hex}", "From": MIA, "Body": body, "NumMedia": "2"})
    assert got.status_code == 200
    stored = db.session.scalars(select(Inbound)).one()
    assert stored.intent is Intent.OTHER and len(stored.body or "") <= 1600


def test_raw_words_are_forgotten_after_a_week_and_the_reading_stays(app: Flask, now: datetime):
    hear("HERE 48217", now)
    assert forget_bodies(now=now + timedelta(days=6)) == 0
    assert forget_bodies(now=now + timedelta(days=8)) == 1
    row = db.session.scalars(select(Inbound)).one()
    assert (row.body, row.value, row.phone_index) == (None, "48217", blind_index("phone", MIA))
