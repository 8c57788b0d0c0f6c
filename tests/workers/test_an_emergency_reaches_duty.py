"""An emergency by text reaches whoever is on duty within five seconds: real workers, and a full queue."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.database import new_id
from mobilize.demo.carrier.server import Carrier
from mobilize.reminders.monitoring.on_call import take_duty
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.receiving.inbound import take_inbound
from tests.builders import make_area, make_member, make_person, make_site
from tests.services.processes import Processes

OLGA = "+12135550104"
EMERGENCIES = ("someone fainted at the gate", "stop texting me or I call the police", "ICE is outside")
WITHIN_S = 5.0
MANY = 3_000


@pytest.fixture
def far_end(pg_app: Flask, environ: dict[str, str], processes: Processes) -> Iterator[Carrier]:
    """The carrier, with a worker that sends to it at the pace of an ordinary sender."""
    standing_in = Carrier(
        environ["TWILIO_ACCOUNT_SID"], environ["TWILIO_AUTH_TOKEN"], environ["PUBLIC_BASE_URL"]
    ).start()
    environ |= {"TWILIO_API_URL": standing_in.url, "SEGMENTS_PER_SECOND": "100"}
    processes.celery("worker", "--concurrency", "2", environ=environ)
    yield standing_in
    standing_in.stop()


def queue(many: int) -> None:
    now = clock.now()
    values = {"wording": "urgent_noted", "language": "en", "text_class": TextClass.REQUESTED, "tz": "UTC"}
    texts = [
        PlannedText(
            purpose=f"reminder:{many}:1", phone=f"+1213556{n:04d}", due_at=now, priority=Priority.REMINDER,
            expires_at=now + timedelta(hours=1), **values,  # type: ignore[arg-type]
        )
        for n in range(many)
    ]  # fmt: skip
    queue_texts(texts, now=now)


def taken(carrier: Carrier, phone: str) -> int:
    return sum(text["to"] == phone for text in carrier.store.ledger())


def waits_for_another(carrier: Carrier, phone: str, before: int) -> float:
    """Seconds until the carrier has one text more for this number."""
    began = time.monotonic()
    while taken(carrier, phone) <= before:
        assert time.monotonic() < began + 60, "no text came at all"
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.timeout(180)
def test_an_emergency_reaches_duty_within_five_seconds(pg_app: Flask, far_end: Carrier) -> None:
    """The median of three, since other tests run on the same machine."""
    area = make_area()
    site = make_site("Elm Street School", area=area)
    phones = [make_member(site=site, phone=f"+1213555011{n}").phone for n in range(3)]
    take_duty(make_person("Olga Reed", phone=OLGA, role=RoleName.ORGANIZER, area=area), 8, now=clock.now())
    queue(MANY)
    waits_for_another(far_end, "+12135560000", 0)
    seconds = []
    for n, (phone, body) in enumerate(zip(phones, EMERGENCIES, strict=True)):
        take_inbound(f"SM{new_id().hex}", phone, body, now=clock.now())
        seconds.append(waits_for_another(far_end, OLGA, n))
    print(f"on duty after {seconds} s, with {MANY - len(far_end.store.ledger())} texts waiting")
    assert len(far_end.store.ledger()) < MANY, "the queue is still full"
    assert sorted(seconds)[1] <= WITHIN_S, seconds
