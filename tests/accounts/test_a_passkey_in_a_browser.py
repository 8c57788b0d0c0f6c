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


class VirtualAuthenticator:
    """The page's authenticator. While it is `touched` it answers all at once, also what the browser offers
    in a field by itself."""

    def __init__(self, page: Page, **less: bool | str):
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")
        kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
        ready = {"hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
        added = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**kind, **ready, **less}})
        self.id = added["authenticatorId"]

    def touched(self, enabled: bool) -> None:
        ready = {"authenticatorId": self.id, "enabled": enabled}
        self.devtools.send("WebAuthn.setAutomaticPresenceSimulation", ready)


def test_an_organizer_sets_up_a_passkey_and_signs_in_with_it(
    phone: Page, live_server: str, pg_app: Flask
) -> None:
    olga = make_person("Olga Brandt", phone="+12135550110", role=RoleName.ORGANIZER, area=make_area("North"))
    key = VirtualAuthenticator(phone)
    open_link(phone, live_server, olga)
    phone.get_by_label("Your name for it").fill("My phone")
    phone.get_by_role("button", name="Set up a passkey").click()
    expect(phone.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    expect(phone.locator("li.code")).to_have_count(10)
    phone.get_by_role("link", name="I have them. Continue").click()

    key.touched(False)
    sign_out(phone)
    sign_in_by_code(phone)
    expect(phone.get_by_role("heading", name="One more step")).to_be_visible()
    key.touched(True)
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


def test_the_passkey_alone_by_its_button_and_in_the_field_of_the_number(
    phone: Page, live_server: str, pg_app: Flask
) -> None:
    olga = make_person("Olga Brandt", phone="+12135550110", role=RoleName.ORGANIZER, area=make_area("North"))
    key = VirtualAuthenticator(phone)
    open_link(phone, live_server, olga)
    phone.get_by_role("button", name="Set up a passkey").click()
    phone.get_by_role("link", name="I have them. Continue").click()
    key.touched(False)
    sign_out(phone)
    expect(phone.get_by_role("button", name="Text me a code")).to_be_visible()
    phone.wait_for_load_state("networkidle")  # what the field offers is waiting, and gives way to the button
    phone.get_by_role("button", name="Sign in with a passkey").click()
    key.touched(True)
    expect(phone.get_by_role("navigation", name="Main")).to_be_visible()
    sign_out(phone)  # the field offers it, and a key that is touched already is taken
    expect(phone.get_by_role("navigation", name="Main")).to_be_visible()


def test_an_older_key_becomes_the_second_step_only(phone: Page, live_server: str, pg_app: Flask) -> None:
    olga = make_person("Olga Brandt", phone="+12135550110", role=RoleName.ORGANIZER, area=make_area("North"))
    VirtualAuthenticator(
        phone, protocol="u2f", transport="usb", hasResidentKey=False, hasUserVerification=False
    )
    open_link(phone, live_server, olga)
    weaker = phone.get_by_role("button", name="Use it as the second step only")
    expect(weaker).to_be_hidden()
    phone.get_by_role("button", name="Set up a passkey").click()
    weaker.click()
    expect(phone.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    phone.get_by_role("link", name="I have them. Continue").click()
    sign_out(phone)
    phone.get_by_role("button", name="Sign in with a passkey").click()
    expect(phone.get_by_text("No passkey was used.")).to_be_visible()
    sign_in_by_code(phone)
    phone.get_by_role("button", name="Use my passkey").click()
    expect(phone.get_by_role("navigation", name="Main")).to_be_visible()


def open_link(page: Page, server: str, person: Person) -> None:
    page.goto(f"{server}/enter/{make_link(person, 'shell', kind=LinkKind.SHELL, now=clock.now())}")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Set up your passkey")).to_be_visible()


def sign_out(page: Page) -> None:
    page.get_by_text("Menu").first.click()
    page.get_by_role("button", name="Sign out").click()


def sign_in_by_code(page: Page) -> None:
    page.get_by_label("Your mobile number").fill("(213) 555-0110")
    page.get_by_role("button", name="Text me a code").click()
    expect(page.get_by_label("8 digits")).to_be_visible()
    db.session.rollback()
    send_codes(now=clock.now())
    code = json.loads(db.session.scalars(select(OutboxText)).one().merge_fields)["code"]
    page.get_by_label("8 digits").fill(code)
    page.get_by_role("button", name="Sign in").click()


def the_step_up_is_long_ago(person: Person) -> None:
    with atomic():
        for running in db.session.scalars(select(SignedInSession).filter_by(person_id=person.id)):
            running.stepped_up_at = None
