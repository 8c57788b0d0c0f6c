"""The matrix of a campaign: the series of every site, area and the union, by share of eligible members.

Closed actions are read from their totals alone, so that forty of them take as long as one board.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action, Event, EventState
from mobilize.database import db
from mobilize.database.replica import from_replica
from mobilize.roster.models import Area, Site
from mobilize.turnout.board.cache import board_for
from mobilize.turnout.campaigns.series import still_runs
from mobilize.turnout.figures.queries import as_text
from mobilize.turnout.figures.types import Board, NameCounts, is_few
from mobilize.turnout.models import ChapterTotal, OutsideTotal

# A share that moved by this many points of 100 from one action to the next is worth a talk.
MOVED = 10


class MatrixCell(NamedTuple):
    """One chapter, area or the union in one action."""

    eligible: int
    came: int

    @property
    def share(self) -> float | None:
        return self.came / self.eligible if self.eligible else None

    @property
    def small(self) -> bool:
        """So few are eligible that one of them moves the share by more than it could tell."""
        return is_few(self.eligible)

    def reaches(self, percent: float) -> bool:
        """So many percent of the eligible members came, or more; False where nobody is eligible."""
        return bool(self.eligible) and self.came * 100 >= self.eligible * percent

    def band(self, bands: Sequence[int]) -> int:
        """The number of these thresholds it reaches, in percent: see the setting `SHARE_BANDS`."""
        return sum(self.reaches(edge) for edge in bands)


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """`cells` in the order of the matrix's actions, of which `over` says whether they are; None where the
    chapter had no part in one. An action that still runs is compared with none."""

    id: UUID | None
    name: str
    area: str
    cells: Sequence[MatrixCell | None]
    over: Sequence[bool]

    @property
    def last(self) -> MatrixCell | None:
        """Of the actions that are over."""
        return next(self._over_from_last(), None)

    @property
    def change(self) -> float | None:
        """Of the share, in points of 1, between the last two actions it took part in that are over; None
        where one of them was of a few members."""
        cells = (cell for cell in self._over_from_last() if cell.eligible)
        last, before = next(cells, None), next(cells, None)
        if last is None or before is None or last.small or before.small:
            return None
        return last.came / last.eligible - before.came / before.eligible

    def _over_from_last(self) -> Iterator[MatrixCell]:
        return (
            cell
            for cell, over in zip(reversed(self.cells), reversed(self.over), strict=True)
            if cell and over
        )


@dataclass(frozen=True, slots=True)
class Matrix:
    """Actions from the first to the last, and a row for each site, for each area, and for all together.

    `no_site`: active members without a chapter, who count in the union's total; None where there were none,
    or they are out of the viewer's scope.
    """

    actions: Sequence[Action]
    sites: Sequence[MatrixRow]
    areas: Sequence[MatrixRow]
    no_site: MatrixRow | None
    together: MatrixRow

    @property
    def running(self) -> Sequence[Action]:
        """The actions that are not over."""
        return [action for action, over in zip(self.actions, self.together.over, strict=True) if not over]

    @property
    def dropped(self) -> Sequence[MatrixRow]:
        """Sites that lost most, the worst first."""
        return sorted(self._moved(-1), key=lambda row: row.change or 0.0)

    @property
    def grown(self) -> Sequence[MatrixRow]:
        """Sites that gained most, the best first."""
        return sorted(self._moved(1), key=lambda row: -(row.change or 0.0))

    def _moved(self, way: int) -> list[MatrixRow]:
        return [r for r in self.sites if r.change is not None and round(r.change * 100 * way, 6) >= MOVED]


def matrix_of(campaign_id: UUID, scope: Scope, now: datetime) -> Matrix | None:
    """The campaign's actions that have begun, drills and called-off ones left out, for the sites in scope.

    An action that is not closed shows its board of now. None when nothing of it is in scope.
    """
    actions = _actions(campaign_id, now)
    # Together, so that no action is missing between them: it is open, or its totals are there.
    still_open, cells, no_site = from_replica(
        lambda: (_open([action.id for action in actions]), _closed(actions), _closed_outside(actions))
    )
    for place, action in enumerate(actions):
        if action.id in still_open and (visible := board_for(action, scope)):
            no_site[place] = _cell_of(visible.no_site)
            _add_live(visible, place, cells)
    sites: Any = select(Site.id, Site.name, Site.area_id, Area.name).join(Area)
    rows = db.session.execute(scope.limit(sites).order_by(Area.name, Site.name))
    listed = [tuple(site) for site in rows if site[0] in cells]
    over = [not still_runs(action, now) for action in actions]
    return _matrix(actions, over, listed, cells, no_site if scope.everything else []) if listed else None


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


def _closed(actions: Sequence[Action]) -> defaultdict[UUID, list[MatrixCell | None]]:
    """Site -> a cell for each of these actions: of the closed chapters, in their latest version."""
    # Later versions last: they take the place of earlier ones.
    rows = sorted(_fixed(actions), key=itemgetter(4))
    place = {action.id: n for n, action in enumerate(actions)}
    # Looked up once for each name of an action or a chapter, and not once for each of 32,000 cells.
    at = {one: place[_as_uuid(one)] for one in {row[1] for row in rows}}
    stored: dict[Any, list[MatrixCell | None]] = {
        one: [None] * len(actions) for one in {row[0] for row in rows}
    }
    for chapter, action_id, eligible, came, _version in rows:
        stored[chapter][at[action_id]] = _cell(eligible, came)
    cells = {_as_uuid(chapter): row for chapter, row in stored.items()}
    return defaultdict(lambda: [None] * len(actions), cells)


@lru_cache(maxsize=16384)
def _cell(eligible: int, came: int) -> MatrixCell:
    """Few of 32,000 are different: making the same one anew keeps Python's collector of garbage busy."""
    return MatrixCell(eligible, came)


