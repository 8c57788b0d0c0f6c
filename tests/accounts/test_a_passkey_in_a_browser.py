"""A real browser with a virtual authenticator (Chrome DevTools Protocol, domain WebAuthn)."""

import json

from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.models import LinkKind, Passkey, Person, RoleName, SignedInSession
from mobilize.accounts.sign_in.one_time_links import make_link
from mobilize.accounts.sign_in.operations import send_codes
from mobilize.database import atomic, db
from mobilize.texts.models import OutboxText
from tests.builders import make_area, make_person


def virtual_authenticator(page: Page) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    ready = {"isUserVerified": True, "automaticPresenceSimulation": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**kind, **ready}})


def test_an_organizer_sets_up_a_passkey_and_signs_in_with_it(
    phone: Page, live_server: str, pg_app: Flask
) -> None:
    olga = make_person("Olga Brandt", phone="+12135550110", role=RoleName.ORGANIZER, area=make_area("North"))
    virtual_authenticator(phone)
    phone.goto(f"{live_server}/enter/{make_link(olga, 'shell', kind=LinkKind.SHELL, now=clock.now())}")
    phone.get_by_role("button", name="Sign in").click()
    expect(phone.get_by_role("heading", name="Set up your passkey")).to_be_visible()
    phone.get_by_label("Your name for it").fill("My phone")
    phone.get_by_role("button", name="Set up a passkey").click()
    expect(phone.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    expect(phone.locator("li.code")).to_have_count(10)
    phone.get_by_role("link", name="I have them. Continue").click()

    phone.get_by_text("Menu").first.click()
    phone.get_by_role("button", name="Sign out").click()
    sign_in_by_code(phone)
    expect(phone.get_by_role("heading", name="One more step")).to_be_visible()
    phone.get_by_role("button", name="Use my passkey").click()
    expect(phone.get_by_role("navigation", name="Main")).to_be_visible()

    the_step_up_is_long_ago(olga)
    phone.goto(f"{live_server}/sign-in/set-up")
    expect(phone.get_by_role("heading", name="Is it you?")).to_be_visible()
    phone.get_by_role("button", name="Use my passkey").click()
    expect(phone.get_by_role("heading", name="Add a passkey or an app")).to_be_visible()
    phone.get_by_role("button", name="Set up a passkey").click()
    expect(phone.get_by_text("This device holds a passkey of yours already.")).to_be_visible()

    the_step_up_is_long_ago(olga)
    phone.goto(f"{live_server}/devices")
    phone.get_by_role("button", name="Make ten new ones").click()
    phone.get_by_role("button", name="Use my passkey").click()  # and the form goes on by itself
    expect(phone.get_by_text("The codes you had before no longer work.")).to_be_visible()
    db.session.rollback()
    assert db.session.scalars(select(Passkey)).one().sign_count >= 3


def sign_in_by_code(page: Page) -> None:
    page.get_by_label("Your mobile number").fill("(213) 555-0110")
    page.get_by_role("button", name="Text me a code").click()
    expect(page.get_by_label("8 digits")).to_be_visible()
    db.session.rollback()
    send_codes(now=clock.now())
    code = json.loads(db.session.scalars(select(OutboxText)).one().blanks)["code"]
    page.get_by_label("8 digits").fill(code)
    page.get_by_role("button", name="Sign in").click()


def the_step_up_is_long_ago(person: Person) -> None:
    with atomic():
        for running in db.session.scalars(select(SignedInSession).filter_by(person_id=person.id)):
            running.stepped_up_at = None
