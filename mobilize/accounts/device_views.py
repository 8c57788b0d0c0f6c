"""Her sign-in: in which browsers she is signed in, and by what she proves that it is she."""

import uuid

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.authenticator_apps import app_of
from mobilize.accounts.entrance import after_step_up, me, signed_in
from mobilize.accounts.forms import device_word
from mobilize.accounts.models import Device, Passkey, Person
from mobilize.accounts.passkeys import passkeys_of
from mobilize.accounts.recovery import new_recovery_codes, recovery_codes_left
from mobilize.accounts.second_steps import drop_app, drop_passkey
from mobilize.accounts.sessions import has_second_step, name_device, running_sessions, sign_out_there
from mobilize.accounts.views import bp
from mobilize.database import db
from mobilize.languages import _


@bp.get("/devices")
@signed_in()
def devices() -> str:
    """Where she is signed in, her passkeys, her app, and how many recovery codes are left."""
    person, this, now = _person(), me().session, clock.now()
    running = running_sessions(person, now=now)
    return render_template(
        "accounts/devices.html",
        sessions=sorted(running, key=lambda one: one is not this),
        this=this,
        passkeys=passkeys_of(person, now=now),
        app=app_of(person, now=now),
        codes_left=recovery_codes_left(person, now=now),
        has_second_step=has_second_step(person, now=now),
        devices=[(device.value, device_word(device)) for device in Device],
        device_word=device_word,
    )


@bp.post("/devices/sessions/<uuid:session_id>/end")
@signed_in()
def end_session_there(session_id: uuid.UUID) -> Response:
    """Sign out there: its next click is refused."""
    sign_out_there(_person(), session_id, now=clock.now())
    return _back(_("Signed out there."))


@bp.post("/devices/sessions/<uuid:session_id>/name")
@signed_in()
def call_session(session_id: uuid.UUID) -> Response:
    """What she calls it."""
    said = request.form.get("device", "")
    device = Device(said) if said in set(Device) else None
    name_device(_person(), session_id, device, now=clock.now())
    return _back(_("Saved."))


@bp.post("/devices/passkeys/<uuid:passkey_id>/remove")
@signed_in(step_up=True)
def remove_passkey(passkey_id: uuid.UUID) -> Response:
    """It opens nothing any more."""
    passkey = db.session.get(Passkey, passkey_id)
    if passkey is None or passkey.person_id != _person().id:
        abort(404)
    with after_step_up():
        drop_passkey(passkey, _person(), now=clock.now())
    return _back(_("The passkey is removed. Delete it on your device too."))


@bp.post("/devices/app/remove")
@signed_in(step_up=True)
def remove_app() -> Response:
    """Its digits open nothing any more."""
    with after_step_up():
        app = app_of(_person(), now=clock.now())
        if app is not None:
            drop_app(app, _person(), now=clock.now())
    return _back(_("The app is removed."))


@bp.post("/devices/recovery-codes")
@signed_in(step_up=True)
def make_recovery_codes() -> Response:
    """Ten new ones, shown once; the ones before end."""
    if not has_second_step(_person(), now=clock.now()):
        abort(409)
    with after_step_up():
        codes = new_recovery_codes(_person(), now=clock.now())
    page = render_template("accounts/recovery_codes.html", codes=codes, first=False)
    return current_app.make_response(page)


def _person() -> Person:
    person = me().person
    if person is None:
        abort(401)
    return person


def _back(said: str) -> Response:
    flash(said, "done")
    return redirect(url_for("accounts.devices"), 303)
