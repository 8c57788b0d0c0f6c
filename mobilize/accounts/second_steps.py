"""The second step after the code: a passkey, six digits from an app, or a recovery code.

Organizers and admins cannot do without one; chairs may have one. The same proof, given again, is the step-up
that dangerous things ask for; whoever has none proves it with another code on her phone.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update

from mobilize import audit
from mobilize.accounts.authenticator_apps import (
    app_of,
    confirm_app,
    remove_app,
    use_app,
)
from mobilize.accounts.authority import counts
from mobilize.accounts.code_requests import digits_in
from mobilize.accounts.codes import confirm_code
from mobilize.accounts.models import (
    AuthenticatorApp,
    Passkey,
    Person,
    RecoveryCode,
    SignedInSession,
    SignInBy,
)
from mobilize.accounts.passkeys import (
    Purpose,
    add_passkey,
    passkeys_of,
    remove_passkey,
    take_challenge,
    use_passkey,
)
from mobilize.accounts.recovery import forget_recovery_codes, use_recovery_code
from mobilize.accounts.scope import standing_of
from mobilize.accounts.sessions import (
    end_all_sessions,
    end_session,
    has_second_step,
    is_half_in,
    renew_session,
    signed_out,
)
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _

TRIES = 5


@dataclass(frozen=True)
class Proof:
    """What she gives: the browser's answer of a passkey (JSON), or what she typed. One of the two."""

    credential: str = ""
    typed: str = ""


def pass_second_step(running: SignedInSession, proof: Proof, *, now: datetime) -> str:
    """She is in: the session's new token. Tries are counted in the database before they are looked at.

    Refused: "wrong_step"; with the fifth wrong one the session ends, and she starts with a new code
    ("too_many_steps"), which locks nobody's account.
    """
    return _prove(running, proof, now)


def step_up(running: SignedInSession, proof: Proof, browser_token: str, *, now: datetime) -> str:
    """She has proved again that it is she: the session's new token. Refused as above.

    Without a passkey or an app it takes a code that was texted to her phone, for this browser.
    """
    if has_second_step(running.person, now=now):
        return _prove(running, proof, now)
    confirm_code(running.person, proof.typed, browser_token, now=now)
    with atomic():
        audit.note(f"person:{running.person_id}", "step_up.code", running.person_id, now=now)
        return renew_session(running, now=now)


def may_set_up(running: SignedInSession, *, now: datetime) -> bool:
    """May this session set up a second step?

    Never one that began with a link its maker saw as well. One that is half in only the first, and only when
    it began with a link: whoever has stolen a phone number gets the texts, and must get no further.
    """
    if running.began_by is SignInBy.SHOWN:
        return False
    if not is_half_in(running, standing_of(running.person, now)):
        return True
    return running.began_by is SignInBy.LINK and not has_second_step(running.person, now=now)


def set_up_passkey(running: SignedInSession, credential: str, name: str, *, now: datetime) -> str:
    """Add a passkey and return the session's new token: to have added one is to have proved it.

    Refused: "old_challenge", "bad_passkey", "too_many_passkeys", "not_now" (see `may_set_up`).
    """
    challenge = take_challenge(running.token_hash, Purpose.ADD, now=now)
    with atomic():
        _refuse_too_early(running, now)
        add_passkey(running.person, credential, challenge, name, now=now)
        return renew_session(running, now=now, second=True)


def set_up_app(running: SignedInSession, typed: str, *, now: datetime) -> str:
    """Confirm the started app with its digits and return the session's new token. Tries are counted."""
    count = _count_try(running)
    try:
        with atomic():
            _refuse_too_early(running, now)
            confirm_app(running.person, digits_in(typed), now=now)
            return renew_session(running, now=now, second=True)
    except Refused:
        _end_after_last(running, count, now)
        raise


def drop_passkey(passkey: Passkey, person: Person, *, now: datetime) -> None:
    """Remove one of their passkeys. Refused: "last_step" when their role needs it."""
    with atomic():
        _refuse_last_step(person, now)
        remove_passkey(passkey, f"person:{person.id}", now=now)
        _forget_codes_without_step(person, now)


