"""Passkeys: a key that never leaves its device signs a challenge (WebAuthn).

The second factor after a code; or both at once, where the device has asked its owner for their finger, face
or PIN and knows by itself whose key it is (docs/decisions/0037).
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select, update

from mobilize import audit, settings
from mobilize.accounts.access.authority import counts
from mobilize.accounts.access.scope import authority_of
from mobilize.accounts.models import Passkey, PasskeyChallenge, Person
from mobilize.backup import journal
from mobilize.database import atomic, db, insert
from mobilize.errors import Refused
from mobilize.languages import _

CHALLENGE_LASTS = timedelta(minutes=5)
MOST = 10
_LONGEST = 20_000  # letters; what browsers send is under 4,000


class Purpose(StrEnum):
    """The purpose of a challenge. One made for another opens nothing."""

    ADD = "add"
    PROVE = "prove"
    SIGN_IN = "sign_in"


def options_to_add(person: Person, token_hash: bytes, *, now: datetime) -> str:
    """JSON for `navigator.credentials.create`; the challenge is good for this session, once, five minutes.

    It asks for a key that its device finds by itself and unlocks for its owner, so that it signs in alone. A
    page may ask for less (`passkey.js`): any other one is good as the second factor.
    """
    webauthn = _webauthn()
    structs = webauthn.helpers.structs
    options = webauthn.generate_registration_options(
        rp_id=_rp_id(),
        rp_name=settings().union_name,
        user_id=person.id.bytes,
        user_name=person.name,
        challenge=_new_challenge(token_hash, Purpose.ADD, now),
        exclude_credentials=_descriptors(person, now),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
    )
    return webauthn.options_to_json(options)


def options_to_prove(person: Person, token_hash: bytes, *, now: datetime) -> str:
    """JSON for `navigator.credentials.get`; the challenge is good for this session, once, five minutes."""
    webauthn = _webauthn()
    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(),
        challenge=_new_challenge(token_hash, Purpose.PROVE, now),
        allow_credentials=_descriptors(person, now),
    )
    return webauthn.options_to_json(options)


def options_to_sign_in(browser_hash: bytes, *, now: datetime) -> str:
    """The same for whoever is not signed in, for this browser. It names no key: the device knows its own."""
    webauthn = _webauthn()
    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(),
        challenge=_new_challenge(browser_hash, Purpose.SIGN_IN, now),
        user_verification=webauthn.helpers.structs.UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def take_challenge(token_hash: bytes, purpose: Purpose, *, now: datetime) -> bytes:
    """The challenge of a session or browser, which is used up whether or not the answer is valid.

    Refused: "old_challenge" when there is none, or it is older than five minutes.
    """
    with atomic() as session:
        row = session.execute(
            delete(PasskeyChallenge)
            .where(PasskeyChallenge.token_hash == token_hash, PasskeyChallenge.purpose == purpose)
            .returning(PasskeyChallenge.challenge, PasskeyChallenge.expires_at)
        ).one_or_none()
    if row is None or now >= row.expires_at:
        raise Refused("old_challenge", _("That took longer than five minutes. Try once more."))
    return bytes(row.challenge)


def add_passkey(person: Person, credential: str, challenge: bytes, name: str, *, now: datetime) -> Passkey:
    """Keep the public half of a new passkey. `credential` is the browser's answer as JSON.

    Refused: "bad_passkey" for what does not answer the challenge, "too_many_passkeys" from the eleventh on.
    """
    registered = _read(credential, lambda: _registered(credential, challenge))
    with atomic() as session:
        session.scalar(select(Person.id).where(Person.id == person.id).with_for_update())
        if len(passkeys_of(person, now=now)) >= MOST:
            raise Refused("too_many_passkeys", _("Ten passkeys are enough. Remove one you no longer use."))
        if session.scalar(select(Passkey.id).where(Passkey.credential_id == registered.credential_id)):
            raise bad_passkey()
        passkey = Passkey(
            person_id=person.id,
            credential_id=registered.credential_id,
            public_key=registered.credential_public_key,
            sign_count=registered.sign_count,
            name=" ".join(name.split())[:60] or _("Passkey"),
            made_at=now,
        )
        session.add(passkey)
        session.flush()
        audit.note(f"person:{person.id}", "passkey.add", passkey.id, now=now)
    return passkey


def use_passkey(person: Person, credential: str, challenge: bytes, *, now: datetime) -> bool:
    """Whether one of the person's passkeys signed the challenge; its counter moves on. Refused:
    "bad_passkey"."""
    with atomic():
        return _use(_named_in(credential, person, now), credential, challenge, now)


def person_of_passkey(credential: str, challenge: bytes, *, now: datetime) -> Person:
    """The person whose passkey signed the challenge after it was unlocked for them; its counter moves on.

    Refused: "bad_passkey", whatever the reason: unknown, somebody else's, not valid for their roles now, a
    copy, or one that did not ask who holds it.
    """
    with atomic() as session:
        parsed = _parsed(credential)
        passkey = session.scalar(select(Passkey).where(Passkey.credential_id == parsed.raw_id))
        person = session.get(Person, passkey.person_id) if passkey else None
        if passkey is None or person is None or passkey not in passkeys_of(person, now=now):
            raise bad_passkey()
        # WebAuthn level 2, 7.2, step 6: without a list of keys the device has to say whose this one is.
        is_theirs = parsed.response.user_handle == person.id.bytes
        if not is_theirs or not _use(passkey, credential, challenge, now, unlocked=True):
            raise bad_passkey()
        return person


def remove_passkey(passkey: Passkey, actor: str, *, now: datetime) -> None:
    """Delete a passkey. `second_factor.operations` checks that its person may do without it."""
    with atomic() as session:
        session.delete(passkey)
        audit.note(actor, "passkey.remove", passkey.id, now=now)
        journal.note("second_factor.remove", {"factor": str(passkey.id)}, now=now)


def passkeys_of(person: Person, *, now: datetime) -> Sequence[Passkey]:
    """The passkeys that are valid for a person's roles now, the oldest first."""
    query = select(Passkey).where(Passkey.person_id == person.id).order_by(Passkey.made_at, Passkey.id)
    kept = db.session.scalars(query).all()
    of = authority_of(person, now) if kept else None
    return [passkey for passkey in kept if of and counts(of, passkey.made_at)]


