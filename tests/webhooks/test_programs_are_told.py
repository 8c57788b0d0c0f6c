"""Webhooks: what happens is told, signed, at least once, for three days, and in the end to the office."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Event, EventState
from mobilize.actions.operations import call_off_action, move_event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.checkins.models import HeadCount
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import check_in_by_poster, void
from mobilize.checkins.review.resolutions import settle_count
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.privacy.retention.periods import WEBHOOK_EVENTS
from mobilize.texts.models import OutboxText
from mobilize.turnout.models import Report, ReportKind
from mobilize.webhooks.endpoints import operations
from mobilize.webhooks.events.operations import collect
from mobilize.webhooks.models import DeliveryState, Webhook, WebhookDelivery, WebhookEvent, WebhookTopic
from mobilize.webhooks.sending import delivery, http
from mobilize.webhooks.sending.delivery import deliver, forget_old, replay
from mobilize.webhooks.sending.signature import headers_of
from tests.builders import START, make_event, make_member, make_person, make_site, without_ids
from tests.webhooks.receiver import Receiver, is_signed

DURING = START + timedelta(minutes=5)
ALL = [topic.value for topic in WebhookTopic]


@pytest.fixture(autouse=True)
def in_the_morning() -> Iterator[None]:
    with time_machine.travel(DURING, tick=True):
        yield


@pytest.fixture
def event(app: Flask) -> Event:
    event = make_event(make_site("Lincoln High"))
    make_member(site=event.site, phone="+12135550101", number="00004711")
    return event


def a_webhook(receiver: Receiver, topics: list[str] | None = None) -> tuple[Webhook, str]:
    webhook, secret = operations.make_webhook(
        "Our map", receiver.url, topics or ALL, actor="shell", now=START
    )
    assert secret
    return webhook, secret


def tell(at: datetime) -> None:
    collect(at)
    db.session.rollback()
    deliver(at)
    db.session.rollback()


def told_of(receiver: Receiver) -> list[str]:
    return sorted(body["type"] for body in receiver.bodies)


def count(event: Event, n: int, minute: int = 5) -> None:
    at = START + timedelta(minutes=minute)
    values: dict[str, Any] = {"nonce": bytes([n] * 16), "via": "line", "by": "grant"}
    report_head_count(event, n, counted_at=at, now=at, **values)


def test_a_head_count_is_told_once_and_signed(event: Event, receiver: Receiver) -> None:
    _webhook, secret = a_webhook(receiver, ["head_count.reported"])
    count(event, 27)
    tell(DURING)
    tell(DURING + timedelta(seconds=5))
    [body] = receiver.bodies
    assert body["type"] == "head_count.reported" and body["timestamp"] == DURING.isoformat()
    assert (body["data"]["head_count"], body["data"]["place"]) == (27, "Lincoln High")
    [(headers, sent)] = receiver.requests
    assert is_signed(headers, sent, secret) and headers["webhook-id"].startswith("msg_")
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_head_count_is_told_however_late_it_comes_or_is_counted_in(
    event: Event, receiver: Receiver, is_kept: bool
) -> None:
    a_webhook(receiver, ["head_count.reported"])
    later = START + timedelta(days=5)
    tell(later - timedelta(seconds=5))
    came_at = DURING if is_kept else later
    values: dict[str, Any] = {"nonce": bytes(16), "via": "line", "by": "grant", "counts": not is_kept}
    report_head_count(event, 27, counted_at=DURING, now=came_at, **values)
    tell(came_at)
    if is_kept:
        assert receiver.bodies == []
        settle_count(HeadCount, db.session.scalar(select(HeadCount.id)), take=True, actor="shell", now=later)
        tell(later)
    assert [body["data"]["head_count"] for body in receiver.bodies] == [27]


def test_the_signature_is_the_one_of_the_standard() -> None:
    """The example of the specification's own libraries."""
    secret, at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)
    headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [secret])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_thing_that_happens_is_told_with_what_is_public(event: Event, receiver: Receiver) -> None:
    a_webhook(receiver)
    count(event, 27)
    other = make_event(make_site("Elm Street"), action=event.action)
    starts = event.starts_at + timedelta(days=1)
    local = LocalTimeRange(starts.date(), time(7), time(8))
    move_event(other, local, "Gate", actor="shell", now=DURING)
    with atomic() as session:
        report = Report(action_id=event.action_id, kind=ReportKind.UNION, place_id=event.action_id, version=1)
        report.figures, report.made_by, report.made_at = {}, "worker", DURING
        session.add(report)
    tell(DURING)
    assert told_of(receiver) == [
        "action.report_ready",
        "event.moved",
        "head_count.reported",
        "turnout.changed",
    ]
    [turnout] = [body["data"] for body in receiver.bodies if body["type"] == "turnout.changed"]
    assert turnout["total"]["head_count"] == 27 and turnout["total"]["observed"] == 0
    call_off_action(event.action, actor="shell", now=DURING)
    tell(DURING + timedelta(minutes=2))
    assert "action.called_off" in told_of(receiver)
    assert "4711" not in without_ids(str(receiver.bodies)) and "Reyes" not in str(receiver.bodies)


