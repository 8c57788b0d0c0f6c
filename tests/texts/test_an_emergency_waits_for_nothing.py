"""An emergency reaches whoever is on duty whatever holds other texts, and a flood of them is bounded."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.accounts.queries import is_staff_phone
from mobilize.backup import gaps
from mobilize.database import atomic, db, new_id
from mobilize.demo.carrier.server import Carrier
from mobilize.reminders.monitoring.on_call import alert_duty, take_duty
from mobilize.roster.models import Site
from mobilize.texts.models import OutboxText, Priority, Sender, SpendingHour, TextClass
from mobilize.texts.operations import opt_out
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.texts.sending import lanes, trial
from mobilize.texts.sending.delivery import drain
from mobilize.texts.sending.pauses import add_sender, pause_sending, resume_sending
from tests.backup.copies import age_heartbeat
from tests.builders import make_member, make_person, make_site
from tests.texts.conftest import MIA, NATE

Queue = Callable[..., OutboxText]
OLGA = "+12135550104"


@pytest.fixture(autouse=True)
def school(app: Flask) -> Site:
    """Olga is on duty for it, and Mia a member."""
    site = make_site("Elm Street School")
    make_member(site=site, phone=MIA)
    olga = make_person("Olga Reed", phone=OLGA, role=RoleName.ORGANIZER, area=site.area)
    take_duty(olga, 8, now=clock.now())
    return site


def write_many(school: Site, many: int, now: datetime) -> None:
    """So many members, each of an emergency."""
    for n in range(many):
        write(str(make_member(site=school, phone=f"+1213557{n:04d}").phone), now)


def write(phone: str, now: datetime, body: str = "someone just collapsed at the gate") -> None:
    take_inbound(f"SM{new_id().hex}", phone, body, now=now)


def set_app(app: Flask, **values: object) -> None:
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], **values)


def office_paused(app: Flask, now: datetime, queued: Queue) -> None:
    pause_sending("The board meets first", now=now)


def carrier_refused_us(app: Flask, now: datetime, queued: Queue) -> None:
    pause_sending("carrier_20003", now=now)


def breaker_opened(app: Flask, now: datetime, queued: Queue) -> None:
    set_app(app, spending_limit_cents_an_hour=1)
    for n in range(3):
        queued(NATE, purpose=f"costs:{n}")
    drain(now=now)


def pace_used_up(app: Flask, now: datetime, queued: Queue) -> None:
    add_sender("main", now=now)
    with atomic() as session:
        session.execute(update(Sender).values(tokens=-100_000.0))


def day_used_up(app: Flask, now: datetime, queued: Queue) -> None:
    set_app(app, segments_a_day=10)
    with atomic() as session:
        session.add(SpendingHour(hour_at=now.replace(minute=0, second=0, microsecond=0), segments=11))


def many_notices(app: Flask, now: datetime, queued: Queue) -> None:
    set_app(app, segments_per_second=1.0)
    for n in range(80):
        notice = {"text_class": TextClass.NOTICE, "priority": Priority.NOTICE, "urgent": True}
        queued(f"+1213556{n:04d}", purpose="moved:1:1", due_at=now - timedelta(minutes=1), **notice)


HOLDS = [office_paused, carrier_refused_us, breaker_opened, pace_used_up, day_used_up, many_notices]


def taken_for(phone: str, carrier: Carrier) -> int:
    return sum(text["to"] == phone for text in carrier.store.ledger())


@pytest.mark.parametrize("hold", HOLDS)
def test_whatever_holds_other_texts_duty_gets_the_alarm(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime, hold: Callable[[Flask, datetime, Queue], None]
) -> None:
    hold(app, now, queued)
    queued(NATE, purpose="another")
    write(MIA, now)
    assert alert_duty(now) == 1
    drain(now=now, at_most=64)
    assert taken_for(OLGA, carrier) == 1
    assert taken_for(NATE, carrier) in (0, 3), "what holds other texts does hold them"


def test_the_worker_of_codes_sends_it_too(app: Flask, carrier: Carrier, queued: Queue, now: datetime) -> None:
    queued(NATE, purpose="another")
    write(MIA, now)
    alert_duty(now)
    assert drain(now=now, unheld_only=True).accepted == 1
    assert [text["to"] for text in carrier.store.ledger()] == [OLGA]


def test_during_a_trial_it_is_none_of_the_fifty(
    app: Flask, carrier: Carrier, school: Site, now: datetime
) -> None:
    set_app(app, is_live=False)
    write_many(school, trial.TEXTS_A_DAY + 1, now)
    assert alert_duty(now) == trial.TEXTS_A_DAY + 1
    drain(now=now, is_staff=is_staff_phone)
    assert taken_for(OLGA, carrier) == trial.TEXTS_A_DAY + 1


def test_after_a_restore_what_came_in_since_is_passed_on_and_what_may_have_been_waits(
    app: Flask, carrier: Carrier, school: Site, now: datetime
) -> None:
    gaps.look()
    age_heartbeat()
    drain(now=now)
    write(MIA, now - timedelta(minutes=4))
    alert_duty(clock.now())
    assert drain(now=clock.now()).claimed == 0, "it may have been passed on before"
    write(str(make_member(site=school, phone=NATE).phone), clock.now())
    alert_duty(clock.now())
    assert drain(now=clock.now()).accepted == 1


def test_a_flood_of_them_is_bounded_and_none_is_lost(
    app: Flask, carrier: Carrier, school: Site, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "ALARMS", replace(lanes.ALARMS, in_all=5))
    pause_sending("The board meets first", now=now)
    write_many(school, 8, now)
    assert alert_duty(now) == 8
    drain(now=now)
    assert taken_for(OLGA, carrier) == 5
    resume_sending()
    drain(now=now)
    assert taken_for(OLGA, carrier) == 8


def test_one_phone_does_not_use_up_what_others_need(
    app: Flask, carrier: Carrier, school: Site, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "ALARMS", replace(lanes.ALARMS, in_all=5))
    pause_sending("The board meets first", now=now)
    phone = str(make_member(site=school, phone=NATE).phone)
    for _ in range(8):
        write(phone, now)
    alert_duty(now)
    write(MIA, now)
    alert_duty(now)
    drain(now=now)
    assert taken_for(OLGA, carrier) == lanes.ALARMS.of_one_number + 1


def test_with_nobody_to_text_it_uses_nothing_up(app: Flask, carrier: Carrier, now: datetime) -> None:
    opt_out(OLGA, source="reply", now=now)
    write(MIA, now)
    for second in range(10):
        assert alert_duty(now + timedelta(seconds=second)) == 0
    make_person("Ada Stone", phone=NATE, role=RoleName.ADMIN)
    alert_duty(now + timedelta(seconds=11))
    text = db.session.scalars(select(OutboxText)).one()
    assert text.priority == Priority.ALARM


def test_it_costs_money_and_neither_opens_the_breaker_nor_is_stopped_by_it(
    app: Flask, carrier: Carrier, school: Site, now: datetime
) -> None:
    set_app(app, spending_limit_cents_an_hour=1)
    write_many(school, 6, now)
    alert_duty(now)
    drain(now=now)
    assert taken_for(OLGA, carrier) == 6
    spent = db.session.execute(select(func.sum(SpendingHour.segments), func.sum(SpendingHour.code_segments)))
    segments, apart = spent.one()
    assert segments == 0 and apart > 0
    assert db.session.scalars(select(Sender.paused_at)).all() == [None]
