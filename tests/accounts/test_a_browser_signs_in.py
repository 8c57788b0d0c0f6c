"""Signing in with a real browser: it says `Origin: null` on our own forms, for our pages send no referrer."""

import json

from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.accounts.sign_in.operations import send_codes
from mobilize.database import db
from mobilize.texts.models import OutboxText
from tests.builders import make_person, make_site


def test_a_chair_signs_in_on_their_phone_and_out_again(phone: Page, live_server: str, pg_app: Flask) -> None:
    make_person(phone="+12135550101", role=RoleName.CHAIR, site=make_site())
    phone.goto(f"{live_server}/people")  # not theirs to see before they sign in
    phone.get_by_label("Your mobile number").fill("(213) 555-0101")
    phone.get_by_role("button", name="Text me a code").click()
    expect(phone).to_have_title("Type the code · Test Local 100")

    phone.get_by_label("8 digits").fill("wrong")
    phone.get_by_role("button", name="Sign in").click()
    expect(phone.get_by_text("That code is not right.")).to_be_visible()

    phone.get_by_label("8 digits").fill(code_on_their_phone())
    phone.get_by_role("button", name="Sign in").click()
    expect(phone.get_by_role("heading", name="This page is not open to you")).to_be_visible()

    phone.goto(f"{live_server}/overview")
    phone.get_by_text("Menu").first.click()
    phone.get_by_role("button", name="Sign out").click()
    expect(phone.get_by_text("You are signed out.")).to_be_visible()


def code_on_their_phone() -> str:
    db.session.rollback()
    send_codes(now=clock.now())
    return str(json.loads(db.session.scalars(select(OutboxText)).one().merge_fields)["code"])