def test_turnout_is_told_once_a_minute_and_not_moved_by_what_is_typed(
    event: Event, receiver: Receiver
) -> None:
    a_webhook(receiver, ["turnout.changed"])
    tell(DURING)
    count(event, 27, 6)
    tell(DURING + timedelta(seconds=30))
    assert len(receiver.bodies) == 1
    tell(DURING + timedelta(seconds=70))
    assert [body["data"]["total"]["head_count"] for body in receiver.bodies] == [None, 27]
    at = DURING + timedelta(minutes=3)
    check_in_by_poster(event.id, read_typed("00004711"), page="p", cookie=None, now=at)
    check_in_by_poster(event.id, read_typed("2135550199"), page="q", cookie=None, now=at)
    tell(at + timedelta(minutes=1))
    assert len(receiver.bodies) == 2


def test_a_silent_site_and_a_closed_action_are_told(event: Event, receiver: Receiver) -> None:
    a_webhook(receiver, ["site.silent", "action.closed"])
    tell(START + timedelta(minutes=20))
    assert told_of(receiver) == []
    tell(START + timedelta(minutes=36))
    assert told_of(receiver) == ["site.silent"]
    closed_at = START + timedelta(hours=4)
    with atomic():
        event.state, event.closed_at = EventState.CLOSED, closed_at
    tell(closed_at + timedelta(seconds=5))
    assert told_of(receiver) == ["action.closed", "site.silent"]


def test_a_new_webhook_is_not_told_what_was_before(event: Event, receiver: Receiver) -> None:
    count(event, 27, 1)
    operations.make_webhook("Late", receiver.url, ["head_count.reported"], actor="shell", now=DURING)
    tell(DURING + timedelta(minutes=4))
    assert receiver.bodies == []


def test_what_fails_is_sent_again_with_the_same_id_and_longer_pauses(
    event: Event, receiver: Receiver
) -> None:
    a_webhook(receiver, ["head_count.reported"])
    receiver.status = 500
    count(event, 27)
    tell(DURING)
    at, pauses = DURING, []
    for _again in range(6):
        waits = db.session.scalars(select(WebhookDelivery)).one()
        pauses.append((waits.next_try_at - at).total_seconds())
        at = waits.next_try_at
        db.session.rollback()
        deliver(at)
    assert pauses == sorted(pauses) and pauses[0] < 6 and pauses[-1] > 3000
    receiver.status = 200
    db.session.rollback()
    deliver(at + timedelta(hours=3))
    assert len({headers["webhook-id"] for headers, _body in receiver.requests}) == 1
    db.session.rollback()
    assert db.session.scalars(select(WebhookDelivery.state)).one() is DeliveryState.DELIVERED
    assert db.session.scalars(select(Webhook.failing_since)).one() is None


def test_after_three_days_it_is_off_and_the_office_knows(event: Event, receiver: Receiver) -> None:
    make_person("Ada Stone", role=RoleName.ADMIN, phone="+12135550104")
    webhook, _secret = a_webhook(receiver, ["head_count.reported"])
    receiver.status = 503
    count(event, 27)
    tell(DURING)
    at = DURING
    while at < DURING + timedelta(days=3, minutes=1):
        at = db.session.scalars(select(WebhookDelivery.next_try_at)).one()
        db.session.rollback()
        if not deliver(at).failed:
            break
        db.session.rollback()
    db.session.refresh(webhook)
    assert webhook.off_reason == "failing" and 10 < len(receiver.requests) < 20
    assert db.session.scalars(select(WebhookDelivery.state)).one() is DeliveryState.GIVEN_UP
    assert [text.wording for text in db.session.scalars(select(OutboxText))] == ["webhook_off"]
    receiver.status = 200
    operations.switch(webhook, True, actor="shell", now=at)
    assert replay(webhook.id, None, actor="shell", now=at) == 1
    deliver(at)
    assert len(receiver.bodies) == 1


