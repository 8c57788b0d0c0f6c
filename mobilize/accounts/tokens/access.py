"""The permissions of a token at this moment: read for every request of a program, in one statement.

Requests that meet in one process share it, and none takes one that began before it came. Nothing is kept: a
token that was revoked a moment ago, or whose maker lost the role, opens nothing. Only the day it was last
used is written down, once a day.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import Any, NamedTuple, cast

from cachetools import LRUCache
from flask import Flask, current_app
from sqlalchemy import bindparam, or_, select, update

from mobilize import settings
from mobilize.accounts.access.authority import EVER, authority_of_terms
from mobilize.accounts.access.scope import Scope, runs_on, scope_of_terms, today
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.tokens.models import ApiScope, ApiToken, read_scopes
from mobilize.database import atomic
from mobilize.fast.group_commit import GroupCommit
from mobilize.fast.statements import CachedStatement, Rows, retried, run
from mobilize.keys.tokens import hash_token

# So that a token that lies in a file where it should not is known for what it is.
STARTS = "mobilize_"
MOST_AT_ONCE = 50
_EXTENSION = "mobilize tokens"


@dataclass(frozen=True)
class TokenAccess:
    """What the token of a request opens: these scopes, in this part of the union. `people`: of how many
    members it was to open the names when it was made; None for one that opens none."""

    id: uuid.UUID
    person_id: uuid.UUID
    scopes: frozenset[ApiScope]
    scope: Scope
    people: int | None = None

    @property
    def actor(self) -> str:
        """The token's name in the audit."""
        return f"token:{self.id}"

    @property
    def maker(self) -> str:
        """Its maker's name in the audit."""
        return f"person:{self.person_id}"

    def may(self, *scopes: ApiScope) -> bool:
        """Whether it was made with all of these scopes."""
        return self.scopes.issuperset(scopes)


class _Term(NamedTuple):
    """One role of the token's maker, as `authority` and `scope` read a `RoleTerm`."""

    role: RoleName
    site_id: uuid.UUID | None
    area_id: uuid.UUID | None
    from_on: date
    to_on: date | None
    granted_at: datetime


def token_access(token: str, *, now: datetime) -> TokenAccess | None:
    """The access of a program's token; None where it opens nothing: unknown, expired, revoked, or its maker
    is no organizer or admin any more, or was reset since it was made."""
    rows = _group_read().submit(hash_token(token))
    if not rows:
        return None
    token_id, person_id, area_id, scopes, people, made_at, expires_at, used_on, revoked_at, restarted_at = (
        rows[0][:_COLUMNS]
    )
    if revoked_at is not None or now >= expires_at:
        return None
    terms = cast(list[RoleTerm], [_Term(*row[_COLUMNS:]) for row in rows if row[_COLUMNS]])
    authority = authority_of_terms(terms, restarted_at, now=now, zone=settings().union_timezone)
    day = today(now)
    whole = scope_of_terms([term for term in terms if runs_on(term, day)])
    if not authority.is_organizer or made_at < max(authority.trusted_from, EVER):
        return None
    scope = _narrowed(whole, area_id)
    if scope is None:
        return None
    _note_use(token_id, used_on, day)
    return TokenAccess(token_id, person_id, read_scopes(scopes), scope, people)


def _group_read() -> GroupCommit[bytes, Rows]:
    """One read at a time for each application of this process, and a failure of it is everybody's."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    group_read: GroupCommit[bytes, Rows] | None = app.extensions.get(_EXTENSION)
    if group_read is None:
        new = GroupCommit[bytes, Rows](_read_tokens, limit=MOST_AT_ONCE, is_for_all=lambda _error: True)
        group_read = app.extensions.setdefault(_EXTENSION, new)
    return group_read


def _read_tokens(hashes: Sequence[bytes]) -> list[Rows]:
    """What is stored now of the token with each of these hashes: a row for each term of its maker."""
    rows_of: dict[bytes, Rows] = {token_hash: [] for token_hash in hashes}
    for token_hash, *row in retried(lambda: run(_BY_HASH, {"hashes": list(rows_of)})):
        rows_of[token_hash].append(tuple(row))
    return [rows_of[token_hash] for token_hash in hashes]


def _narrowed(whole: Scope, area_id: uuid.UUID | None) -> Scope | None:
    """A token's part of what its maker may see: that area, or all of it but for chapters they chair."""
    if area_id is None:
        return whole if whole.everything else Scope(frozenset({RoleName.ORGANIZER}), areas=whole.areas)
    if not whole.sees_area(area_id):
        return None
    return Scope(frozenset({RoleName.ORGANIZER}), areas=frozenset({area_id}))


def _note_use(token_id: uuid.UUID, used_on: date | None, day: date) -> None:
    """Once a day; many requests at once may each think they are the first."""
    if used_on is not None and used_on >= day:
        return
    with _lock:
        if _noted.get(token_id) == day:
            return
        _noted[token_id] = day
    earlier = or_(ApiToken.used_on.is_(None), ApiToken.used_on < day)
    with atomic() as session:
        session.execute(update(ApiToken).where(ApiToken.id == token_id, earlier).values(used_on=day))


def _access() -> Any:
    columns = (
        ApiToken.token_hash,
        ApiToken.id,
        ApiToken.person_id,
        ApiToken.area_id,
        ApiToken.scopes,
        ApiToken.people,
        ApiToken.made_at,
        ApiToken.expires_at,
        ApiToken.used_on,
        ApiToken.revoked_at,
        Person.restarted_at,
    )
    terms = (
        RoleTerm.role,
        RoleTerm.site_id,
        RoleTerm.area_id,
        RoleTerm.from_on,
        RoleTerm.to_on,
        RoleTerm.granted_at,
    )
    query = (
        select(*columns, *terms)
        .select_from(ApiToken)
        .join(Person, Person.id == ApiToken.person_id)
        .outerjoin(RoleTerm, RoleTerm.person_id == Person.id)
    )
    return query.where(ApiToken.token_hash.in_(bindparam("hashes", expanding=True)))


_BY_HASH = CachedStatement(_access)
# Of the token and of its maker; what is behind them in a row is one of the maker's roles.
_COLUMNS = 10
# In each process: the day a token's use was last written down.
_noted: LRUCache[uuid.UUID, date] = LRUCache(1000)
_lock = Lock()
