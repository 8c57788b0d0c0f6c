"""Authenticator apps as the second factor (TOTP, RFC 6238): each half minute's six digits are good once."""

import hmac
import uuid
from datetime import datetime

import pyotp
from sqlalchemy import ColumnElement, delete, select, update

from mobilize import audit, settings
from mobilize.accounts.access.authority import counts
from mobilize.accounts.access.scope import authority_of
from mobilize.accounts.models import AuthenticatorApp, Person
from mobilize.backup import journal
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _

STEP_SECONDS = 30
# A phone's clock may be half a minute off, either way (RFC 6238, section 5.2).
STEPS_OFF = (0, -1, 1)


def start_app(person: Person, *, now: datetime) -> AuthenticatorApp:
    """A new secret for a person's app, not valid until `confirm_app`. One started before is dropped."""
    with atomic() as session:
        session.execute(delete(AuthenticatorApp).where(*_unconfirmed(person.id)))
        app = AuthenticatorApp(person_id=person.id, secret=pyotp.random_base32(), made_at=now, last_step=0)
        session.add(app)
        session.flush()
    return app


def started_app(person: Person, *, now: datetime) -> AuthenticatorApp | None:
    """The app that waits for its first digits. Whoever started it knows its secret, so its age counts too."""
    return _that_counts(
        db.session.scalar(select(AuthenticatorApp).where(*_unconfirmed(person.id))), person, now
    )


def app_address(app: AuthenticatorApp, person: Person) -> str:
    """The address in the QR code that the app scans (Key URI Format)."""
    return pyotp.TOTP(app.secret).provisioning_uri(name=person.name, issuer_name=settings().union_name)


def confirm_app(person: Person, digits: str, *, now: datetime) -> None:
    """Confirm the started app with its first digits; it replaces the earlier one.

    Refused: "wrong_step" for wrong digits, or when no app was started.
    """
    with atomic() as session:
        app = started_app(person, now=now)
        if app is None or not _take_step(app, digits, now):
            raise wrong_digits()
        session.execute(
            delete(AuthenticatorApp)
            .where(AuthenticatorApp.person_id == person.id, AuthenticatorApp.id != app.id)
            .execution_options(synchronize_session=False)
        )
        app.confirmed_at = now
        audit.note(f"person:{person.id}", "app.add", app.id, now=now)


def use_app(person: Person, digits: str, *, now: datetime) -> bool:
    """Whether these are the digits of the person's app, of a half minute that was not used before."""
    app = app_of(person, now=now)
    return app is not None and _take_step(app, digits, now)


def remove_app(app: AuthenticatorApp, actor: str, *, now: datetime) -> None:
    """Delete an app. `second_factor.operations` checks that its person may do without it."""
    with atomic() as session:
        session.delete(app)
        audit.note(actor, "app.remove", app.id, now=now)
        journal.note("second_factor.remove", {"factor": str(app.id)}, now=now)


def app_of(person: Person, *, now: datetime) -> AuthenticatorApp | None:
    """The confirmed app that is valid for a person's roles now."""
    confirmed = select(AuthenticatorApp).where(
        AuthenticatorApp.person_id == person.id, AuthenticatorApp.confirmed_at.is_not(None)
    )
    return _that_counts(db.session.scalar(confirmed.limit(1)), person, now)


def wrong_digits() -> Refused:
    """The refusal of digits that are not those of the new app."""
    return Refused("wrong_step", _("Those digits are not right. Type the six that the app shows now."))


def _that_counts(app: AuthenticatorApp | None, person: Person, now: datetime) -> AuthenticatorApp | None:
    return app if app is not None and counts(authority_of(person, now), app.made_at) else None


def _take_step(app: AuthenticatorApp, digits: str, now: datetime) -> bool:
    this_step = int(now.timestamp()) // STEP_SECONDS
    step = next((this_step + off for off in STEPS_OFF if _fits(app, digits, this_step + off)), None)
    if step is None:
        return False
    with atomic() as session:
        taken = session.execute(
            update(AuthenticatorApp)
            .where(AuthenticatorApp.id == app.id, AuthenticatorApp.last_step < step)
            .values(last_step=step)
            .execution_options(synchronize_session=False)
        )
    return bool(taken.rowcount)  # type: ignore[attr-defined]


def _fits(app: AuthenticatorApp, digits: str, step: int) -> bool:
    return hmac.compare_digest(pyotp.TOTP(app.secret).generate_otp(step).encode(), digits.encode())


def _unconfirmed(person_id: uuid.UUID) -> list[ColumnElement[bool]]:
    return [AuthenticatorApp.person_id == person_id, AuthenticatorApp.confirmed_at.is_(None)]
