"""Second factors after the code: a passkey, six digits from an app, or a recovery code.

Organizers and admins need one; chairs may have one. The same proof is asked for again (a step-up) before
dangerous operations; whoever has no second factor proves it with another code on their phone.
"""

import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select, update

from mobilize import audit
from mobilize.accounts.access.authority import counts
from mobilize.accounts.access.scope import authority_of
from mobilize.accounts.models import (
    AuthenticatorApp,
    Passkey,
    Person,
    RecoveryCode,
    SignedInSession,
    SignInBy,
)
from mobilize.accounts.second_factor.passkeys import (
    Purpose,
    add_passkey,
    passkeys_of,
    remove_passkey,
    take_challenge,
    use_passkey,
)
from mobilize.accounts.second_factor.recovery_codes import forget_recovery_codes, use_recovery_code
from mobilize.accounts.second_factor.totp import (
    app_of,
    confirm_app,
    remove_app,
    use_app,
)
from mobilize.accounts.sign_in.one_time_codes import digits_in
from mobilize.accounts.sign_in.operations import confirm_code
from mobilize.accounts.sign_in.sessions import (
    end_all_sessions,
    end_session,
    has_second_factor,
    is_half_in,
    renew_session,
    signed_out,
)
from mobilize.backup import journal
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _

TRIES = 5


@dataclass(frozen=True)
class SecondFactorProof:
    """The browser's answer of a passkey (JSON), or a typed code. One of the two."""

    credential: str = ""
    typed: str = ""


def verify_second_factor(running: SignedInSession, proof: SecondFactorProof, *, now: datetime) -> str:
    """Complete a sign-in; returns the session's new token. Tries are counted before the proof is checked.

    Refused: "wrong_step"; with the fifth wrong one the session ends, and they start with a new code
    ("too_many_steps"), which locks nobody's account.
    """
    return _prove(running, proof, now)


def step_up(running: SignedInSession, proof: SecondFactorProof, browser_token: str, *, now: datetime) -> str:
    """Prove again who is signed in; returns the session's new token. Refused: see `verify_second_factor`.

    Without a passkey or an app it takes a code that was texted to their phone, for this browser.
    """
    if has_second_factor(running.person, now=now):
        return _prove(running, proof, now)
    confirm_code(running.person, proof.typed, browser_token, now=now)
    with atomic():
        audit.note(f"person:{running.person_id}", "step_up.code", running.person_id, now=now)
        return renew_session(running, now=now)


def may_set_up(running: SignedInSession, *, now: datetime) -> bool:
    """Whether this session may set up a second factor.

    Never one that began with a link its maker saw as well. One that is half in only the first, and only when
    it began with a link: whoever has stolen a phone number gets the texts, and must get no further.
    """
    if running.began_by is SignInBy.DISPLAYED:
        return False
    if not is_half_in(running, authority_of(running.person, now)):
        return True
    return running.began_by is SignInBy.LINK and not has_second_factor(running.person, now=now)


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
    """Remove one of a person's passkeys. Refused: "last_step" when their role needs it."""
    with atomic():
        _refuse_last_step(person, now)
        remove_passkey(passkey, f"person:{person.id}", now=now)
        _forget_codes_without_step(person, now)


def drop_app(app: AuthenticatorApp, person: Person, *, now: datetime) -> None:
    """Remove a person's app. Refused: "last_step" when their role needs it."""
    with atomic():
        _refuse_last_step(person, now)
        remove_app(app, f"person:{person.id}", now=now)
        _forget_codes_without_step(person, now)


def forget_second_factors(person: Person, actor: str, *, now: datetime) -> None:
    """Delete a person's second factors and sign them out everywhere. The caller checks who may do that."""
    with atomic() as session:
        person.restarted_at = now
        for model in (Passkey, AuthenticatorApp):
            session.execute(delete(model).where(model.person_id == person.id))
        forget_recovery_codes(person.id)
        end_all_sessions(person.id, now=now)
        audit.note(actor, "second_step.forget", person.id, now=now)
        journal.note("second_factor.forget", {"person": str(person.id)}, now=now)


def repeat_remove(factor_id: uuid.UUID) -> None:
    """Delete a passkey or an app again that was removed in minutes which a restore has lost."""
    with atomic() as session:
        for model in (Passkey, AuthenticatorApp):
            session.execute(delete(model).where(model.id == factor_id))


def repeat_forget(person_id: uuid.UUID, *, now: datetime) -> None:
    """What a person had set up by then opens nothing again, nor do their sessions and links of before."""
    with atomic() as session:
        older = or_(Person.restarted_at.is_(None), Person.restarted_at < now)
        session.execute(update(Person).where(Person.id == person_id, older).values(restarted_at=now))


def wrong_step() -> Refused:
    """The refusal of a second factor that is not valid."""
    return Refused(
        "wrong_step",
        _("That code is not right. Type the six digits your app shows now, or an unused recovery code."),
    )


def _prove(running: SignedInSession, proof: SecondFactorProof, now: datetime) -> str:
    count = _count_try(running)
    try:
        challenge = take_challenge(running.token_hash, Purpose.PROVE, now=now) if proof.credential else b""
        with atomic():
            method = _verify(running.person, proof, challenge, now)
            audit.note(f"person:{running.person_id}", f"second_step.{method}", running.person_id, now=now)
            return renew_session(running, now=now, second=True)
    except Refused:
        _end_after_last(running, count, now)
        raise


def _verify(person: Person, proof: SecondFactorProof, challenge: bytes, now: datetime) -> str:
    """The kind of second factor that the proof is: "passkey", "app" or "recovery". Refused otherwise."""
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
    if have == 1 and authority_of(person, now).is_organizer:
        raise Refused("last_step", _("Your role needs a passkey or an app. Add another one first."))


def second_factors_since(person: Person, *, now: datetime) -> list[datetime]:
    """The moments at which a person's valid passkeys, app and recovery codes were set up."""
    of = authority_of(person, now)
    enrolled: list[datetime] = []
    for model in (Passkey, AuthenticatorApp, RecoveryCode):
        enrolled += db.session.scalars(select(model.made_at).where(model.person_id == person.id)).all()
    return [moment for moment in enrolled if counts(of, moment)]


def _forget_codes_without_step(person: Person, now: datetime) -> None:
    if not has_second_factor(person, now=now):
        forget_recovery_codes(person.id)
