"""The series: every site, area and the union across the actions of a campaign, by share of eligible members.

Closed actions are read from their totals alone, so that forty of them take as long as one board.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from mobilize.accounts.scope import Scope
from mobilize.actions.models import Action, Event, EventState
from mobilize.database import db
from mobilize.roster.models import Area, Site
from mobilize.turnout.live import board_for
from mobilize.turnout.models import Total
from mobilize.turnout.queries import as_text

# A share that moved by this many points of 100 from one action to the next is worth a talk.
MOVED = 10


class Cell(NamedTuple):
    """One chapter, area or the union in one action."""

    eligible: int
    came: int

    @property
    def share(self) -> float | None:
        return self.came / self.eligible if self.eligible else None

    def reaches(self, percent: float) -> bool:
        """So many percent of the eligible members came, or more; False where nobody is eligible."""
        return bool(self.eligible) and self.came * 100 >= self.eligible * percent

    def band(self, bands: Sequence[int]) -> int:
        """How many of these thresholds it reaches, in percent: see the setting `SHARE_BANDS`."""
        return sum(self.reaches(edge) for edge in bands)


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` in the order of the matrix's actions; None where the chapter had no part in one."""

    id: UUID | None
    name: str
    area: str
    cells: Sequence[Cell | None]

    @property
    def last(self) -> Cell | None:
        return next((cell for cell in reversed(self.cells) if cell), None)

    @property
    def change(self) -> float | None:
        """Of the share, in points of 1, between the last two actions it took part in."""
        shares = [cell.share for cell in self.cells if cell and cell.share is not None]
        return shares[-1] - shares[-2] if len(shares) > 1 else None


@dataclass(frozen=True, slots=True)
class Matrix:
    """Actions from the first to the last, and a row for each site, for each area, and for all together."""

    actions: Sequence[Action]
    sites: Sequence[Row]
    areas: Sequence[Row]
    together: Row

    @property
    def dropped(self) -> Sequence[Row]:
        """Sites that lost most, the worst first."""
        return sorted(self._moved(-1), key=lambda row: row.change or 0.0)

    @property
    def grown(self) -> Sequence[Row]:
        """Sites that gained most, the best first."""
        return sorted(self._moved(1), key=lambda row: -(row.change or 0.0))

    def _moved(self, way: int) -> list[Row]:
        return [r for r in self.sites if r.change is not None and round(r.change * 100 * way, 6) >= MOVED]


def matrix_of(campaign_id: UUID, scope: Scope, now: datetime) -> Matrix | None:
    """The campaign's actions that have begun, drills and called-off ones left out, for the sites in scope.

    An action that is not closed shows its board of now. None when nothing of it is in scope.
    """
    actions = _actions(campaign_id, now)
    cells = _closed(actions)
    still_open = _open([action.id for action in actions])
    for action in actions:
        if action.id in still_open:
            _add_live(action, scope, cells)
    sites: Any = select(Site.id, Site.name, Site.area_id, Area.name).join(Area)
    found = db.session.execute(scope.limit(sites).order_by(Area.name, Site.name))
    listed = [tuple(site) for site in found if site[0] in cells]
    return _matrix(actions, listed, cells) if listed else None


def _actions(campaign_id: UUID, now: datetime) -> Sequence[Action]:
    query = select(Action).where(
        Action.campaign_id == campaign_id,
        Action.starts_at <= now,
        Action.called_off_at.is_(None),
        ~Action.drill,
    )
    return db.session.scalars(query.order_by(Action.starts_at, Action.id)).all()


def _open(action_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these actions of which an event is not closed."""
    planned = select(Event.action_id).where(
        Event.action_id.in_(action_ids), Event.state == EventState.PLANNED
    )
    return set(db.session.scalars(planned.distinct()))


def _closed(actions: Sequence[Action]) -> defaultdict[UUID, dict[UUID, Cell]]:
    """Site -> action -> cell of every closed chapter, in its latest version."""
    stored: defaultdict[Any, dict[Any, Cell]] = defaultdict(dict)
    for chapter, action_id, eligible, came in _fixed(actions):
        stored[chapter][action_id] = Cell(eligible, came)
    names = _uuids({action_id for mine in stored.values() for action_id in mine})
    chapters = _uuids(stored)
    cells = {chapters[c]: {names[a]: cell for a, cell in mine.items()} for c, mine in stored.items()}
    return defaultdict(dict, cells)


def _fixed(actions: Sequence[Action]) -> Iterable[tuple[Any, Any, int, int]]:
    """(chapter, action, eligible, came), the latest version last."""
    rows = db.session.execute(
        select(
            as_text(Total.chapter_id).label("chapter"),
            as_text(Total.action_id).label("action"),
            Total.figures["eligible"].as_integer().label("eligible"),
            Total.figures["came"].as_integer().label("came"),
        )
        .where(Total.action_id.in_([action.id for action in actions]))
        .order_by(Total.version)
    )
    return rows


def _add_live(action: Action, scope: Scope, cells: Mapping[UUID, dict[UUID, Cell]]) -> None:
    shown = board_for(action, scope)
    for chapter in shown.chapters if shown else ():
        cells[chapter.site_id][action.id] = Cell(chapter.names.eligible, chapter.names.came)


def _matrix(
    actions: Sequence[Action],
    listed: Sequence[tuple[Any, ...]],
    cells: Mapping[UUID, Mapping[UUID, Cell]],
) -> Matrix:
    order = [action.id for action in actions]
    rows = [Row(i, name, area, [cells[i].get(a) for a in order]) for i, name, _area_id, area in listed]
    of_area: defaultdict[tuple[UUID, str], list[Row]] = defaultdict(list)
    for row, (_i, _name, area_id, area) in zip(rows, listed, strict=True):
        of_area[area_id, area].append(row)
    areas = [_together(area_id, area, mine) for (area_id, area), mine in of_area.items()]
    return Matrix(actions, rows, areas, _together(None, "", rows))


def _together(row_id: UUID | None, name: str, rows: Sequence[Row]) -> Row:
    columns = zip(*(row.cells for row in rows), strict=True)
    return Row(row_id, name, name, [_sum([cell for cell in column if cell]) for column in columns])


def _sum(cells: Sequence[Cell]) -> Cell | None:
    return Cell(sum(c[0] for c in cells), sum(c[1] for c in cells)) if cells else None


def _uuids(stored: Iterable[Any]) -> dict[Any, UUID]:
    """Made once for each, and not once for each of 32,000 cells."""
    return {one: UUID(one) if isinstance(one, str) else one for one in stored}
