"""The pages of webhooks: made by an admin after a step-up, their secret seen once, deliveries sent again."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.approvals.models import Approval
from mobilize.accounts.approvals.operations import approve
from mobilize.accounts.models import Person, RoleName
from mobilize.audit import AuditRow
from mobilize.database import db
from mobilize.webhooks.models import Webhook, WebhookDelivery
from mobilize.webhooks.sending.delivery import deliver
from tests.builders import START, make_member, make_person, make_site, sign_in
from tests.webhooks.receiver import Receiver, is_signed


@pytest.fixture(autouse=True)
def in_the_morning() -> Iterator[None]:
    with time_machine.travel(START, tick=True):
        yield


@pytest.fixture
def ada(app: Flask, client: FlaskClient) -> Person:
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    sign_in(client, ada)
    return ada


def make_one(client: FlaskClient, receiver: Receiver) -> tuple[Webhook, str]:
    form = {"name": "Our map", "url": receiver.url, "topics": ["turnout.changed", "head_count.reported"]}
    page = client.post("/webhooks", data=form)
    assert page.status_code == 200, page.text
    [secret] = re.findall(r"whsec_[A-Za-z0-9+/=]+", page.text)
    return db.session.scalars(select(Webhook)).one(), secret


def test_an_admin_makes_one_and_reads_its_secret_once(
    client: FlaskClient, ada: Person, receiver: Receiver
) -> None:
    webhook, secret = make_one(client, receiver)
    assert secret not in client.get(f"/webhooks/{webhook.id}").text
    assert "Our map" in client.get("/webhooks").text
    assert "webhook.make" in db.session.scalars(select(AuditRow.verb)).all()
    sent = client.post(f"/webhooks/{webhook.id}/test", follow_redirects=True)
    assert "A test is on its way" in sent.text
    db.session.rollback()
    deliver(START + timedelta(minutes=5))
    [(headers, body)] = receiver.requests
    assert is_signed(headers, body, secret)
    page = client.get(f"/webhooks/{webhook.id}").text
    assert "A test" in page and "delivered" in page
    delivery_id = db.session.scalars(select(WebhookDelivery.id)).one()
    again = client.post(f"/webhooks/{webhook.id}/deliveries/{delivery_id}/replay", follow_redirects=True)
    assert "It is sent again." in again.text
    db.session.rollback()
    deliver(START + timedelta(minutes=10))
    assert list(receiver.ids.values()) == [2]
    db.session.rollback()
    assert db.session.scalars(select(WebhookDelivery.tries)).one() == 2, "it was sent twice"
    assert "Sent again: 0." in client.post(f"/webhooks/{webhook.id}/replay", follow_redirects=True).text


def test_a_bad_address_is_refused_where_it_was_typed(client: FlaskClient, ada: Person) -> None:
    form = {"name": "Our map", "url": "http://example.org", "topics": ["turnout.changed"]}
    page = client.post("/webhooks", data=form)
    assert page.status_code == 422 and "begins with https://" in page.text
    assert client.post("/webhooks", data={**form, "topics": []}).status_code == 422
    assert client.post("/webhooks", data={**form, "topics": ["check_ins.recorded"]}).status_code == 422


def test_without_a_step_up_nothing_is_made(client: FlaskClient, ada: Person, receiver: Receiver) -> None:
    form = {"name": "Our map", "url": receiver.url, "topics": ["turnout.changed"]}
    with time_machine.travel(START + timedelta(minutes=15), tick=True):
        client.post("/webhooks", data=form)
    assert db.session.scalars(select(Webhook)).all() == []


def test_an_organizer_sees_none(client: FlaskClient, app: Flask) -> None:
    sign_in(client, make_person("Olga Brandt", role=RoleName.ORGANIZER, area=make_site().area))
    assert client.get("/webhooks").status_code == 403


def test_names_are_switched_on_after_a_second_person(
    client: FlaskClient, ada: Person, receiver: Receiver
) -> None:
    site = make_site()
    for _n in range(25):
        make_member(site=site)
    webhook, _secret = make_one(client, receiver)
    client.post(f"/webhooks/{webhook.id}/names", data={"reason": "Strike fund of March"})
    approval = db.session.scalars(select(Approval)).one()
    assert "Strike fund of March" in approval.summary.in_("en")
    page = client.get(f"/webhooks/{webhook.id}").text
    assert "has not answered yet" in page
    other = make_person("Ben Kay", role=RoleName.ADMIN)
    db.session.rollback()
    approve(approval.id, by=f"person:{other.id}", scope=THE_OFFICE, stepped_up=True, now=START)
    client.post(f"/webhooks/{webhook.id}/names")
    db.session.refresh(webhook)
    assert webhook.names and webhook.names_agreed_by == f"person:{other.id}"
    client.post(f"/webhooks/{webhook.id}/names/off")
    db.session.refresh(webhook)
    assert not webhook.names


def test_it_is_switched_off_given_another_secret_and_removed(
    client: FlaskClient, ada: Person, receiver: Receiver
) -> None:
    webhook, secret = make_one(client, receiver)
    page = client.post(f"/webhooks/{webhook.id}/secret").text
    [newer] = re.findall(r"whsec_[A-Za-z0-9+/=]+", page)
    assert newer != secret and "Signed with the old secret too" in page
    client.post(f"/webhooks/{webhook.id}/off")
    assert "switched off" in client.get("/webhooks").text
    client.post(f"/webhooks/{webhook.id}/on")
    address = f"/webhooks/{webhook.id}"
    client.post(f"{address}/remove")
    assert client.get(address).status_code == 404
