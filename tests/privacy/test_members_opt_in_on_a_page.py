"""Mia ticks a box for texts on a public page; Nate, a stranger, does too, and nobody can tell them apart."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.models import CodeRequest
from mobilize.database import db
from mobilize.privacy.texting.opt_ins import note_opt_ins
from mobilize.texts.consent.consents import consents_of
from mobilize.texts.consent.suppressions import is_opted_out, opt_in, opt_out
from mobilize.texts.models import Consent, OutboxText
from tests.builders import make_member, make_site
from tests.services.client import BareClient

MIA, NATE = "+12135550101", "+12135550102"


def tick(app: Flask, phone: str, **form: str) -> tuple[int, dict[str, str], str]:
    """A new browser opts in: the answer's status, headers and page."""
    browser = BareClient(app, use_cookies=True)
    data = {"phone": phone, "agree": "y", **form}
    answer = browser.post("/texting", data={k: v for k, v in data.items() if v}, headers=from_us(browser))
    page = browser.get(answer.headers["Location"]).text if answer.status_code == 303 else answer.text
    return answer.status_code, dict(answer.headers), page


def from_us(browser: BareClient) -> dict[str, str]:
    return {"Origin": browser.public_url}


def consents(phone: str) -> list[tuple[bool, str]]:
    db.session.rollback()
    return [(one.granted, one.how) for one in consents_of(phone)]


def rows() -> int:
    return db.session.scalar(select(func.count()).select_from(CodeRequest)) or 0


def test_the_box_is_not_ticked_and_without_it_nothing_is_stored(app: Flask, client: FlaskClient) -> None:
    page = client.get("/texting").text
    assert 'type="checkbox"' in page and "checked" not in page
    assert "Message and data rates may apply" in page and "STOP" in page
    status, _headers, again = tick(app, MIA, agree="")
    assert status == 422 and "Tick the box" in again and MIA in again and rows() == 0
    assert tick(app, "12")[0] == 422 and rows() == 0


def test_member_stranger_and_opted_out_get_the_same_answer_and_a_row_each(app: Flask) -> None:
    make_member(site=make_site(), phone=MIA)
    opt_out("+12135550103", source="reply", now=clock.now())
    answers = [tick(app, phone) for phone in (MIA, NATE, "+12135550103", MIA)]
    assert all(answer == answers[0] for answer in answers) and answers[0][0] == 303
    assert rows() == 4
    note_opt_ins(now=clock.now())
    assert all(tick(app, phone) == answers[0] for phone in (MIA, NATE))


def test_a_worker_notes_the_consent_of_a_member_and_texts_nobody(app: Flask) -> None:
    make_member(site=make_site(), phone=MIA)
    for phone in (MIA, NATE):
        tick(app, phone)
    assert consents(MIA) == []
    assert note_opt_ins(now=clock.now()) == 1
    assert consents(MIA) == [(True, "form")] and consents(NATE) == []
    assert (consents_of(MIA)[0].wording or "").startswith("page_texts_agree@")
    assert db.session.scalar(select(func.count()).select_from(OutboxText)) == 0


def test_twice_is_once(app: Flask) -> None:
    make_member(site=make_site(), phone=MIA)
    for _again in range(3):
        tick(app, MIA)
        note_opt_ins(now=clock.now())
    assert note_opt_ins(now=clock.now()) == 0
    assert db.session.scalar(select(func.count()).select_from(Consent)) == 1


def test_what_anybody_can_type_undoes_no_stop(app: Flask) -> None:
    make_member(site=make_site(), phone=MIA)
    opt_out(MIA, source="reply", now=clock.now())
    tick(app, MIA)
    note_opt_ins(now=clock.now())
    assert is_opted_out(MIA) and consents(MIA) == [(False, "reply")]
    opt_in(MIA, source="reply", now=clock.now())
    tick(app, MIA)
    note_opt_ins(now=clock.now())
    assert consents(MIA) == [(False, "reply"), (True, "reply"), (True, "form")]


def test_terms_and_privacy_are_open_to_everybody_in_both_languages(app: Flask, client: FlaskClient) -> None:
    for path, english, spanish in (
        ("/texting/terms", "Message and data rates may apply", "Pueden aplicarse tarifas"),
        ("/texting/privacy", "shared with third parties or affiliates", "con terceros o afiliados"),
        ("/texting", "I want texts", "Quiero textos"),
    ):
        assert english in client.get(path).text
        spanish_reader = app.test_client()
        spanish_reader.set_cookie("language", "es", domain="localhost")
        assert spanish in spanish_reader.get(path).text
