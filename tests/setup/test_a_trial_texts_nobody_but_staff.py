"""Until the office has gone live, texts reach people with a role alone, whatever has queued them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from mobilize import settings
from mobilize.accounts.models import Person, RoleName
from mobilize.accounts.queries import is_staff_phone
from mobilize.accounts.sign_in.one_time_codes import ask_for_code
from mobilize.accounts.sign_in.operations import send_codes as send_sign_in_codes
from mobilize.actions.models import Event
from mobilize.actions.operations import move_event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.database import atomic, db
from mobilize.demo.carrier.server import Carrier
from mobilize.privacy.member_page.sessions import ask_to_see
from mobilize.privacy.member_page.sessions import send_codes as send_member_codes
from mobilize.reminders.broadcasts.estimates import outcome_of
from mobilize.reminders.inbox.answers import read_answers
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.texts.models import OutboxText, Priority, TextClass, TextState
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.texts.sending.delivery import drain
from tests.builders import make_event, make_member, make_person, make_site, sign_in
from tests.reminders.broadcasts import DAY, an_action, sent, written
from tests.texts.conftest import carrier as carrier

# 17:00 in Los Angeles on the day before START, a Tuesday at 7:00 there.
FIVE_PM = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
MIA, NATE, CARMEN = "+12135550101", "+12135550102", "+12135550103"


@pytest.fixture
def picket(app: Flask, carrier: Carrier) -> Event:
    """Tomorrow's picket in a service that is in its trial: Mia is a member, Carmen chairs."""
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], is_live=False)
    site = make_site("Lincoln High")
    make_member(site=site, phone=MIA)
    make_person("Carmen Ortiz", phone=CARMEN, role=RoleName.CHAIR, site=site)
    return make_event(site)


def texted(carrier: Carrier, now: datetime) -> set[str]:
    """The numbers that got a text, once all that is due has left."""
    drain(now=now, is_staff=is_staff_phone)
    db.session.rollback()
    return {taken["to"] for taken in carrier.store.ledger()}


def fates(phone: str) -> set[tuple[str, str | None]]:
    texts = db.session.scalars(select(OutboxText).execution_options(populate_existing=True))
    return {(text.state.value, text.reason) for text in texts if text.to == phone}


def text_to(phone: str, purpose: str, now: datetime, **more: object) -> PlannedText:
    values = {
        "wording": "as_written",
        "language": "en",
        "text_class": TextClass.DUTY,
        "tz": "America/Los_Angeles",
        "due_at": now,
        "expires_at": now + timedelta(days=3),
        "merge_fields": {"body": "Hello"},
        **more,
    }
    return PlannedText(purpose=purpose, phone=phone, **values)  # type: ignore[arg-type]


def by_rule(event: Event) -> None:
    plan_reminders(FIVE_PM)


def by_move(event: Event) -> None:
    plan_reminders(FIVE_PM)
    with atomic() as session:  # as if Mia had been reminded
        session.execute(update(OutboxText).values(state=TextState.DELIVERED, settled_at=FIVE_PM))
    moved = LocalTimeRange(date(2026, 3, 3), time(15, 30), time(20))
    move_event(event, moved, "", actor="shell", now=FIVE_PM)
    plan_reminders(FIVE_PM)


def by_answer(event: Event) -> None:
    take_inbound("SM" + "1" * 32, MIA, "what is this?", now=FIVE_PM)
    take_inbound("SM" + "2" * 32, MIA, "HELP", now=FIVE_PM)
    read_answers(FIVE_PM)


def by_code(event: Event) -> None:
    ask_to_see(MIA, "browser", language="en", now=FIVE_PM)
    send_member_codes(now=FIVE_PM)


def by_urgency(event: Event) -> None:
    queue_texts(
        [text_to(MIA, "broadcast:1:1", FIVE_PM, urgent=True, text_class=TextClass.NOTICE)], now=FIVE_PM
    )


@pytest.mark.parametrize("path", [by_rule, by_move, by_answer, by_code, by_urgency])
def test_no_path_leads_to_a_member(picket: Event, carrier: Carrier, path: Callable[[Event], None]) -> None:
    path(picket)
    assert ("waiting", None) in fates(MIA)
    assert MIA not in texted(carrier, FIVE_PM)
    assert ("dropped", "trial") in fates(MIA)


def test_a_text_to_many_reaches_nobody_and_its_page_says_so(
    picket: Event, carrier: Carrier, client: FlaskClient
) -> None:
    broadcast = written(an_action())
    assert sent(broadcast) == 2
    assert texted(carrier, DAY) == set()
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert outcome_of(broadcast).held == 2
    assert "Not sent because of the trial" in client.get(f"/broadcasts/{broadcast.id}").text