def test_a_receiver_that_is_gone_is_asked_no_more(event: Event, receiver: Receiver) -> None:
    webhook, _secret = a_webhook(receiver, ["head_count.reported"])
    receiver.status = 410
    count(event, 27)
    tell(DURING)
    db.session.refresh(webhook)
    assert webhook.off_reason == "gone"


def test_with_two_secrets_both_sign_until_the_next_day(event: Event, receiver: Receiver) -> None:
    webhook, old = a_webhook(receiver, ["head_count.reported"])
    new = operations.change_secret(webhook, actor="shell", now=DURING)
    count(event, 27)
    tell(DURING)
    headers, body = receiver.requests[-1]
    assert is_signed(headers, body, old) and is_signed(headers, body, new)
    count(event, 28, 6)
    collect(DURING + timedelta(minutes=1))
    deliver(DURING + timedelta(days=1, minutes=1))
    headers, body = receiver.requests[-1]
    assert is_signed(headers, body, new) and not is_signed(headers, body, old)


def test_a_redirect_is_a_failure_and_is_not_followed(event: Event, receiver: Receiver) -> None:
    a_webhook(receiver, ["head_count.reported"])
    receiver.status = 302
    count(event, 27)
    tell(DURING)
    assert db.session.scalars(select(WebhookDelivery.last_result)).one() == "302"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.org/hook", "bad_url"),
        ("https://localhost/hook", "bad_url"),
        ("https://127.0.0.1/hook", "bad_url"),
        ("https://10.0.0.8/hook", "bad_url"),
        ("https://[::1]/hook", "bad_url"),
        ("https://[::ffff:10.0.0.8]/", "bad_url"),
        ("https://intranet/hook", "bad_url"),
        ("https://user@example.org/", "bad_url"),
        ("https://example.org:99999/", "bad_url"),
        ("https://exa mple.org/", "bad_url"),
        ("ftp://example.org/", "bad_url"),
        ("javascript:alert(1)", "bad_url"),
        ("https://example.org/\r\nHost: x", "bad_url"),
        ("https://hooks.lausd.net/x", "employer"),
        ("https://" + "a" * 600 + ".org/", "bad_url"),
    ],
)
def test_only_public_addresses_are_taken_in_production(own_app: Flask, url: str, code: str) -> None:
    from config import Env

    own_app.config["MOBILIZE"] = replace(
        own_app.config["MOBILIZE"], env=Env.PRODUCTION, employer_domains=("lausd.net",)
    )
    with pytest.raises(Refused) as refused:
        http.check_url(url)
    assert refused.value.code == code
    assert http.check_url("https://example.org/hook") == "https://example.org/hook"


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3", "127.0.0.1", "169.254.169.254", "192.168.0.1", "172.16.0.1", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_no_private_address_is_reached_by_a_public_name(
    app: Flask, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """The far end of a name is stood in for: whoever owns a domain chooses what it leads to."""
    at = {"93.184.216.34", address}
    monkeypatch.setattr(
        http.socket, "getaddrinfo", lambda *_a, **_k: [(0, 0, 0, "", (one, 443)) for one in at]
    )
    assert http.resolve("https://rebind.example.org/").result == "not_public"
    at.remove(address)
    target = http.resolve("https://fine.example.org/")
    assert (target.address, target.result) == ("93.184.216.34", "")
    pool = http.open_pool(target)
    assert pool.host == "93.184.216.34" and pool.assert_hostname == "fine.example.org"