def bad_passkey() -> Refused:
    """The refusal of a passkey that proves nothing."""
    return Refused(
        "bad_passkey", _("That passkey is not one of yours here. Try another one, or another way.")
    )


def _new_challenge(token_hash: bytes, purpose: Purpose, now: datetime) -> bytes:
    challenge, expires_at = secrets.token_bytes(32), now + CHALLENGE_LASTS
    row = insert(PasskeyChallenge).values(
        token_hash=token_hash, purpose=purpose, challenge=challenge, expires_at=expires_at
    )
    with atomic() as session:
        session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.expires_at < now))
        session.execute(
            row.on_conflict_do_update(
                index_elements=["token_hash", "purpose"],
                set_={"challenge": challenge, "expires_at": expires_at},
            )
        )
    return challenge


def _descriptors(person: Person, now: datetime) -> list[Any]:
    descriptor = _webauthn().helpers.structs.PublicKeyCredentialDescriptor
    return [descriptor(id=key.credential_id) for key in passkeys_of(person, now=now)]


def _parsed(credential: str) -> Any:
    return _read(credential, lambda: _webauthn().helpers.parse_authentication_credential_json(credential))


def _use(
    passkey: Passkey, credential: str, challenge: bytes, now: datetime, *, unlocked: bool = False
) -> bool:
    proof = _read(credential, lambda: _proved(credential, challenge, passkey, unlocked))
    with atomic() as session:
        moved = session.execute(
            update(Passkey)
            .where(Passkey.id == passkey.id, Passkey.sign_count == passkey.sign_count)
            .values(sign_count=proof.new_sign_count, used_at=now)
            .execution_options(synchronize_session=False)
        )
    return bool(moved.rowcount)  # type: ignore[attr-defined]


def _named_in(credential: str, person: Person, now: datetime) -> Passkey:
    parsed = _parsed(credential)
    for passkey in passkeys_of(person, now=now):
        if passkey.credential_id == parsed.raw_id:
            return passkey
    raise bad_passkey()


def _registered(credential: str, challenge: bytes) -> Any:
    return _webauthn().verify_registration_response(
        credential=credential,
        expected_challenge=challenge,
        expected_rp_id=_rp_id(),
        expected_origin=settings().public_base_url,
    )


def _proved(credential: str, challenge: bytes, passkey: Passkey, unlocked: bool) -> Any:
    return _webauthn().verify_authentication_response(
        credential=credential,
        expected_challenge=challenge,
        expected_rp_id=_rp_id(),
        expected_origin=settings().public_base_url,
        credential_public_key=passkey.public_key,
        credential_current_sign_count=passkey.sign_count,
        require_user_verification=unlocked,
    )


def _read(credential: str, look: Any) -> Any:
    # The library parses untrusted input; any error it raises there means that the passkey is refused.
    try:
        if len(credential) > _LONGEST:
            raise ValueError("too long")
        return look()
    except Exception:
        raise bad_passkey() from None


def _rp_id() -> str:
    """The host of our public address, never of the request."""
    return urlsplit(settings().public_base_url).hostname or "localhost"


def _webauthn() -> Any:
    """The library, imported when somebody adds or uses a passkey: 6 MB that other pages do without."""
    import webauthn.helpers.structs

    return webauthn
