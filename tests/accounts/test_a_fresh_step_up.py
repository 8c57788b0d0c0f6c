"""Before something dangerous people prove once more who they are, and nothing they typed is lost."""

import json
from datetime import timedelta

import pyotp
import pytest
import time_machine
from flask import Flask, request
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import audit, clock
from mobilize.accounts.access.permissions import after_step_up, require_step_up, signed_in
from mobilize.accounts.models import Person, RoleName, SignedInSession
from mobilize.accounts.second_factor.totp import confirm_app, start_app
from mobilize.accounts.sign_in.one_time_codes import ask_for_code
from mobilize.accounts.sign_in.operations import send_codes
from mobilize.audit import AuditRow
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.texts.models import OutboxText
from tests.builders import make_person, make_site, sign_in

CARMEN = "+12135550101"


# The two doors below are added before anybody is served.
pytestmark = pytest.mark.parametrize("own_app", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def app(own_app: Flask) -> Flask:
    return own_app


@pytest.fixture
def danger(app: Flask) -> None:
    """Dangerous doors: one that asks at once, one that learns late whether to, one that does something first,
    and one that forgets what it stated."""

    @signed_in(step_up=True)
    def stated() -> str:
        require_step_up()
        return f"{request.method} {sorted(request.form.getlist('names'))} {request.args.get('q')}"

    @signed_in(step_up=True)
    def late() -> str:
        require_step_up(needed="phones" in request.form)
        return "done"

    @signed_in(step_up=True)
    def tried() -> str:
        with after_step_up():
            audit.note("test", "tried", request.form["what"], now=clock.now())
            if not request.form["what"]:
                raise Refused("nothing", "Say what.")
        return "done"

    @signed_in(step_up=True)
    def forgot() -> str:
        return "done"

    app.add_url_rule("/danger", "danger", stated, methods=["GET", "POST"])
    app.add_url_rule("/late", "late", late, methods=["POST"])
    app.add_url_rule("/tried", "tried", tried, methods=["POST"])
    app.add_url_rule("/forgot", "forgot", forgot, methods=["POST"])


@pytest.fixture
def stale(client: FlaskClient, carmen: Person, danger: None) -> FlaskClient:
    """Carmen, who signed in eleven minutes ago."""
    with time_machine.travel(clock.now() - timedelta(minutes=11), tick=False):
        sign_in(client, carmen)
    return client


def code_on_their_phone() -> str:
    send_codes(now=clock.now())
    texts = db.session.scalars(select(OutboxText).order_by(OutboxText.id)).all()
    return str(json.loads(texts[-1].merge_fields)["code"])


def test_within_ten_minutes_nothing_is_asked(client: FlaskClient, carmen: Person, danger: None) -> None:
    sign_in(client, carmen)
    assert client.get("/danger").text.startswith("GET")
    with time_machine.travel(clock.now() + timedelta(minutes=9, seconds=50), tick=False):
        assert client.get("/danger").status_code == 200
    with time_machine.travel(clock.now() + timedelta(minutes=10, seconds=10), tick=False):
        assert client.get("/danger").status_code == 303


def test_a_chair_is_texted_a_code_again_and_comes_back_to_where_they_were(stale: FlaskClient) -> None:
    response = stale.get("/danger?q=1")
    assert response.location == "/step-up?next=/danger?q%3D1"
    page = stale.get(response.location)
    assert "Is it you?" in page.text and "Text me a code" in page.text
    fields = {"step_there": "/danger?q=1", "step_posts": "no"}
    assert "8 digits from the text" in stale.post("/step-up", data={**fields, "step_do": "text"}).text
    before = stale.get_cookie("session").value
    back = stale.post("/step-up", data={**fields, "step_code": code_on_their_phone()})
    assert (back.status_code, back.location) == (303, "/danger?q=1")
    assert stale.get_cookie("session").value != before
    assert stale.get(back.location).text == "GET [] 1"


def test_what_they_typed_goes_on_with_them(stale: FlaskClient) -> None:
    response = stale.post("/danger?q=2", data={"names": ["Mía", '"<b>']})
    assert response.status_code == 403 and 'value="Mía"' in response.text and "<b>" not in response.text
    kept = {"step_there": "/danger?q=2", "step_posts": "yes", "names": ["Mía", '"<b>']}
    sent = stale.post("/step-up", data={**kept, "step_do": "text"})
    assert 'value="Mía"' in sent.text
    wrong = stale.post("/step-up", data={**kept, "step_code": "x"})
    assert wrong.status_code == 422 and 'value="Mía"' in wrong.text
    on = stale.post("/step-up", data={**kept, "step_code": code_on_their_phone()})
    # 307: the browser itself sends the same form to the page they were on.
    assert (on.status_code, on.location) == (307, "/danger?q=2")
    done = stale.post("/danger?q=2", data=kept)
    assert done.text == "POST ['\"<b>', 'Mía'] 2"


def test_a_view_may_ask_late(stale: FlaskClient) -> None:
    assert stale.post("/late", data={}).text == "done"
    response = stale.post("/late", data={"phones": "yes"})
    assert response.status_code == 403 and 'name="phones" value="yes"' in response.text


def tried() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(AuditRow.ref).where(AuditRow.verb == "tried")))


