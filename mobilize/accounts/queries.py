"""Queries about people and their roles, always within somebody's scope."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, SQLColumnExpression, exists, func, select
from sqlalchemy.orm import joinedload

from mobilize.accounts.access.scope import Scope, not_over, running_on, today
from mobilize.accounts.models import CHAIRS, Person, RoleName, RoleTerm
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.languages import _
from mobilize.phones import normalize
from mobilize.roster.models import Area, Site


@dataclass(frozen=True)
class RoleHolder:
    """One running role: whose, and where. `place` is a site's or area's name, "" for the whole union."""

    term: RoleTerm
    person: Person
    site: Site | None
    area: Area | None

    @property
    def place(self) -> str:
        return self.site.name if self.site else self.area.name if self.area else ""


def holders_in(scope: Scope, day: date, *, place: str = "", later: bool = False) -> list[RoleHolder]:
    """Roles that run on this day in the scope, the office first, then by area and site.

    `place` narrows to sites and areas whose name or code contains it; `later` adds those that begin later.
    """
    query = (
        select(RoleTerm, Site, Area)
        .outerjoin(Site, RoleTerm.site_id == Site.id)
        .outerjoin(Area, Area.id == func.coalesce(RoleTerm.area_id, Site.area_id))
        .where(not_over(day) if later else running_on(day))
        .options(joinedload(RoleTerm.person))
    )
    if not scope.everything:
        query = query.where(Area.id.in_(scope.areas))
    rows = [RoleHolder(term, term.person, site, area) for term, site, area in db.session.execute(query)]
    typed = place.strip().casefold()
    return sorted((row for row in rows if _is_at(row, typed)), key=_order)


def current_terms(person: Person, day: date) -> Sequence[RoleTerm]:
    """The roles this person holds on this day."""
    return db.session.scalars(select(RoleTerm).where(RoleTerm.person_id == person.id, running_on(day))).all()


def term_in_scope(term_id: uuid.UUID, scope: Scope, day: date) -> RoleTerm | None:
    """A running or later term that somebody with this scope may change; None for every other one."""
    row = db.session.execute(
        select(RoleTerm, Site)
        .outerjoin(Site, RoleTerm.site_id == Site.id)
        .where(RoleTerm.id == term_id, not_over(day))
    ).one_or_none()
    return row[0] if row and may_manage(scope, row[0].role, row[1]) else None


def person_in_scope(person_id: uuid.UUID, scope: Scope, day: date) -> Person | None:
    """A person whose every running role is in scope; None for every other one."""
    person = db.session.get(Person, person_id)
    if person is None or not current_terms(person, day) or not may_manage_person(scope, person, day):
        return None
    return person


def person_with(phone: str) -> Person | None:
    """The person who signs in with this number, in any spelling."""
    read = normalize(phone).phone
    return (
        db.session.scalar(select(Person).where(Person.phone_index == blind_index("phone", read)))
        if read
        else None
    )


def is_staff_phone(phone_index: SQLColumnExpression[bytes], now: datetime) -> ColumnElement[bool]:
    """SQL: somebody who holds a role today signs in with the number behind this column."""
    holds = RoleTerm.person_id == Person.id, running_on(today(now))
    return exists().where(Person.phone_index == phone_index, *holds)


def may_manage(scope: Scope, role: RoleName, site: Site | None) -> bool:
    """Whether this scope may give and end this role: the office every one, organizers chairs in their
    areas."""
    if scope.everything:
        return True
    return role in CHAIRS and site is not None and scope.is_organizer and scope.sees_area(site.area_id)


def may_manage_person(scope: Scope, person: Person, day: date) -> bool:
    """Whether this scope may reset a person's sign-in: not when they hold, or will hold, a role outside
    it."""
    terms = select(RoleTerm, Site).outerjoin(Site, RoleTerm.site_id == Site.id)
    held = db.session.execute(terms.where(RoleTerm.person_id == person.id, not_over(day)))
    return all(may_manage(scope, term.role, site) for term, site in held)


def looks_after_everything(scope: Scope) -> bool:
    """Whether this scope may do what concerns the whole union: the office, and organizers of every area."""
    return scope.everything or (
        scope.is_organizer and set(db.session.scalars(select(Area.id))) <= scope.areas
    )


def find_site(typed: str, scope: Scope) -> Site:
    """A site in scope by its code, or by its whole name. Refused: "no_site" when none or several fit."""
    typed = " ".join(typed.split())
    inside = scope.limit(select(Site))
    exact = db.session.scalar(inside.where(Site.code == typed))
    if exact is not None:
        return exact
    named = [s for s in db.session.scalars(inside) if s.name.casefold() == typed.casefold()]
    if len(named) == 1:
        return named[0]
    if named:
        raise Refused("no_site", _("Several sites have this name. Type the site's code instead."))
    raise Refused("no_site", _("No site has this name or code. Pick one from the list."))


def find_area(typed: str) -> Area:
    """An area by its name. Refused: "no_area"."""
    area = next(
        (a for a in db.session.scalars(select(Area)) if a.name.casefold() == typed.strip().casefold()), None
    )
    if area is None:
        raise Refused("no_area", _("No area has this name."))
    return area


def area_names() -> list[str]:
    """The areas there are, by name."""
    return list(db.session.scalars(select(Area.name).order_by(Area.name)))


def sites_in(scope: Scope) -> Sequence[tuple[str, str]]:
    """(code, name) of the sites in scope, for the invitation's list of suggestions."""
    query = scope.limit(select(Site)).where(Site.represented).order_by(Site.name)
    return [(site.code, site.name) for site in db.session.scalars(query)]


def _is_at(row: RoleHolder, typed: str) -> bool:
    names = [row.place, row.area.name if row.area else "", row.site.code if row.site else ""]
    return any(typed in words.casefold() for words in names)


def _order(row: RoleHolder) -> tuple[str, str, int, str]:
    site = row.site.name.casefold() if row.site else ""
    return (row.area.name if row.area else "", site, list(RoleName).index(row.term.role), str(row.term.id))
