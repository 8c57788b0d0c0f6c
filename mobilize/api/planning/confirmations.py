"""Confirmation by a person of what a program prepared, where a step-up or a second person is asked for: the
answer 202 with its address."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import url_for

from mobilize import audit, clock, settings
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.api.idempotency import Result
from mobilize.api.schemas import PreparedOut
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.web.request_checks import LONGEST_ADDRESS


def to_be_confirmed(
    access: TokenAccess,
    about: UUID,
    endpoint: str,
    *,
    until: datetime | None = None,
    id: UUID | None = None,
    **values: Any,
) -> Result:
    """The answer 202 with the address of this page, which the audit notes of `about`.

    Refused: too_long, where the address would be longer than one is taken.
    """
    path = url_for(endpoint, **values, _external=False)
    if len(path) > LONGEST_ADDRESS:
        message = _("That is more than an address holds. Shorten the names, or choose fewer areas.")
        raise Refused("too_long", message)
    audit.note(access.actor, "token.prepare", about, now=clock.now())
    address = settings().public_base_url + path
    return PreparedOut(state="prepared", confirm_url=address, until=until, id=id), 202


def refuse_part(is_whole: bool) -> None:
    """Refused: not_yours (403), for what is more than this token sees."""
    if not is_whole:
        raise Refused("not_yours", _("This token cannot see all of this action."), status=403)
