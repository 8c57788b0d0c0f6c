"""The page of one's own devices: signed-in browsers, passkeys, the app, recovery codes."""

import uuid

from flask import abort, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.permissions import after_step_up, me, signed_in, signed_in_person
from mobilize.accounts.forms import DeviceForm, device_choices, device_word
from mobilize.accounts.models import Device, Passkey
from mobilize.accounts.routes import bp
from mobilize.accounts.second_factor.operations import drop_app, drop_passkey
from mobilize.accounts.second_factor.passkeys import passkeys_of
from mobilize.accounts.second_factor.recovery_codes import new_recovery_codes, recovery_codes_left
from mobilize.accounts.second_factor.totp import app_of
from mobilize.accounts.sign_in.provider_identities import is_linked
from mobilize.accounts.sign_in.sessions import (
    end_own_session,
    has_second_factor,
    name_device,
    running_sessions,
)
from mobilize.database import db
from mobilize.languages import _


@bp.get("/devices")
@signed_in()
def devices() -> str:
    """The person's sessions, passkeys and app, and how many recovery codes are left."""
    person, this, now = signed_in_person(), me().session, clock.now()
    running = running_sessions(person, now=now)
    return render_template(
        "accounts/devices.html",
        sessions=sorted(running, key=lambda one: one is not this),
        this=this,
        passkeys=passkeys_of(person, now=now),
        app=app_of(person, now=now),
        codes_left=recovery_codes_left(person, now=now),
        has_second_factor=has_second_factor(person, now=now),
        provider=settings().oidc_name if settings().oidc_issuer and me().scope.is_organizer else "",
        is_linked=is_linked(person),
        devices=device_choices(),
        device_word=device_word,
    )


@bp.post("/devices/sessions/<uuid:session_id>/end")
@signed_in()
def end_session_there(session_id: uuid.UUID) -> Response:
    """Sign another browser out: its next request is refused."""
    end_own_session(signed_in_person(), session_id, now=clock.now())
    return _back(_("Signed out there."))


@bp.post("/devices/sessions/<uuid:session_id>/name")
@signed_in()
def call_session(session_id: uuid.UUID) -> Response:
    """Name the device of a session."""
    form = DeviceForm()
    device = Device(form.device.data) if form.validate() else None
    name_device(signed_in_person(), session_id, device, now=clock.now())
    return _back(_("Saved."))


@bp.post("/devices/passkeys/<uuid:passkey_id>/remove")
@signed_in(step_up=True)
def remove_passkey(passkey_id: uuid.UUID) -> Response:
    """Remove a passkey."""
    passkey = db.session.get(Passkey, passkey_id)
    if passkey is None or passkey.person_id != signed_in_person().id:
        abort(404)
    with after_step_up():
        drop_passkey(passkey, signed_in_person(), now=clock.now())
    return _back(_("The passkey is removed. Delete it on your device too."))


@bp.post("/devices/app/remove")
@signed_in(step_up=True)
def remove_app() -> Response:
    """Remove the authenticator app."""
    with after_step_up():
        app = app_of(signed_in_person(), now=clock.now())
        if app is not None:
            drop_app(app, signed_in_person(), now=clock.now())
    return _back(_("The app is removed."))


@bp.post("/devices/recovery-codes")
@signed_in(step_up=True)
def make_recovery_codes() -> Response:
    """Ten new recovery codes, printed once; the earlier ones end."""
    if not has_second_factor(signed_in_person(), now=clock.now()):
        abort(409)
    with after_step_up():
        codes = new_recovery_codes(signed_in_person(), now=clock.now())
    page = render_template("accounts/recovery_codes.html", codes=codes, first=False)
    return current_app.make_response(page)


def _back(message: str) -> Response:
    flash(message, "done")
    return redirect(url_for("accounts.devices"), 303)
