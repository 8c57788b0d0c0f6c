"""Accounts at the union's identity provider that are linked to people here.

Nobody is made by it, and roles stay ours: an organizer or admin links their own account, after a step-up, and
it counts from then on as a passkey does: not before their role began, nor after a reset. It stands for the
code by text; for the second factor only where the provider says that it asked for one, and never for a
step-up. So whoever agrees as a second person has proved it with a second factor of ours.
"""

from datetime import datetime

from sqlalchemy import delete, select

from mobilize import audit, settings
from mobilize.accounts.access.authority import counts
from mobilize.accounts.access.scope import authority_of
from mobilize.accounts.models import Person, ProviderIdentity, SignInBy
from mobilize.accounts.sign_in.provider import ProviderAnswer
from mobilize.accounts.sign_in.sessions import begin_session
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.languages import _


def link_identity(person: Person, answer: ProviderAnswer, *, now: datetime) -> None:
    """Link an account to the person who asked for it, in place of any before. Refused: "not_yours" for
    anybody else and for chairs, "linked" where it is another person's."""
    if answer.link_to != str(person.id) or not authority_of(person, now).is_organizer:
        raise Refused("not_yours", _("Sign in first, and link the account again."), status=403)
    subject = _subject_hash(answer)
    with atomic() as session:
        other = session.scalar(select(ProviderIdentity).where(ProviderIdentity.subject_hash == subject))
        if other is not None and other.person_id != person.id:
            raise Refused("linked", _("That account is linked to somebody else."), status=409)
        session.execute(delete(ProviderIdentity).where(ProviderIdentity.person_id == person.id))
        session.add(ProviderIdentity(person_id=person.id, subject_hash=subject, linked_at=now))
        session.flush()
        audit.note(f"person:{person.id}", "provider.link", person.id, now=now)


def unlink_identity(person: Person, *, now: datetime) -> None:
    """It opens nothing any more. Twice is once."""
    with atomic() as session:
        gone = delete(ProviderIdentity).where(ProviderIdentity.person_id == person.id)
        if session.scalar(gone.returning(ProviderIdentity.person_id)):
            audit.note(f"person:{person.id}", "provider.unlink", person.id, now=now)


def is_linked(person: Person) -> bool:
    return db.session.get(ProviderIdentity, person.id) is not None


def sign_in_with(answer: ProviderAnswer, *, now: datetime) -> str:
    """The token of a session for whoever linked this account. Refused: "not_linked", with the same words
    whether it never was, or the role is over."""
    linked = select(ProviderIdentity).where(ProviderIdentity.subject_hash == _subject_hash(answer))
    with atomic() as session:
        identity = session.scalar(linked)
        person = session.get(Person, identity.person_id) if identity else None
        if identity is None or person is None or not _holds(person, identity, now):
            message = _("That account is linked to no organizer or admin. Sign in with a code, and link it.")
            raise Refused("not_linked", message, status=403)
        audit.note(f"person:{person.id}", "sign_in.provider", person.id, now=now)
        return begin_session(person, now=now, by=SignInBy.PROVIDER, second_factor=answer.second_factor)


def _holds(person: Person, identity: ProviderIdentity, now: datetime) -> bool:
    of = authority_of(person, now)
    return of.is_organizer and counts(of, identity.linked_at)


def _subject_hash(answer: ProviderAnswer) -> bytes:
    return blind_index("provider", f"{settings().oidc_issuer}|{answer.subject}")
