"""Queries about tokens: one's own, and those of the areas somebody looks after."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import joinedload

from mobilize.accounts.access.scope import Scope, authority_of
from mobilize.accounts.approvals.models import ApprovalState
from mobilize.accounts.approvals.operations import ApprovalKind, open_approval
from mobilize.accounts.models import Person
from mobilize.accounts.tokens.models import ApiToken
from mobilize.database import db

MOST_LISTED = 200


class TokenState(StrEnum):
    """Running; waiting for a second person; agreed to, not shown yet; over by its day, with its maker's
    role, or by hand."""

    RUNS = "runs"
    WAITS = "waits"
    AGREED = "agreed"
    EXPIRED = "expired"
    ENDED = "ended"
    REVOKED = "revoked"


OVER = (TokenState.EXPIRED, TokenState.ENDED, TokenState.REVOKED)


def tokens_for(person: Person, scope: Scope) -> Sequence[ApiToken]:
    """A person's own tokens, and those of others in their scope, the newest first."""
    query = select(ApiToken).where(_visible(person, scope))
    loaded = query.options(joinedload(ApiToken.person), joinedload(ApiToken.area))
    return db.session.scalars(loaded.order_by(ApiToken.made_at.desc(), ApiToken.id).limit(MOST_LISTED)).all()


def token_in_scope(token_id: uuid.UUID, person: Person, scope: Scope) -> ApiToken | None:
    """A token that this person may revoke; None for every other one."""
    return db.session.scalar(select(ApiToken).where(ApiToken.id == token_id, _visible(person, scope)))


def state_of(token: ApiToken, *, now: datetime) -> TokenState:
    """What a token is at this moment. It ends with its maker's role, and when their sign-in is reset."""
    if token.revoked_at is not None:
        return TokenState.REVOKED
    if now >= token.expires_at:
        return TokenState.EXPIRED
    if token.token_hash is not None:
        authority = authority_of(token.person, now)
        stands = authority.is_organizer and token.made_at >= authority.trusted_from
        return TokenState.RUNS if stands else TokenState.ENDED
    approval = open_approval(ApprovalKind.TOKEN, str(token.id), now=now)
    if approval is None:
        return TokenState.EXPIRED
    return TokenState.AGREED if approval.state is ApprovalState.APPROVED else TokenState.WAITS


def _visible(person: Person, scope: Scope) -> ColumnElement[bool]:
    if scope.everything:
        return true()
    return or_(ApiToken.person_id == person.id, ApiToken.area_id.in_(scope.areas))
