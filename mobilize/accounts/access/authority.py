"""Rules of authority: which sign-in is valid for a role, and whose approval counts. Pure functions.

Whoever gives somebody a role must not be able to sign in with it. So a person's *authority* holds the moment
from which a link, a session or a second factor of theirs is valid. Everything older is invalid, without
anybody having to delete it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from mobilize.accounts.models import LinkKind, RoleName, RoleTerm, SignInBy

# How long a new organizer or admin approves nothing, and a link or a request waits after the notice of it.
WAIT = timedelta(hours=24)
EVER = datetime(1970, 1, 1, tzinfo=UTC)


class RoleRank(IntEnum):
    """The reach of a role: a chapter, areas, everything."""

    NONE, CHAIR, ORGANIZER, ADMIN = range(4)


@dataclass(frozen=True)
class PersonAuthority:
    """The authority of a person at one moment.

    `rank` is the highest of their roles, `trusted_from` the moment before which no link, session or second
    step of theirs is valid for it, `newest` when the last of their running roles began.
    """

    rank: RoleRank
    trusted_from: datetime
    newest: datetime

    @property
    def is_organizer(self) -> bool:
        """Organizers and the office."""
        return self.rank >= RoleRank.ORGANIZER


def rank_of(role: RoleName) -> RoleRank:
    """The rank of one role."""
    return {RoleName.ADMIN: RoleRank.ADMIN, RoleName.ORGANIZER: RoleRank.ORGANIZER}.get(role, RoleRank.CHAIR)


def begins_at(term: RoleTerm, zone: str) -> datetime:
    """The moment a role begins: with its first day on the clock of `zone`, and never before it was given."""
    return max(term.granted_at, _midnight(term.from_on, zone))


def authority_of_terms(
    terms: Iterable[RoleTerm], restarted_at: datetime | None, *, now: datetime, zone: str
) -> PersonAuthority:
    """The authority of somebody with these `terms` (all they ever had), last restarted at that moment."""
    spans = [_Span(rank_of(t.role), begins_at(t, zone), _ends_at(t, zone)) for t in terms]
    running = [span for span in spans if span.runs(now)]
    rank = max((span.rank for span in running), default=RoleRank.NONE)
    since = _held_since(spans, rank, now) if rank >= RoleRank.ORGANIZER else EVER
    newest = max((span.begin for span in running), default=EVER)
    return PersonAuthority(rank, max(since, restarted_at or EVER), newest)


def raises(held: Iterable[RoleTerm], new_term: RoleTerm, zone: str) -> bool:
    """Whether `new_term` lifts somebody above the rank they would have without it when it begins."""
    begin = begins_at(new_term, zone)
    return not any(
        rank_of(t.role) >= rank_of(new_term.role)
        and begins_at(t, zone) <= begin
        and (t.to_on is None or _midnight(t.to_on, zone) >= begin)
        for t in held
        if t is not new_term
    )


def opens(of: PersonAuthority, began_by: SignInBy | LinkKind, from_at: datetime) -> bool:
    """Whether a link or session from `from_at` is valid for the roles its person holds now.

    One that its maker saw is valid for chairs alone, and only for the roles that ran when it was made.
    """
    if of.rank is RoleRank.NONE or from_at < of.trusted_from:
        return False
    if began_by in {SignInBy.DISPLAYED, LinkKind.DISPLAYED}:
        return of.rank is RoleRank.CHAIR and of.newest <= from_at
    return True


def counts(of: PersonAuthority, enrolled_at: datetime) -> bool:
    """Whether a second factor that was set up at that moment is valid for the roles its person holds now."""
    return enrolled_at >= of.trusted_from


def may_agree(of: PersonAuthority, *, now: datetime) -> bool:
    """Whether somebody may be a second person at all: a new organizer or admin approves nothing for a day."""
    return of.is_organizer and of.trusted_from <= now - WAIT


def may_agree_to_admin(of: PersonAuthority, factors: Sequence[datetime], *, asked_at: datetime) -> bool:
    """Whether somebody may approve a change to an admin: only an admin who was one, with the same second
    factor, a day before the request."""
    since = asked_at - WAIT
    return of.rank is RoleRank.ADMIN and of.trusted_from <= since and max(factors, default=asked_at) <= since


@dataclass(frozen=True)
class _Span:
    rank: RoleRank
    begin: datetime
    end: datetime | None

    def runs(self, now: datetime) -> bool:
        return self.begin <= now and (self.end is None or self.end > now)


def _held_since(spans: Sequence[_Span], rank: RoleRank, now: datetime) -> datetime:
    """The moment since which somebody has held this rank or a higher one without a gap."""
    high = [span for span in spans if span.rank >= rank]
    since = min(span.begin for span in high if span.runs(now))
    while earlier := [s.begin for s in high if s.begin < since and (s.end is None or s.end >= since)]:
        since = min(earlier)
    return since


def _ends_at(term: RoleTerm, zone: str) -> datetime | None:
    return _midnight(term.to_on, zone) if term.to_on else None


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
