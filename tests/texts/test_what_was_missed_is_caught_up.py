"""Our address was not reachable for a while: what the carrier told us meanwhile is read in its log."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from mobilize import clock
from mobilize.database import db, locks
from mobilize.demo.carrier.server import Carrier
from mobilize.texts.models import OutboxText, TextState
from mobilize.texts.queries import is_opted_out
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.texts.receiving.missed_events import CAUGHT_UP, catch_up
from mobilize.texts.sending.delivery import drain
from tests.texts.conftest import MIA, NATE, fresh

Queue = Callable[..., OutboxText]
LATER = timedelta(minutes=11)


def test_a_stop_nobody_told_us_about_is_obeyed_and_taken_once(carrier: Carrier, now: datetime):
    carrier.store.receive(MIA, "no me escriban más")
    carrier.store.receive(NATE, "I will be there")
    assert catch_up(now=clock.now()) == (2, 0)
    assert is_opted_out(MIA) and not is_opted_out(NATE)
    assert catch_up(now=clock.now()) == (0, 0)


def test_what_came_by_itself_is_not_taken_again(carrier: Carrier, now: datetime):
    message = carrier.store.receive(MIA, "who is this?")
    assert take_inbound(message.sid, MIA, message.body, now=now)
    assert catch_up(now=clock.now()) == (0, 0)


def test_a_stop_that_is_caught_up_late_does_not_undo_a_start_since(carrier: Carrier, now: datetime):
    carrier.store.receive(MIA, "stop please")
    take_inbound("SM" + "5" * 32, MIA, "ALTA", now=clock.now())
    assert catch_up(now=clock.now())[0] == 1
    assert not is_opted_out(MIA)


def test_an_older_stop_that_is_caught_up_does_not_weaken_a_newer_one(carrier: Carrier, now: datetime):
    carrier.store.receive(MIA, "stop please")
    take_inbound("SM" + "5" * 32, MIA, "ALTA", now=clock.now())
    take_inbound("SM" + "6" * 32, MIA, "BAJA", now=clock.now())
    catch_up(now=clock.now())
    assert is_opted_out(MIA)


def test_a_lost_receipt_is_read_in_the_log(carrier: Carrier, queued: Queue, now: datetime):
    text, failed = queued(), queued(phone=NATE, purpose="test:2:1")
    carrier.faults.undeliver = {NATE: 30007}
    drain(now=now)
    _wait_for_statuses(carrier)
    assert catch_up(now=now + timedelta(minutes=1)) == (0, 0), "a receipt may still come"
    assert catch_up(now=now + LATER) == (0, 2)
    assert fresh(text).state is TextState.DELIVERED
    assert (fresh(failed).state, fresh(failed).error_code) == (TextState.FAILED, 30007)
    assert catch_up(now=now + LATER) == (0, 0)


@pytest.mark.parametrize("trouble", ["500", "garbage"])
def test_while_the_log_cannot_be_read_the_next_time_reads_from_the_same_moment(
    carrier: Carrier, now: datetime, trouble: str
):
    carrier.store.receive(MIA, "stop please")
    carrier.faults.list_trouble = trouble
    assert catch_up(now=clock.now()) == (0, 0)
    assert locks.last_run(CAUGHT_UP["twilio"]) is None
    carrier.faults.list_trouble = ""
    assert catch_up(now=clock.now()) == (1, 0)
    db.session.rollback()
    assert locks.last_run(CAUGHT_UP["twilio"]) is not None


def _wait_for_statuses(carrier: Carrier) -> None:
    import time

    deadline = time.monotonic() + 10
    while any(message.status == "accepted" for message in carrier.store.messages):
        assert time.monotonic() < deadline
        time.sleep(0.02)
