"""A database is put back from a copy of minutes ago: no text leaves twice, and none is lost."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from mobilize import clock
from mobilize.actions.operations import call_off_action
from mobilize.backup import gaps
from mobilize.backup.gaps import Heartbeat, RecoveryGap
from mobilize.database import atomic, db
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.carrier.telnyx import TelnyxCarrier
from mobilize.reminders.calling_off.operations import tell_of_calling_off
from mobilize.texts import recovery
from mobilize.texts.models import OutboxText, Priority, TextClass, TextState
from mobilize.texts.operations import drop_texts
from mobilize.texts.queries import doubled_texts, is_opted_out
from mobilize.texts.receiving.receipts import note_receipt
from mobilize.texts.sending.delivery import drain
from tests.backup.copies import (
    MINUTES,
    a_round,
    age_heartbeat,
    copy_of_everything,
    let_logs_be_whole,
    put_back,
)
from tests.builders import make_action, make_event, make_site
from tests.texts.conftest import MIA, NATE, bodies, fresh

Queue = Callable[..., OutboxText]


@pytest.fixture
def phones() -> list[str]:
    return [f"+1213555{1000 + n}" for n in range(40)]


def test_none_of_what_left_in_the_lost_minutes_leaves_again(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime, phones: list[str]
):
    gaps.look()
    texts = [queued(phone=phone, purpose=f"reminder:{n}") for n, phone in enumerate(phones)]
    copy = copy_of_everything()
    assert drain(now=now, at_most=32).accepted == 32
    put_back(copy)
    a_round(now)
    assert {fresh(text).state for text in texts} == {TextState.UNKNOWN}
    a_round(now)
    assert len(bodies(carrier)) == 32
    let_logs_be_whole()
    for _ in range(3):
        a_round(clock.now())
    assert {fresh(text).state for text in texts} == {TextState.ACCEPTED}
    assert sorted(bodies(carrier)) == sorted(f"Hello, reminder:{n}" for n in range(40))
    assert doubled_texts() == 0 and gaps.open_gap() is None


def test_without_a_look_they_leave_twice_and_the_status_says_so(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    text = queued()
    copy = copy_of_everything()
    drain(now=now)
    put_back(copy, age=timedelta())
    drain(now=now)
    for message in carrier.store.ledger():
        note_receipt(message["sid"], "delivered", outbox_id=text.id, error_code=None, now=now, n=1)
    assert (len(bodies(carrier)), doubled_texts()) == (2, 1)


def test_what_is_planned_again_afterwards_under_another_id_has_left(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    gaps.look()
    copy = copy_of_everything()
    queued(purpose="before", merge_fields={"body": "Line 4 is at the gate"})
    drain(now=now)
    put_back(copy)
    again = queued(purpose="before", merge_fields={"body": "Line 4 is at the gate"})
    other = queued(purpose="other", merge_fields={"body": "Another one"})
    a_round(now)
    let_logs_be_whole()
    for _ in range(2):
        a_round(clock.now())
    assert (fresh(again).state, fresh(other).state) == (TextState.ACCEPTED, TextState.ACCEPTED)
    assert [body.splitlines()[0] for body in bodies(carrier)] == ["Line 4 is at the gate", "Another one"]


def test_new_codes_leave_at_once_and_old_ones_do_not(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    gaps.look()
    old = queued(purpose="old code", priority=Priority.CODE, due_at=now)
    age_heartbeat()
    drain(now=now, unheld_only=True)
    recovery.recover(now=now)
    later = clock.now() + timedelta(seconds=5)
    code = {"phone": NATE, "purpose": "new code", "priority": Priority.CODE, "due_at": later}
    queued_later = queued(**code)  # type: ignore[arg-type]
    with atomic() as session:
        session.execute(update(OutboxText).where(OutboxText.id == queued_later.id).values(queued_at=later))
    assert drain(now=later, unheld_only=True).accepted == 1
    assert (fresh(old).state, fresh(queued_later).state) == (TextState.UNKNOWN, TextState.ACCEPTED)


def test_a_stop_of_the_lost_minutes_is_obeyed_before_anything_leaves(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    gaps.look()
    text = queued(text_class=TextClass.NOTICE, urgent=True)
    age_heartbeat()
    carrier.store.receive(MIA, "no me escriban más")
    a_round(now)
    let_logs_be_whole()
    a_round(clock.now())
    a_round(clock.now())
    assert is_opted_out(MIA)
    assert "Hello, test:1:1" not in bodies(carrier)
    assert (fresh(text).state, fresh(text).reason) == (TextState.DROPPED, "opted_out")


def test_while_a_log_cannot_be_read_nothing_leaves_and_then_it_goes_on_by_itself(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    gaps.look()
    text = queued()
    age_heartbeat()
    a_round(now)
    let_logs_be_whole()
    carrier.faults.list_trouble = "500"
    a_round(clock.now())
    assert drain(now=clock.now()).claimed == 0
    latest = gaps.latest_gap()
    assert latest and (latest.trouble, latest.closed_at) == (recovery.UNREADABLE, None)
    carrier.faults.list_trouble = ""
    a_round(clock.now())
    a_round(clock.now())
    assert (fresh(text).state, len(bodies(carrier))) == (TextState.ACCEPTED, 1)


def test_somebody_says_that_it_goes_on_without_the_log(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    gaps.look()
    text = queued()
    age_heartbeat()
    a_round(now)
    let_logs_be_whole()
    carrier.faults.list_trouble = "500"
    a_round(clock.now())
    command = ["backup", "go-on", "--without", "log", "--yes"]
    assert "goes on" in app.test_cli_runner().invoke(args=command).output
    a_round(clock.now())
    assert (fresh(text).state, gaps.open_gap(), bodies(carrier)) == (TextState.STUCK, None, [])
    assert "Nothing is held" in app.test_cli_runner().invoke(args=command).output


def test_a_copy_of_seconds_ago_in_its_place_is_noticed(app: Flask, carrier: Carrier, queued: Queue):
    gaps.look()
    with atomic() as session:
        session.execute(update(Heartbeat).values(identity="another"))
    gap = gaps.look()
    assert gap and gap.reason is gaps.GapReason.MOVED
    assert (again := gaps.look()) and again.id == gap.id
    assert len(db.session.scalars(select(RecoveryGap)).all()) == 1


def test_workers_that_were_off_for_an_hour_lose_nothing(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    gaps.look()
    texts = [queued(purpose=f"reminder:{n}", phone=f"+1213555{2000 + n}") for n in range(5)]
    age_heartbeat(timedelta(hours=1))
    a_round(now)
    let_logs_be_whole()
    for _ in range(2):
        a_round(clock.now())
    assert {fresh(text).state for text in texts} == {TextState.ACCEPTED}
    latest = gaps.latest_gap()
    assert latest and not latest.is_loss


def test_what_was_taken_back_while_it_was_looked_up_does_not_leave(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    gaps.look()
    text = queued(purpose="moved:1")
    age_heartbeat()
    a_round(now)
    drop_texts("moved:1", "called_off", now=now)
    let_logs_be_whole()
    a_round(clock.now())
    a_round(clock.now())
    assert (fresh(text).state, fresh(text).reason) == (TextState.DROPPED, "called_off")
    assert bodies(carrier) == []


def test_a_receipt_that_comes_meanwhile_settles_it(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    gaps.look()
    text = queued()
    copy = copy_of_everything()
    drain(now=now)
    put_back(copy)
    a_round(now)
    [message] = carrier.store.ledger()
    note_receipt(message["sid"], "sent", outbox_id=text.id, error_code=None, now=now, n=1)
    let_logs_be_whole()
    a_round(clock.now())
    note_receipt(message["sid"], "delivered", outbox_id=text.id, error_code=None, now=now, n=1)
    a_round(clock.now())
    assert (fresh(text).state, len(bodies(carrier)), doubled_texts()) == (TextState.DELIVERED, 1, 0)


def test_what_a_carrier_without_a_whole_list_does_not_show_goes_to_a_person(
    app: Flask, carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    settings = app.config["MOBILIZE"]
    app.config["MOBILIZE"] = replace(settings, carriers=("telnyx", "twilio"))
    gaps.look()
    left = queued(purpose="left")
    waits = queued(phone=NATE, purpose="waits")
    copy = copy_of_everything()
    assert drain(now=now, at_most=1).accepted == 1
    put_back(copy)
    gaps.mark_restored(now - MINUTES)
    a_round(now)
    let_logs_be_whole()
    a_round(clock.now())
    a_round(clock.now())
    assert (fresh(left).state, len(second.store.ledger())) == (TextState.ACCEPTED, 1)
    assert (fresh(waits).state, fresh(waits).reason) == (TextState.STUCK, "not_found")


def test_a_text_about_what_was_called_off_in_the_lost_minutes_does_not_leave(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime, tmp_path: Path
):
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], journal_folder=str(tmp_path / "journal"))
    gaps.look()
    event = make_event(make_site(), action=make_action(starts_at=now + timedelta(hours=3)))
    text = queued(event_id=event.id)
    copy = copy_of_everything()
    call_off_action(event.action, actor="shell", now=now)
    put_back(copy)
    a_round(now)
    tell_of_calling_off(now)
    assert fresh(text).state is TextState.UNKNOWN
    let_logs_be_whole()
    a_round(clock.now())
    tell_of_calling_off(clock.now())
    a_round(clock.now())
    assert (fresh(text).state, fresh(text).reason) == (TextState.DROPPED, "called_off")
    assert "Hello, test:1:1" not in bodies(carrier)
