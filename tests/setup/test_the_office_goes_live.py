"""Going live takes a step-up and, where there is one, a second admin; what was held never leaves."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from mobilize import clock, settings
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.access.sponsors import actor_of
from mobilize.accounts.approvals.operations import ApprovalKind, approve, open_approval
from mobilize.accounts.models import Person, RoleName, SignedInSession
from mobilize.accounts.queries import is_staff_phone
from mobilize.audit import AuditRow
from mobilize.database import atomic, db
from mobilize.demo.carrier.server import Carrier
from mobilize.errors import Refused
from mobilize.setup.going_live import REF, go_live
from mobilize.texts.models import OutboxText, TextState
from mobilize.texts.operations import queue_texts
from mobilize.texts.sending.delivery import drain
from tests.builders import make_person, sign_in
from tests.setup.test_a_trial_texts_nobody_but_staff import MIA, text_to
from tests.texts.conftest import carrier as carrier


@pytest.fixture
def ada(app: Flask) -> Person:
    """Ada of the office, in a service that is in its trial."""
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], is_live=False)
    return make_person("Ada Stone", role=RoleName.ADMIN)


def press(client: FlaskClient, person: Person) -> str:
    sign_in(client, person)
    return client.post("/setup/live", follow_redirects=True).text


def test_a_lone_admin_goes_live_after_a_step_up(app: Flask, client: FlaskClient, ada: Person) -> None:
    sign_in(client, ada)
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=None))
    assert "Is it you?" in client.post("/setup/live").text
    assert not settings().is_live
    assert "The service is live" in press(client, ada)
    assert settings().is_live
    press(client, ada)
    verbs = select(AuditRow).where(AuditRow.verb == "live.go")
    assert [row.actor for row in db.session.scalars(verbs)] == [actor_of(ada)]


def test_where_there_is_a_second_admin_their_press_does_it(client: FlaskClient, ada: Person) -> None:
    bea = make_person("Bea Stone", role=RoleName.ADMIN)
    assert "There is a second admin" in client_page(client, ada)
    assert "A second admin has been asked" in press(client, ada)
    press(client, ada)
    assert not settings().is_live
    assert "Another admin has asked to go live" in client_page(client, bea)
    assert "The service is live" in press(client, bea)
    assert settings().is_live


def test_what_was_agreed_to_on_the_page_of_approvals_is_done_by_who_asked(ada: Person) -> None:
    bea, now = make_person("Bea Stone", role=RoleName.ADMIN), clock.now()
    assert not go_live(scope=THE_OFFICE, actor=actor_of(ada), now=now)
    approval = open_approval(ApprovalKind.GO_LIVE, REF, now=now)
    assert approval is not None
    approve(approval.id, by=actor_of(bea), scope=THE_OFFICE, stepped_up=True, now=now)
    assert go_live(scope=THE_OFFICE, actor=actor_of(ada), now=now) and settings().is_live


def test_a_new_admin_agrees_to_nothing_for_a_day(ada: Person) -> None:
    make_person("Bea Stone", role=RoleName.ADMIN)
    new, now = make_person("Cora Lund", role=RoleName.ADMIN), clock.now()
    with atomic():
        new.roles[0].granted_at = now - timedelta(hours=1)
    go_live(scope=THE_OFFICE, actor=actor_of(ada), now=now)
    with pytest.raises(Refused) as refused:
        go_live(scope=THE_OFFICE, actor=actor_of(new), now=now)
    assert refused.value.code == "too_new" and not settings().is_live


def test_what_was_due_is_not_sent_and_what_is_planned_leaves_in_its_hour(
    app: Flask, carrier: Carrier, ada: Person
) -> None:
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], is_live=False)
    now, noon = clock.now(), _next_noon()
    queue_texts([text_to(MIA, "due:1:1", now), text_to(MIA, "later:1:1", now, due_at=noon)], now=now)
    go_live(scope=THE_OFFICE, actor=actor_of(ada), now=now)
    drain(now=noon, is_staff=is_staff_phone)
    db.session.rollback()
    texts = db.session.scalars(select(OutboxText))
    states = {text.idempotency_key.partition(":")[0]: text.state for text in texts}
    assert states == {"due": TextState.DROPPED, "later": TextState.ACCEPTED}
    assert len(carrier.store.ledger()) == 1


def test_the_page_says_what_waits_and_what_is_not_done(client: FlaskClient, ada: Person) -> None:
    page = client_page(client, ada)
    assert "Not sent because of the trial" in page and "Not done yet" in page


def test_an_organizer_cannot(client: FlaskClient, ada: Person) -> None:
    sign_in(client, make_person("Olga Brandt", role=RoleName.ORGANIZER))
    assert client.post("/setup/live").status_code == 403 and not settings().is_live


def client_page(client: FlaskClient, person: Person) -> str:
    sign_in(client, person)
    return client.get("/setup/live").text


def _next_noon() -> datetime:
    """Tomorrow at noon in Los Angeles."""
    return clock.on_local_day(clock.now(), "America/Los_Angeles", 1, datetime.min.time().replace(hour=12))
