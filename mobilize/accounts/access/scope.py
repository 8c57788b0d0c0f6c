"""The sites and areas that a person may see, by the roles they hold.

Every query that returns people, and every page about a site, uses it. What is out of scope looks exactly like
what does not exist.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from mobilize import clock, settings
from mobilize.accounts.access.authority import PersonAuthority, authority_of_terms
from mobilize.accounts.models import CHAIRS, Person, RoleName, RoleTerm
from mobilize.database import db
from mobilize.roster.models import Membership, Site


@dataclass(frozen=True)
class Scope:
    """The part of the union that somebody may see on one day: all of it, some areas, or some chapters."""

    roles: frozenset[RoleName] = frozenset()
    everything: bool = False
    areas: frozenset[uuid.UUID] = frozenset()
    sites: frozenset[uuid.UUID] = frozenset()

    @property
    def is_organizer(self) -> bool:
        """Organizers and the office."""
        return bool(self.roles & {RoleName.ORGANIZER, RoleName.ADMIN})

    def sees(self, site: Site | None) -> bool:
        """May see this site's chapter with its names. A place without a site is the office's."""
        return self.everything if site is None else self.sees_place(site.id, site.area_id)

    def sees_place(self, site_id: uuid.UUID, area_id: uuid.UUID) -> bool:
        """The same, of a site's id and that of its area."""
        return self.everything or site_id in self.sites or area_id in self.areas

    def sees_area(self, area_id: uuid.UUID | None) -> bool:
        """May see a whole area: its rallies, its report."""
        return self.everything or area_id in self.areas

    def limit(self, query: Select[Any], site: Any = Site) -> Select[Any]:
        """`query`, which already selects from the table of sites, narrowed to the sites in scope."""
        if self.everything:
            return query
        inside = [site.area_id.in_(self.areas)] if self.areas else []
        inside += [site.id.in_(self.sites)] if self.sites else []
        return query.where(or_(*inside) if inside else false())

    def members(self) -> Select[uuid.UUID] | None:
        """The ids of the members in scope, by home or second site; None for everybody's, also without one."""
        if self.everything:
            return None
        return self.limit_by(
            select(Membership.member_id).where(Membership.to_at.is_(None)), Membership.site_id
        )

    def limit_by(self, query: Select[Any], site_id: InstrumentedAttribute[Any]) -> Select[Any]:
        """`query` narrowed by a column that holds a site's id."""
        if self.everything:
            return query
        return query.where(site_id.in_(self.limit(select(Site.id))))


NOBODY = Scope()
THE_OFFICE = Scope(roles=frozenset({RoleName.ADMIN}), everything=True)


def today(now: datetime) -> date:
    """The union's day, by which terms begin and end."""
    return clock.local(now, settings().union_timezone).date()


def running_on(day: date) -> ColumnElement[bool]:
    """The terms that run on this day. The day a term ends on is no longer part of it: ended now is ended."""
    return (RoleTerm.from_on <= day) & (RoleTerm.to_on.is_(None) | (RoleTerm.to_on > day))


def runs_on(term: RoleTerm, day: date) -> bool:
    """The same of a term that is in memory."""
    return term.from_on <= day and (term.to_on is None or term.to_on > day)


def not_over(day: date) -> ColumnElement[bool]:
    """The terms that run on this day, or begin later."""
    return RoleTerm.to_on.is_(None) | (RoleTerm.to_on > day)


def scope_of(person: Person, day: date) -> Scope:
    """The scope of a person on one day, from the terms of their roles."""
    return scopes_of([person], day)[person.id]


def scopes_of(people: Sequence[Person], day: date) -> dict[uuid.UUID, Scope]:
    """The scope of each of these people on one day, with one query."""
    terms: dict[uuid.UUID, list[RoleTerm]] = {person.id: [] for person in people}
    for term in db.session.scalars(select(RoleTerm).where(RoleTerm.person_id.in_(terms), running_on(day))):
        terms[term.person_id].append(term)
    return {person_id: scope_of_terms(running) for person_id, running in terms.items()}


def scope_and_authority(person: Person, now: datetime) -> tuple[Scope, PersonAuthority]:
    """The scope and the authority of a person at one moment, with one query."""
    terms = db.session.scalars(select(RoleTerm).where(RoleTerm.person_id == person.id)).all()
    day = today(now)
    running = [term for term in terms if runs_on(term, day)]
    zone = settings().union_timezone
    return scope_of_terms(running), authority_of_terms(terms, person.restarted_at, now=now, zone=zone)


def scope_of_terms(terms: Sequence[RoleTerm]) -> Scope:
    """The scope of somebody who holds these roles now."""
    return Scope(
        roles=frozenset(term.role for term in terms),
        everything=any(term.role is RoleName.ADMIN for term in terms),
        areas=frozenset(t.area_id for t in terms if t.role is RoleName.ORGANIZER and t.area_id),
        sites=frozenset(t.site_id for t in terms if t.role in CHAIRS and t.site_id),
    )


def authority_of(person: Person, now: datetime) -> PersonAuthority:
    """The authority of a person at one moment: see `authority.PersonAuthority`."""
    return scope_and_authority(person, now)[1]
