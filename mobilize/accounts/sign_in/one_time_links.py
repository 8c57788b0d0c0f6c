"""One-time links: invitations, and sign-in where no text can be sent."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from mobilize import audit, settings
from mobilize.accounts.access.authority import opens
from mobilize.accounts.access.scope import authority_of
from mobilize.accounts.models import LinkKind, OneTimeLink, Person, SignInBy
from mobilize.accounts.sign_in.sessions import begin_session
from mobilize.backup import journal
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.tokens import hash_token, random_token
from mobilize.languages import _

GOOD_FOR = timedelta(days=7)


def make_link(
    person: Person,
    made_by: str,
    *,
    kind: LinkKind,
    now: datetime,
    opens_at: datetime | None = None,
    lasts: timedelta = GOOD_FOR,
) -> str:
    """The token of a new link for `person`. Only its hash is stored. Their earlier links end.

    `made_by` is an actor as in the audit; `kind` says who sees the link, and so what it opens (see
    `authority.opens`). It works from `opens_at` on, or at once, for as long as it `lasts`.
    """
    token, first = random_token(), max(opens_at or now, now)
    with atomic() as session:
        end_links(person, now=now)
        session.add(
            OneTimeLink(
                token_hash=hash_token(token),
                person_id=person.id,
                made_by=made_by,
                made_at=now,
                kind=kind,
                opens_at=first,
                expires_at=first + lasts,
            )
        )
        audit.note(made_by, "link.make", person.id, now=now)
    return token


def end_links(person: Person, *, now: datetime) -> None:
    """End the unused links of a person."""
    with atomic() as session:
        session.execute(
            update(OneTimeLink)
            .where(OneTimeLink.person_id == person.id, OneTimeLink.used_at.is_(None))
            .where(OneTimeLink.expires_at > now)
            .values(expires_at=now)
            .execution_options(synchronize_session=False)
        )


def end_links_made_by(actor: str, *, now: datetime) -> None:
    """End the unused links that this actor made."""
    with atomic() as session:
        session.execute(
            update(OneTimeLink)
            .where(OneTimeLink.made_by == actor, OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
            .values(expires_at=now)
            .execution_options(synchronize_session=False)
        )


def link_address(token: str) -> str:
    """The address of a one-time link."""
    return f"{settings().public_base_url}/enter/{token}"


def link_works(token: str, *, now: datetime) -> bool:
    """Whether `spend_link` would accept it. Changes nothing, so messengers may open the page to preview
    it."""
    link = db.session.get(OneTimeLink, hash_token(token))
    if link is None or link.used_at is not None or not link.opens_at <= now < link.expires_at:
        return False
    return _opens(link, now)


def waits_until(token: str, *, now: datetime) -> datetime | None:
    """The moment from which a link works that does not open yet; None for every other one."""
    link = db.session.get(OneTimeLink, hash_token(token))
    return link.opens_at if link and link.used_at is None and now < link.opens_at < link.expires_at else None


def waiting_links(now: datetime) -> Sequence[OneTimeLink]:
    """Links that their maker saw and that do not open yet, for every admin and organizer to read."""
    live = OneTimeLink.used_at.is_(None), OneTimeLink.opens_at > now, OneTimeLink.expires_at > now
    query = select(OneTimeLink).where(OneTimeLink.kind == LinkKind.WAITED, *live)
    return db.session.scalars(
        query.options(joinedload(OneTimeLink.person)).order_by(OneTimeLink.opens_at)
    ).all()


def spend_link(token: str, *, now: datetime) -> str:
    """Sign in with a link; returns the token for the session's cookie. Of two at once one wins.

    Refused: "link_spent" when it was used, has run out, does not open yet, never was, is from before what its
    person is now, or their last role has ended. What its maker saw begins a chair's session and no other.
    """
    with atomic() as session:
        link = session.scalar(
            update(OneTimeLink)
            .where(
                OneTimeLink.token_hash == hash_token(token),
                OneTimeLink.used_at.is_(None),
                OneTimeLink.opens_at <= now,
                OneTimeLink.expires_at > now,
            )
            .values(used_at=now)
            .returning(OneTimeLink)
            .execution_options(synchronize_session=False)
        )
        if link is None or not _opens(link, now):
            raise link_spent()
        person = session.scalars(select(Person).where(Person.id == link.person_id)).one()
        audit.note(f"person:{person.id}", "sign_in.link", person.id, now=now)
        journal.note("link.spend", {"token": link.token_hash.hex()}, now=now)
        by = SignInBy.DISPLAYED if link.kind is LinkKind.DISPLAYED else SignInBy.LINK
        return begin_session(person, now=now, by=by)


def repeat_spend(token_hash: bytes, *, now: datetime) -> None:
    """A link that was used in minutes which a restore has lost opens nothing again."""
    with atomic() as session:
        unused = OneTimeLink.token_hash == token_hash, OneTimeLink.used_at.is_(None)
        session.execute(update(OneTimeLink).where(*unused).values(used_at=now))


def link_spent() -> Refused:
    """The refusal of every link that opens nothing, whatever the reason."""
    return Refused(
        "link_spent",
        _("This link was used already, or it has expired. Ask your organizer for a new one."),
        status=410,
    )


def _opens(link: OneTimeLink, now: datetime) -> bool:
    person = db.session.get_one(Person, link.person_id)
    # A link may be made for a role that begins later, and then opens with it; not one that others have seen.
    others_saw_it = link.kind in {LinkKind.DISPLAYED, LinkKind.WAITED}
    return opens(authority_of(person, now), link.kind, link.made_at if others_saw_it else link.opens_at)