def drop_app(app: AuthenticatorApp, person: Person, *, now: datetime) -> None:
    """Remove her app. Refused: "last_step" when her role needs it."""
    with atomic():
        _refuse_last_step(person, now)
        remove_app(app, f"person:{person.id}", now=now)
        _forget_codes_without_step(person, now)


def forget_second_steps(person: Person, actor: str, *, now: datetime) -> None:
    """Whatever they had counts no more, and they are signed out everywhere.

    Who may do that to whom, `people` decides.
    """
    with atomic() as session:
        person.restarted_at = now
        for model in (Passkey, AuthenticatorApp):
            session.execute(delete(model).where(model.person_id == person.id))
        forget_recovery_codes(person.id)
        end_all_sessions(person.id, now=now)
        audit.note(actor, "second_step.forget", person.id, now=now)


def wrong_step() -> Refused:
    """What she hears about a second step that does not fit."""
    return Refused(
        "wrong_step",
        _("That code is not right. Type the six digits your app shows now, or an unused recovery code."),
    )


def _prove(running: SignedInSession, proof: Proof, now: datetime) -> str:
    count = _count_try(running)
    try:
        challenge = take_challenge(running.token_hash, Purpose.PROVE, now=now) if proof.credential else b""
        with atomic():
            how = _way(running.person, proof, challenge, now)
            audit.note(f"person:{running.person_id}", f"second_step.{how}", running.person_id, now=now)
            return renew_session(running, now=now, second=True)
    except Refused:
        _end_after_last(running, count, now)
        raise


def _way(person: Person, proof: Proof, challenge: bytes, now: datetime) -> str:
    """ "passkey", "app" or "recovery": by which she proved it. Refused otherwise."""
    typed = unicodedata.normalize("NFKC", proof.typed)[:64]
    if proof.credential:
        if use_passkey(person, proof.credential, challenge, now=now):
            return "passkey"
    elif any(letter.isalpha() for letter in typed):
        if use_recovery_code(person, typed, now=now):
            return "recovery"
    elif use_app(person, digits_in(typed), now=now):
        return "app"
    raise wrong_step()


def _count_try(running: SignedInSession) -> int:
    with atomic() as session:
        count = session.scalar(
            update(SignedInSession)
            .where(
                SignedInSession.token_hash == running.token_hash,
                SignedInSession.ended_at.is_(None),
                SignedInSession.tries < TRIES,
            )
            .values(tries=SignedInSession.tries + 1)
            .returning(SignedInSession.tries)
            .execution_options(synchronize_session=False)
        )
    if count is None:
        raise signed_out()
    return int(count)


def _end_after_last(running: SignedInSession, count: int, now: datetime) -> None:
    if count < TRIES:
        return
    end_session(running, now=now)
    raise Refused(
        "too_many_steps", _("Five wrong tries. You are signed out: ask for a new code."), status=429
    ) from None


def _refuse_too_early(running: SignedInSession, now: datetime) -> None:
    if not may_set_up(running, now=now):
        raise Refused("not_now", _("Ask the office for a sign-in link: with it you set this up."), status=403)


def _refuse_last_step(person: Person, now: datetime) -> None:
    db.session.scalar(select(Person.id).where(Person.id == person.id).with_for_update())
    have = len(passkeys_of(person, now=now)) + (app_of(person, now=now) is not None)
    if have == 1 and standing_of(person, now).is_organizer:
        raise Refused("last_step", _("Your role needs a passkey or an app. Add another one first."))


def second_steps_since(person: Person, *, now: datetime) -> list[datetime]:
    """When each passkey, app and set of recovery codes that counts for this person was set up."""
    of = standing_of(person, now)
    made: list[datetime] = []
    for model in (Passkey, AuthenticatorApp, RecoveryCode):
        made += db.session.scalars(select(model.made_at).where(model.person_id == person.id)).all()
    return [moment for moment in made if counts(of, moment)]


def _forget_codes_without_step(person: Person, now: datetime) -> None:
    if not has_second_step(person, now=now):
        forget_recovery_codes(person.id)
