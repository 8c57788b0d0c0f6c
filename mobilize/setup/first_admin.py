"""The first admin in the browser: a one-time address, printed to the operator's terminal only."""

from datetime import datetime, timedelta

from sqlalchemy import update

from mobilize import audit, settings
from mobilize.accounts.people.operations import has_lasting_admin, invite_first_admin
from mobilize.accounts.sign_in.one_time_links import spend_link
from mobilize.accounts.sign_in.role_links import SHELL
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.tokens import hash_token, random_token
from mobilize.languages import _
from mobilize.operating import how_to
from mobilize.setup.models import SetupLink

GOOD_FOR = timedelta(hours=1)


def make_setup_link(*, now: datetime) -> str:
    """The address at which the first admin begins, good for an hour and once; earlier ones end. Only the
    hash of its token is stored. Refused: "has_admin"."""
    token = random_token()
    with atomic() as session:
        if has_lasting_admin(now=now):
            raise Refused(
                "has_admin",
                _("There is an admin already. They invite others on the page People.")
                + " "
                + _("If they cannot sign in any more: %(mobilize)s people link --phone NUMBER.", **how_to()),
            )
        session.execute(update(SetupLink).where(SetupLink.expires_at > now).values(expires_at=now))
        session.add(SetupLink(token_hash=hash_token(token), made_at=now, expires_at=now + GOOD_FOR))
        audit.note(SHELL, "setup.link", "first admin", now=now)
    return f"{settings().public_base_url}/setup/start/{token}"


def setup_link_works(token: str, *, now: datetime) -> bool:
    """Whether `begin` would accept it. Changes nothing."""
    link = db.session.get(SetupLink, hash_token(token))
    return (
        link is not None and link.used_at is None and now < link.expires_at and not has_lasting_admin(now=now)
    )


def begin(token: str, name: str, phone: str, *, now: datetime) -> str:
    """Make the first admin, and use the address up; returns the token for their session's cookie, which opens
    nothing but the set-up of their second step. Of two at once one wins.

    Refused: "setup_link_spent" (410) when it was used, has run out or never was; "has_admin"; and, leaving
    the address good, "no_name", "bad_phone".
    """
    with atomic() as session:
        spent = session.scalar(
            update(SetupLink)
            .where(
                SetupLink.token_hash == hash_token(token),
                SetupLink.used_at.is_(None),
                SetupLink.expires_at > now,
            )
            .values(used_at=now)
            .returning(SetupLink.token_hash)
        )
        if spent is None:
            raise setup_link_spent()
        access = invite_first_admin(name, phone, now=now)
        return spend_link(access.token, now=now)


def setup_link_spent() -> Refused:
    """The refusal of every address that opens nothing, whatever the reason."""
    return Refused(
        "setup_link_spent",
        _(
            "This address was used already, or its hour is over. Make a new one: %(mobilize)s setup-link.",
            **how_to(),
        ),
        status=410,
    )