def test_chairs_are_asked_and_organizers_told_as_ever(picket: Event, carrier: Carrier) -> None:
    queue_texts([text_to(CARMEN, "count:1:1", FIVE_PM, priority=Priority.COUNT)], now=FIVE_PM)
    assert texted(carrier, FIVE_PM) == {CARMEN}


def test_nobody_is_staff_for_a_caller_who_does_not_say_who_is(picket: Event, carrier: Carrier) -> None:
    queue_texts([text_to(CARMEN, "count:1:1", FIVE_PM)], now=FIVE_PM)
    drain(now=FIVE_PM)
    assert carrier.store.ledger() == [] and fates(CARMEN) == {("dropped", "trial")}


def test_whose_role_has_ended_is_no_staff(picket: Event, carrier: Carrier) -> None:
    [term] = db.session.scalars(select(Person)).one().roles
    with atomic():
        term.to_on = date(2026, 3, 2)
    queue_texts([text_to(CARMEN, "count:1:1", FIVE_PM)], now=FIVE_PM)
    assert texted(carrier, FIVE_PM) == set()


def test_two_thousand_at_once_reach_nobody(picket: Event, carrier: Carrier) -> None:
    numbers = [f"+1213{n:07d}" for n in range(2_000_000, 2_002_000)]
    queue_texts([text_to(number, "broadcast:1:1", FIVE_PM) for number in numbers], now=FIVE_PM)
    assert texted(carrier, FIVE_PM) == set()
    held = select(func.count()).where(OutboxText.state == TextState.DROPPED, OutboxText.reason == "trial")
    assert db.session.scalar(held) == len(numbers)


def test_what_is_planned_for_later_waits(picket: Event, carrier: Carrier) -> None:
    queue_texts([text_to(MIA, "later:1:1", FIVE_PM, due_at=FIVE_PM + timedelta(days=1))], now=FIVE_PM)
    assert texted(carrier, FIVE_PM) == set() and fates(MIA) == {("waiting", None)}


def test_staff_get_fifty_a_day_and_their_codes_besides(picket: Event, carrier: Carrier) -> None:
    queue_texts([text_to(CARMEN, f"duty:{n}:1", FIVE_PM) for n in range(60)], now=FIVE_PM)
    texted(carrier, FIVE_PM)
    assert len(carrier.store.ledger()) == 50
    assert fates(CARMEN) == {("accepted", None), ("dropped", "trial_full")}
    ask_for_code(CARMEN, "browser", language="en", now=FIVE_PM)
    send_sign_in_codes(now=FIVE_PM)
    texted(carrier, FIVE_PM)
    assert len(carrier.store.ledger()) == 51
    tomorrow = FIVE_PM + timedelta(days=1)
    queue_texts([text_to(CARMEN, "duty:tomorrow:1", tomorrow)], now=tomorrow)
    texted(carrier, tomorrow)
    assert len(carrier.store.ledger()) == 52


def test_the_workers_know_who_is_staff(
    picket: Event, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers import texts

    monkeypatch.setattr(texts.clock, "now", lambda: FIVE_PM)
    queue_texts([text_to(CARMEN, "duty:1:1", FIVE_PM), text_to(MIA, "duty:1:1", FIVE_PM)], now=FIVE_PM)
    texts.drain()
    assert {taken["to"] for taken in carrier.store.ledger()} == {CARMEN}


def test_the_log_says_so_and_a_banner_on_organizers_pages(
    app: Flask, client: FlaskClient, picket: Event, carrier: Carrier
) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    queue_texts([text_to(MIA, "duty:1:1", FIVE_PM)], now=FIVE_PM)
    texted(carrier, FIVE_PM)
    log = client.get("/texts").text
    assert "trial: only people with a role are texted" in log
    for page in ("/texts", "/campaigns", "/people", "/overview"):
        assert "Texts reach only people with a role here" in client.get(page).text
    assert "Texts reach only people" not in app.test_client().get("/").text
    sign_in(client, db.session.scalars(select(Person).where(Person.phone_index.is_not(None))).one())
    assert "Texts reach only people" not in client.get("/overview").text


def test_a_demo_and_a_live_service_text_members(app: Flask, carrier: Carrier) -> None:
    assert settings().is_live
    queue_texts([text_to(MIA, "duty:1:1", FIVE_PM)], now=FIVE_PM)
    drain(now=FIVE_PM)
    assert [taken["to"] for taken in carrier.store.ledger()] == [MIA]