def test_what_is_refused_is_answered_without_a_proof_and_the_rest_is_done_once(stale: FlaskClient) -> None:
    assert stale.post("/tried", data={"what": ""}).status_code == 422
    response = stale.post("/tried", data={"what": "this"})
    assert (response.status_code, "Is it you?" in response.text, tried()) == (403, True, [])
    kept = {"step_there": "/tried", "step_posts": "yes", "what": "this"}
    stale.post("/step-up", data={**kept, "step_do": "text"})
    on = stale.post("/step-up", data={**kept, "step_code": code_on_their_phone()})
    assert (on.status_code, on.location, tried()) == (307, "/tried", [])
    assert stale.post("/tried", data={"what": "this"}).text == "done"
    assert tried() == ["this"]


def test_a_view_that_states_it_and_does_not_ask_fails(stale: FlaskClient) -> None:
    with pytest.raises(RuntimeError, match="forgot states a step-up"):
        stale.post("/forgot")


def test_a_program_is_told_so(stale: FlaskClient) -> None:
    answer = stale.post("/danger", json={})
    assert (answer.status_code, answer.json["error"]) == (403, "step_up")


def test_somebody_elses_code_proves_nothing(stale: FlaskClient) -> None:
    make_person("Rosa Lund", phone="+12135550102", role=RoleName.CHAIR, site=make_site())
    stale.post("/step-up", data={"step_there": "/danger", "step_do": "text"})
    browser = stale.get_cookie("browser").value
    ask_for_code("+12135550102", browser, language="en", now=clock.now())
    send_codes(now=clock.now())
    texts = {
        text.to: json.loads(text.merge_fields)["code"] for text in db.session.scalars(select(OutboxText))
    }
    assert stale.post("/step-up", data={"step_code": texts["+12135550102"]}).status_code == 422
    assert stale.post("/step-up", data={"step_code": texts[CARMEN]}).status_code == 303


def test_whoever_has_an_app_proves_it_with_the_app_and_not_with_a_code(
    stale: FlaskClient, carmen: Person
) -> None:
    totp = pyotp.TOTP(start_app(carmen, now=clock.now()).secret)
    confirm_app(carmen, totp.at(clock.now() - timedelta(seconds=30)), now=clock.now())
    assert "6 digits from your app" in stale.get("/step-up?next=/danger").text
    ask_for_code(CARMEN, "own", language="en", now=clock.now())
    assert stale.post("/step-up", data={"step_code": code_on_their_phone()}).status_code == 422
    assert stale.post("/step-up", data={"step_code": totp.now(), "step_there": "/danger"}).status_code == 303
    assert stale.get("/danger").status_code == 200


def test_the_proof_is_not_taken_for_what_is_to_be_set_up(stale: FlaskClient) -> None:
    """Both are digits of an app in the same field: the form of the new one is shown again instead."""
    on_the_way = {"step_there": "/sign-in/set-up/app", "step_posts": "yes"}
    stale.post("/step-up", data={"step_do": "text", **on_the_way})
    answer = stale.post("/step-up", data={"step_code": code_on_their_phone(), **on_the_way})
    assert (answer.status_code, answer.location) == (303, "/sign-in/set-up")


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "x" * 5000])
def test_nobody_is_sent_elsewhere_after_it(stale: FlaskClient, target: str) -> None:
    stale.post("/step-up", data={"step_there": target, "step_do": "text"})
    answer = stale.post("/step-up", data={"step_there": target, "step_code": code_on_their_phone()})
    assert (answer.status_code, answer.location) == (303, "/")


def test_a_link_counts_as_fresh_for_a_chair_without_a_phone(app: Flask, danger: None) -> None:
    rosa = make_person("Rosa Lund", role=RoleName.CHAIR, site=make_site())
    client = app.test_client()
    sign_in(client, rosa)
    assert db.session.scalars(select(SignedInSession)).one().stepped_up_at
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=False):
        assert "no mobile number" in client.get("/step-up?next=/danger").text
