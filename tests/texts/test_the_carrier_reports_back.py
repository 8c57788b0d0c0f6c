"""Receipts: signed, unordered, repeated, lost, and sometimes before our own note."""

import dataclasses
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from twilio.request_validator import RequestValidator

from mobilize import settings
from mobilize.database import db, new_id
from mobilize.demo.carrier.callbacks import signature
from mobilize.demo.carrier.server import Carrier
from mobilize.texts.carriers import twilio as real_client
from mobilize.texts.carriers.base import SendResult
from mobilize.texts.models import AttemptOutcome, OutboxText, Receipt, TextState
from mobilize.texts.queries import may_text
from mobilize.texts.receiving.receipts import note_receipt
from mobilize.texts.sending.claiming import claim
from mobilize.texts.sending.delivery import drain, record
from mobilize.texts.sending.reconciling import reconcile
from tests.texts.conftest import MIA, attempt, fresh

Queue = Callable[..., OutboxText]
SID = "SM" + "a" * 32


@pytest.fixture
def sent(carrier: Carrier, queued: Queue, now: datetime) -> OutboxText:
    """One text the carrier has taken."""
    text = queued()
    drain(now=now)
    return text


def report(text: OutboxText, status: str, now: datetime, code: int | None = None) -> bool:
    return note_receipt(attempt(text).sid or SID, status, outbox_id=text.id, error_code=code, now=now)


def test_a_receipt_is_given_to_the_attempt_it_names_and_nothing_leaves_a_third_time(
    carrier: Carrier, queued: Queue, now: datetime
):
    """Not to an older one: the newer one's answer was lost too, and its looks would find nothing."""
    text = queued()
    carrier.faults.next = {"drop": 1}
    drain(now=now)
    for seconds in (1, 62, 183):
        reconcile(now=now + timedelta(seconds=seconds))
    after = now + timedelta(seconds=184)
    (claimed,) = claim(1, by="slow", now=after)
    sid = str(real_client.send(claimed.to, claimed.body, callback="", validity_s=60).sid)
    note_receipt(sid, "sent", outbox_id=text.id, n=2, error_code=None, now=after)
    record([(claimed, SendResult(AttemptOutcome.UNKNOWN))], now=after)
    assert (attempt(text, 1).outcome, attempt(text, 2).sid) == (AttemptOutcome.NOT_FOUND, sid)
    for minute in range(1, 6):
        reconcile(now=after + timedelta(minutes=minute))
        drain(now=after + timedelta(minutes=minute))
    assert (fresh(text).state, len(carrier.store.ledger())) == (TextState.SENT, 1)


def test_a_second_bad_receipt_of_the_same_rank_has_no_further_consequences(
    sent: OutboxText, now: datetime
) -> None:
    """The carrier says failed and, for the same message, undelivered with another code."""
    assert report(sent, "failed", now, 30007) is True
    assert report(sent, "undelivered", now + timedelta(minutes=1), 30005) is True, "stored, as it came"
    text = fresh(sent)
    assert (text.state, text.error_code, text.settled_at) == (TextState.FAILED, 30007, now)
    assert may_text(MIA) is None, "30005 would have marked the number as bad"


@pytest.mark.parametrize("order", list(itertools.permutations(["queued", "sent", "delivered"])))
def test_in_whatever_order_they_come_delivered_wins(sent: OutboxText, now: datetime, order: tuple[str, ...]):
    for status in order:
        assert report(sent, status, now) is True
    assert fresh(sent).state is TextState.DELIVERED


def test_a_repeated_receipt_changes_nothing(sent: OutboxText, now: datetime):
    assert report(sent, "delivered", now) is True
    assert report(sent, "delivered", now) is False
    assert db.session.scalar(select(func.count()).select_from(Receipt)) == 1


def test_delivered_after_undelivered_is_delivered_and_not_the_other_way_round(
    sent: OutboxText, now: datetime
):
    report(sent, "delivered", now)
    report(sent, "undelivered", now, 30007)
    assert (fresh(sent).state, fresh(sent).error_code) == (TextState.DELIVERED, None)


