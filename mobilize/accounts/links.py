"""One-time links: invitations, and sign-in where no text can be sent."""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from mobilize import audit, settings
from mobilize.accounts.models import OneTimeLink, Person, SignInBy
from mobilize.accounts.scope import scope_of, today
from mobilize.accounts.sessions import begin_session
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.tokens import hash_token, random_token

GOOD_FOR = timedelta(days=7)


def make_link(person: Person, made_by: str, *, now: datetime, lasts: timedelta = GOOD_FOR) -> str:
    """The token of a new link for `person`, told only here: we keep its hash. Her earlier unspent links end.

    `made_by` is an actor as in the audit.
    """
    token = random_token()
    with atomic() as session:
        session.execute(
            update(OneTimeLink)
            .where(OneTimeLink.person_id == person.id, OneTimeLink.used_at.is_(None))
            .where(OneTimeLink.expires_at > now)
            .values(expires_at=now)
            .execution_options(synchronize_session=False)
        )
        session.add(
            OneTimeLink(
                token_hash=hash_token(token),
                person_id=person.id,
                made_by=made_by,
                made_at=now,
                expires_at=now + lasts,
            )
        )
        audit.note(made_by, "link.make", person.id, now=now)
    return token


def link_address(token: str) -> str:
    """What to send her."""
    return f"{settings().public_base_url}/enter/{token}"


def link_works(token: str, *, now: datetime) -> bool:
    """Would `spend_link` accept it? Changes nothing, so messengers may open the page to preview it."""
    link = db.session.get(OneTimeLink, hash_token(token))
    return link is not None and link.used_at is None and now < link.expires_at


def spend_link(token: str, *, now: datetime) -> str:
    """Sign in with a link; returns the token for the session's cookie. Of two at once one wins.

    Refused: "link_spent" when it was used, has run out, never was, or her last role has ended.
    """
    with atomic() as session:
        person_id = session.scalar(
            update(OneTimeLink)
            .where(
                OneTimeLink.token_hash == hash_token(token),
                OneTimeLink.used_at.is_(None),
                OneTimeLink.expires_at > now,
            )
            .values(used_at=now)
            .returning(OneTimeLink.person_id)
            .execution_options(synchronize_session=False)
        )
        person = session.scalar(select(Person).where(Person.id == person_id)) if person_id else None
        if person is None or not scope_of(person, today(now)).roles:
            raise link_spent()
        audit.note(f"person:{person.id}", "sign_in.link", person.id, now=now)
        return begin_session(person, now=now, by=SignInBy.LINK)


def link_spent() -> Refused:
    """What everybody hears about a link that opens nothing."""
    return Refused(
        "link_spent",
        _("This link was used already, or it has run out. Ask your organizer for a new one."),
        status=410,
    )
