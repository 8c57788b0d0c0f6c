"""The plan of a yearly list of chairs: who starts, who ends, who stays.

For every site in the list, the list is complete: whoever it does not name ends. Sites it does not name, and
sites of which a line was refused, keep the chairs they have.
"""

import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from mobilize.accounts.access.scope import not_over
from mobilize.accounts.models import CHAIRS, Person, RoleName, RoleTerm
from mobilize.accounts.people.chairs_file import ChairList, ChairRow, same_name
from mobilize.database import db
from mobilize.keys.crypto import blind_index
from mobilize.languages import _
from mobilize.roster.imports.summary import CHANGED_SHARE, REMOVED_SHARE, SMALL_ROSTER
from mobilize.roster.models import Site
from mobilize.roster.names import fold

_CHUNK = 500


class ChairChangeKind(StrEnum):
    """The change of one chair at a site."""

    STARTS = "starts"
    ENDS = "ends"
    STAYS = "stays"


@dataclass(frozen=True)
class ChairMove:
    """One chair of a plan. `person_id` is None for somebody new; without `has_phone` they can get no code."""

    move: ChairChangeKind
    site_id: uuid.UUID
    site: str
    role: RoleName
    name: str
    has_phone: bool
    person_id: uuid.UUID | None = None
    term_id: uuid.UUID | None = None
    row: ChairRow | None = None


@dataclass
class ChairPlan:
    """The changes of a list from `from_on` on. `others` is how many sites with a chair it leaves alone."""

    from_on: date
    moves: list[ChairMove] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    others: int = 0
    # All terms of chairs that run from that day on, whether or not the list names their sites.
    current: int = 0

    def of(self, move: ChairChangeKind) -> list[ChairMove]:
        return [one for one in self.moves if one.move is move]

    @property
    def without_phone(self) -> list[ChairMove]:
        """Chairs who start and cannot get a code: each needs a link from the page People."""
        return [one for one in self.of(ChairChangeKind.STARTS) if not one.has_phone]

    @property
    def wants_second_person(self) -> bool:
        """Whether so many chairs start or end that a second person has to agree, by a roster's shares."""
        starts, ends = len(self.of(ChairChangeKind.STARTS)), len(self.of(ChairChangeKind.ENDS))
        if self.current < SMALL_ROSTER:
            return False
        return ends > REMOVED_SHARE * self.current or starts > CHANGED_SHARE * self.current

    @property
    def digest(self) -> bytes:
        """A hash of the moves, to check that what is carried out is what was displayed."""
        rows = [(str(m.move), str(m.site_id), str(m.role), m.name, str(m.person_id)) for m in self.moves]
        return hashlib.sha256(json.dumps([str(self.from_on), sorted(rows)]).encode()).digest()


def plan_chairs(chair_list: ChairList, from_on: date) -> ChairPlan:
    """The plan of a list from that day on. Nothing is stored."""
    sites = {site.id: site for site in db.session.scalars(select(Site))}
    people, held = _people_by_phone(chair_list.rows), _chairs_by_site(from_on)
    plan = ChairPlan(from_on, problems=list(chair_list.problems), current=sum(map(len, held.values())))
    rows = _by_site(_rows_that_match(chair_list, people, plan))
    for site_id in sorted(rows, key=lambda one: sites[one].name.casefold()):
        if site_id not in chair_list.unclear:
            plan.moves += _moves(sites[site_id], rows[site_id], held.get(site_id, []), people, from_on)
    named = {site_id for site_id in rows if site_id not in chair_list.unclear}
    plan.others = len(set(held) - named)
    plan.unclear = sorted(sites[site_id].name for site_id in chair_list.unclear if site_id in sites)
    plan.problems.sort()
    return plan


def _rows_that_match(chair_list: ChairList, people: dict[bytes, Person], plan: ChairPlan) -> list[ChairRow]:
    """The rows without those whose number belongs to somebody with another name: a typo would give access."""
    fitting = []
    for row in chair_list.rows:
        person = people.get(_phone_index(row))
        if person is None or same_name(row.name, person.name):
            fitting.append(row)
            continue
        plan.problems.append(
            (row.line, _("This number is known here under another name. Check the number, or the name."))
        )
        chair_list.unclear.add(row.site_id)
    return fitting


def _moves(
    site: Site, rows: list[ChairRow], held: list[RoleTerm], people: dict[bytes, Person], from_on: date
) -> list[ChairMove]:
    left, moves = list(held), []
    for row in rows:
        person = people.get(_phone_index(row)) or _chair_here(row, held)
        term = next((t for t in left if person and t.person_id == person.id and t.role is row.role), None)
        move = ChairChangeKind.STARTS
        if term is not None:
            left.remove(term)
            move = ChairChangeKind.STAYS
        moves.append(
            ChairMove(
                move,
                site.id,
                site.name,
                row.role,
                person.name if person else row.name,
                bool(row.phone) or bool(person and person.phone_enc),
                person.id if person else None,
                term.id if term else None,
                row,
            )
        )
    return moves + [_ending(site, term) for term in left]


def _ending(site: Site, term: RoleTerm) -> ChairMove:
    person = term.person
    return ChairMove(
        ChairChangeKind.ENDS,
        site.id,
        site.name,
        term.role,
        person.name,
        bool(person.phone_enc),
        person.id,
        term.id,
    )


def _chair_here(row: ChairRow, held: list[RoleTerm]) -> Person | None:
    """The person of a row without a number: only a chair of this very site, by their whole name."""
    if row.phone:
        return None
    return next((term.person for term in held if fold(term.person.name) == fold(row.name)), None)


def _people_by_phone(rows: Sequence[ChairRow]) -> dict[bytes, Person]:
    indexes = sorted({_phone_index(row) for row in rows if row.phone})
    people: dict[bytes, Person] = {}
    for some in chunks(indexes):
        for person in db.session.scalars(select(Person).where(Person.phone_index.in_(some))):
            people[bytes(person.phone_index or b"")] = person
    return people


def _chairs_by_site(day: date) -> dict[uuid.UUID, list[RoleTerm]]:
    """The terms of chairs that run on this day or later."""
    terms = select(RoleTerm).where(RoleTerm.role.in_(CHAIRS), RoleTerm.site_id.is_not(None), not_over(day))
    by_site: dict[uuid.UUID, list[RoleTerm]] = defaultdict(list)
    for term in db.session.scalars(terms.order_by(RoleTerm.id)):
        if term.site_id is not None:
            by_site[term.site_id].append(term)
    return by_site


def _by_site(rows: Iterable[ChairRow]) -> dict[uuid.UUID, list[ChairRow]]:
    by_site: dict[uuid.UUID, list[ChairRow]] = defaultdict(list)
    for row in rows:
        by_site[row.site_id].append(row)
    return by_site


def _phone_index(row: ChairRow) -> bytes:
    return blind_index("phone", row.phone) if row.phone else b""


def chunks(all_of: list[Any]) -> Iterable[list[Any]]:
    """In parts that one statement can hold."""
    return (all_of[at : at + _CHUNK] for at in range(0, len(all_of), _CHUNK))