def test_a_receipt_before_our_own_note_is_kept(carrier: Carrier, queued: Queue, now: datetime):
    text = queued()
    (claimed,) = claim(1, by="slow", now=now)
    answer = real_client.send(claimed.to, claimed.body, callback="", validity_s=60)
    note_receipt(str(answer.sid), "delivered", outbox_id=text.id, error_code=None, now=now)
    record([(claimed, answer)], now=now)
    assert (fresh(text).state, attempt(text).sid) == (TextState.DELIVERED, answer.sid)


def test_a_receipt_is_found_by_its_sid_when_the_address_is_foreign(sent: OutboxText, now: datetime):
    note_receipt(str(attempt(sent).sid), "sent", outbox_id=new_id(), error_code=None, now=now)
    assert fresh(sent).state is TextState.SENT


def test_a_receipt_for_nothing_we_know_is_stored(app: Flask, now: datetime):
    assert note_receipt(SID, "sent", outbox_id=new_id(), error_code=None, now=now) is True
    assert db.session.scalar(select(Receipt.outbox_id)) is None


def test_a_phone_that_was_off_is_tried_once_more_after_an_hour(
    carrier: Carrier, sent: OutboxText, now: datetime
):
    report(sent, "undelivered", now, 30003)
    assert fresh(sent).state is TextState.WAITING
    assert drain(now=now + timedelta(minutes=59)).claimed == 0
    assert drain(now=now + timedelta(minutes=61)).accepted == 1
    note_receipt(str(attempt(sent, 2).sid), "undelivered", outbox_id=sent.id, error_code=30003, now=now)
    assert (fresh(sent).state, fresh(sent).error_code) == (TextState.FAILED, 30003)


def test_a_filtered_text_is_never_retried(sent: OutboxText, now: datetime):
    report(sent, "undelivered", now, 30007)
    assert (fresh(sent).state, fresh(sent).error_code) == (TextState.FAILED, 30007)


def test_the_codes_for_opted_out_and_unreachable_are_remembered_by_number(sent: OutboxText, now: datetime):
    report(sent, "undelivered", now, 30006)
    assert may_text(MIA) == "bad_number"
    report(sent, "failed", now, 21610)
    assert may_text(MIA) == "bad_number"  # a second failure of a settled text changes nothing


def test_a_signed_receipt_moves_its_text(client: FlaskClient, sent: OutboxText, carrier: Carrier):
    answer = post_receipt(client, sent, {"MessageStatus": "delivered"})
    assert (answer.status_code, answer.data) == (200, b"<Response/>")
    assert fresh(sent).state is TextState.DELIVERED


def test_without_or_with_a_wrong_signature_nothing_happens(client: FlaskClient, sent: OutboxText):
    for wrong in (None, "", "nonsense", signature("another token", _address(sent), _form(sent, {}))):
        assert post_receipt(client, sent, {}, wrong).status_code == 403
    assert fresh(sent).state is TextState.ACCEPTED


def test_the_host_a_request_claims_does_not_matter(client: FlaskClient, sent: OutboxText):
    form = _form(sent, {"MessageStatus": "sent"})
    headers = {
        "X-Twilio-Signature": signature(_token(), _address(sent), form),
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
    }
    assert client.post(f"/texts/receipts/{sent.id}", data=form, headers=headers).status_code == 200


def test_while_a_token_is_rotated_both_are_good(app: Flask, client: FlaskClient, sent: OutboxText):
    old = _token()
    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], twilio_auth_token=f"new-one, {old}")
    form = _form(sent, {})
    for token in ("new-one", old):
        signed = signature(token, _address(sent), form)
        assert post_receipt(client, sent, {}, signed).status_code == 200