def _fixed(actions: Sequence[Action]) -> Sequence[tuple[Any, Any, int, int, int]]:
    """(chapter, action, eligible, came, version) as the driver hands them out, in no order."""
    of = ChapterTotal.__table__.c
    query = select(as_text(of.chapter_id), as_text(of.action_id), of.eligible, of.came, of.version)
    of_actions = query.where(of.action_id.in_([action.id for action in actions]))
    return db.session.connection().execute(of_actions).cursor.fetchall()


def _closed_outside(actions: Sequence[Action]) -> list[MatrixCell | None]:
    """Members without a chapter in each of these actions; None in those that are not closed."""
    query = select(OutsideTotal.action_id, OutsideTotal.figures).order_by(OutsideTotal.version)
    rows = db.session.execute(query.where(OutsideTotal.action_id.in_([action.id for action in actions])))
    no_site: dict[UUID, Any] = {action_id: figures["no_site"] for action_id, figures in rows}
    held = (no_site.get(one.id) for one in actions)
    return [MatrixCell(names["eligible"], names["came"]) if names else None for names in held]


def _cell_of(names: NameCounts | None) -> MatrixCell | None:
    return MatrixCell(names.eligible, names.came) if names else None


def _add_live(visible: Board, place: int, cells: Mapping[UUID, list[MatrixCell | None]]) -> None:
    for chapter in visible.chapters:
        cells[chapter.site_id][place] = _cell_of(chapter.names)


def _matrix(
    actions: Sequence[Action],
    over: Sequence[bool],
    listed: Sequence[tuple[Any, ...]],
    cells: Mapping[UUID, Sequence[MatrixCell | None]],
    no_site: Sequence[MatrixCell | None],
) -> Matrix:
    rows = [MatrixRow(site_id, name, area, cells[site_id], over) for site_id, name, _area_id, area in listed]
    of_area: defaultdict[tuple[UUID, str], list[MatrixRow]] = defaultdict(list)
    for row, (_i, _name, area_id, area) in zip(rows, listed, strict=True):
        of_area[area_id, area].append(row)
    areas = [_together(area_id, area, inside, over) for (area_id, area), inside in of_area.items()]
    outside = [MatrixRow(None, "", "", no_site, over)] if any(no_site) else []
    together = _together(None, "", [*areas, *outside], over)
    return Matrix(actions, rows, areas, outside[0] if outside else None, together)


def _together(row_id: UUID | None, name: str, rows: Sequence[MatrixRow], over: Sequence[bool]) -> MatrixRow:
    columns = zip(*(row.cells for row in rows), strict=True)
    return MatrixRow(
        row_id, name, name, [_sum([cell for cell in column if cell]) for column in columns], over
    )


def _sum(cells: Sequence[MatrixCell]) -> MatrixCell | None:
    eligible, came = zip(*cells, strict=True) if cells else ((), ())
    return MatrixCell(sum(eligible), sum(came)) if cells else None


def _as_uuid(stored: Any) -> UUID:
    return UUID(stored) if isinstance(stored, str) else stored