def test_single_check_ins_go_only_where_two_people_said_so(event: Event, receiver: Receiver) -> None:
    webhook, _secret = a_webhook(receiver)
    assert "check_ins.recorded" not in webhook.topics
    assert operations.allow_names(webhook, "For the strike fund", actor="shell", now=START)
    check_in_by_poster(event.id, read_typed("00004711"), page="p", cookie=None, now=DURING)
    check_in_by_poster(event.id, read_typed("2135550199"), page="q", cookie=None, now=DURING)
    tell(DURING + timedelta(minutes=4))
    tell(DURING + timedelta(minutes=9))
    [body] = [one for one in receiver.bodies if one["type"] == "check_ins.recorded"]
    [check_in] = body["data"]["check_ins"]
    assert (check_in["member_number"], check_in["last_name"]) == ("00004711", "Reyes")
    stored = str([row.payload for row in db.session.scalars(select(WebhookEvent))])
    assert "Reyes" not in stored and "00004711" not in stored
    operations.take_names_away(webhook, actor="shell", now=DURING)
    replay(webhook.id, None, actor="shell", now=DURING)
    with atomic() as session:
        for row in session.scalars(select(WebhookDelivery)):
            row.state, row.next_try_at = DeliveryState.WAITING, DURING
    deliver(DURING + timedelta(minutes=10))
    assert receiver.bodies[-1]["data"].get("check_ins", []) == []


def names_told(receiver: Receiver) -> list[str]:
    bodies = [one for one in receiver.bodies if one["type"] == "check_ins.recorded"]
    return [check_in["last_name"] for body in bodies for check_in in body["data"]["check_ins"]]


def test_what_was_a_slip_and_undone_at_once_is_told_to_nobody(event: Event, receiver: Receiver) -> None:
    webhook, _secret = a_webhook(receiver)
    operations.allow_names(webhook, "For the strike fund", actor="shell", now=START)
    done, _cookie = check_in_by_poster(event.id, read_typed("00004711"), page="p", cookie=None, now=DURING)
    void(done.evidence_id, "a slip", actor="phone", now=DURING)
    tell(DURING + timedelta(minutes=4))
    tell(DURING + timedelta(minutes=9))
    assert names_told(receiver) == []


def test_names_switched_on_by_one_person_end_when_the_roster_has_grown(
    event: Event, receiver: Receiver
) -> None:
    webhook, _secret = a_webhook(receiver)
    ada: Person = make_person("Ada Stone", role=RoleName.ADMIN)
    assert operations.allow_names(webhook, "For the strike fund", actor=f"person:{ada.id}", now=START)
    for _n in range(25):
        make_member(site=event.site)
    check_in_by_poster(event.id, read_typed("00004711"), page="p", cookie=None, now=DURING)
    tell(DURING + timedelta(minutes=4))
    tell(DURING + timedelta(minutes=9))
    assert names_told(receiver) == []
    assert not operations.allow_names(webhook, "For the strike fund", actor=f"person:{ada.id}", now=DURING)


def test_in_a_larger_local_names_wait_for_a_second_person(event: Event, receiver: Receiver) -> None:
    for _n in range(25):
        make_member(site=event.site)
    webhook, _secret = a_webhook(receiver)
    ada: Person = make_person("Ada Stone", role=RoleName.ADMIN)
    with pytest.raises(Refused) as refused:
        operations.allow_names(webhook, "", actor=f"person:{ada.id}", now=DURING)
    assert refused.value.code == "no_reason"
    assert not operations.allow_names(webhook, "For the strike fund", actor=f"person:{ada.id}", now=DURING)
    assert not operations.allow_names(webhook, "", actor=f"person:{ada.id}", now=DURING)
    db.session.refresh(webhook)
    assert not webhook.names


def test_what_is_two_weeks_old_is_forgotten(event: Event, receiver: Receiver) -> None:
    a_webhook(receiver, ["head_count.reported"])
    count(event, 27)
    tell(DURING)
    assert forget_old(DURING + timedelta(days=13)) == 0
    assert forget_old(DURING + timedelta(days=15)) == 1
    assert db.session.scalars(select(WebhookDelivery)).all() == []
    assert WEBHOOK_EVENTS > delivery.GIVE_UP_AFTER


def test_where_nobody_listens_the_page_says_so(event: Event, receiver: Receiver) -> None:
    a_webhook(receiver, ["head_count.reported"])
    receiver.stop()
    count(event, 27)
    tell(DURING)
    assert db.session.scalars(select(WebhookDelivery.last_result)).one() == "no_connection"