def test_a_webhook_rule_signs_with_a_key_of_ours_and_a_stronger_hash(
    app: Flask, client: FlaskClient, sent: OutboxText
):
    """https://www.twilio.com/docs/usage/webhooks/webhook-settings"""
    settings = dataclasses.replace(app.config["MOBILIZE"], twilio_webhook_key="new-key, old-key")
    app.config["MOBILIZE"] = settings
    form = _form(sent, {})

    def answered(key: str, algorithm: str, rule: str | None = None) -> int:
        signed = RequestValidator(key).compute_signature(_address(sent), form, algorithm)
        headers = {"X-Twilio-Signature": signed}
        headers |= {"X-Twilio-Webhooks-Signature-Settings": rule} if rule is not None else {}
        return client.post(f"/texts/receipts/{sent.id}", data=form, headers=headers).status_code

    for key in ("new-key", "old-key"):
        for algorithm in ("HMAC_SHA256", "HMAC_SHA1"):
            assert answered(key, algorithm, f"key=webhooks_sharedkey_01,algorithm={algorithm}") == 200
    assert answered("new-key", "HMAC_SHA256") == 403, "without the header it is the account's token"
    assert answered(_token(), "HMAC_SHA1", "key=k,algorithm=HMAC_SHA1") == 403, "with it, a key of ours"
    assert answered("new-key", "HMAC_SHA1", "key=k,algorithm=HMAC_SHA256") == 403
    assert answered("new-key", "HMAC_SHA256", "key=k,algorithm=HMAC_MD5") == 403
    assert answered(_token(), "HMAC_SHA1") == 200
    app.config["MOBILIZE"] = dataclasses.replace(settings, twilio_webhook_key="")
    assert answered("", "HMAC_SHA256", "key=k,algorithm=HMAC_SHA256") == 403, "no key is no door"


def test_a_receipt_without_its_fields_is_a_bad_request(client: FlaskClient, sent: OutboxText):
    signed = signature(_token(), _address(sent), {"To": MIA})
    answer = client.post(
        f"/texts/receipts/{sent.id}", data={"To": MIA}, headers={"X-Twilio-Signature": signed}
    )
    assert answer.status_code == 400


def test_new_fields_and_strange_values_do_no_harm(client: FlaskClient, sent: OutboxText):
    odd = {"MessageStatus": "teleported", "ErrorCode": "９" * 40, "NewField": "x"}
    assert post_receipt(client, sent, odd).status_code == 200
    assert fresh(sent).state is TextState.ACCEPTED


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://mycompany.com", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://mycompany.com:443", "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("http://mycompany.com:80", "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ],
)
def test_signatures_agree_with_the_vectors_of_twilio_python(address: str, expected: str):
    """https://www.twilio.com/docs/usage/security#validating-requests and
    https://github.com/twilio/twilio-python/blob/main/tests/unit/test_request_validator.py"""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
    }
    url = f"{address}/myapp.php?foo=1&bar=2"
    assert signature("12345", url, form) == expected
    # The carrier signs with or without the usual port, and either is taken.
    assert RequestValidator("12345").validate(url.replace(":443", "").replace(":80", ""), form, expected)


def test_the_outcome_of_a_settled_attempt_stays(sent: OutboxText, now: datetime):
    report(sent, "delivered", now)
    assert attempt(sent).outcome is AttemptOutcome.ACCEPTED


def post_receipt(client: FlaskClient, text: OutboxText, fields: dict[str, str], signed: str | None = "yes"):  # type: ignore[no-untyped-def]
    form = _form(text, fields)
    if signed == "yes":
        signed = signature(_token(), _address(text), form)
    headers = {} if signed is None else {"X-Twilio-Signature": signed}
    return client.post(f"/texts/receipts/{text.id}", data=form, headers=headers)


def _form(text: OutboxText, fields: dict[str, str]) -> dict[str, str]:
    return {"MessageSid": str(attempt(text).sid), "MessageStatus": "sent", "To": MIA, **fields}


def _address(text: OutboxText) -> str:
    return f"{settings().public_base_url}/texts/receipts/{text.id}"


def _token() -> str:
    return settings().twilio_auth_token
