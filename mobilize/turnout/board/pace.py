"""The pace of arrivals: minute by minute, and beside that of the last action at the same minute."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from cachetools import LRUCache, cached
from sqlalchemy import Select, Uuid, bindparam, select

from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.fast.statements import CachedStatement, run
from mobilize.languages import Translated
from mobilize.turnout.figures.people import Arrivals
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.types import Board

# Minutes before and after the start that are worth a picture.
FROM, TO, STEP = -30, 180, 5
# The areas of a union and the whole of it, for some actions.
PLACES_KEPT = 64


class LastAction(NamedTuple):
    """The action that is compared with."""

    id: UUID
    name: Translated


@dataclass(frozen=True, slots=True)
class Pace:
    """By name, `minutes` after the start: now, and at the last action of the campaign."""

    minutes: int
    now: int
    then: int
    last: LastAction


def arrivals_of(visible: Board, action: Action) -> Arrivals:
    """First check-ins of everybody on the board, in steps of five minutes without gaps."""
    steps: Counter[int] = Counter()
    for minute, count in _minutes(visible, action).items():
        steps[max(FROM, min(minute, TO)) // STEP] += count
    if not steps:
        return Arrivals(())
    whole = range(min(steps), max(steps) + 1)
    return Arrivals(tuple((action.starts_at + timedelta(minutes=n * STEP), steps[n]) for n in whole))


def _minutes(visible: Board, action: Action) -> Mapping[int, int]:
    """A closed board has totals alone: who came when is looked up, unless only hours are left of it."""
    if visible.arrivals or not all(chapter.fixed_at for chapter in visible.chapters) or action.forgotten_at:
        return visible.minutes
    return _then(action.id, frozenset(chapter.site_id for chapter in visible.chapters))


def pace_of(visible: Board, action: Action, now: datetime) -> Pace | None:
    """Now against then, for the chapters on the board; None when nothing is there to compare with.

    An action that was forgotten knows the hour only of who came, and is not compared with.
    """
    minutes = int((now - action.starts_at).total_seconds() // 60)
    last = _last_action(action) if FROM <= minutes <= TO else None
    if last is None:
        return None
    whole = visible.no_site or visible.others
    then = _then(last.id, None if whole else frozenset(chapter.site_id for chapter in visible.chapters))
    return Pace(minutes, _came_by(visible.minutes, minutes), _came_by(then, minutes), last)


def paces_of_areas(visible: Board, pace: Pace | None) -> dict[UUID, tuple[int, int]]:
    """Area -> members of its chapters who are in by name, now and at the same minute of the last action; none
    when nothing is there to compare with."""
    if pace is None or not visible.arrivals:
        return {}
    then = _then_by_chapter(pace.last.id, pace.minutes)
    sums: dict[UUID, tuple[int, int]] = {}
    for area_id, inside in visible.by_area.items():
        now = sum(_came_by(visible.arrivals.get(one.site_id, {}), pace.minutes) for one in inside)
        sums[area_id] = now, sum(then.get(one.site_id, 0) for one in inside)
    return sums


def _last_action(action: Action) -> LastAction | None:
    if action.campaign_id is None or action.drill:
        return None
    past = run(_LAST, {"campaign": action.campaign_id, "starts_at": action.starts_at})
    return LastAction(*past[0]) if past else None


def _last() -> Select[UUID, Translated]:
    return (
        select(Action.id, Action.name)
        .where(
            Action.campaign_id == bindparam("campaign", type_=Uuid()),
            Action.starts_at < bindparam("starts_at", type_=Action.starts_at.type),
            Action.called_off_at.is_(None),
            Action.forgotten_at.is_(None),
            ~Action.drill,
        )
        .order_by(Action.starts_at.desc(), Action.id)
        .limit(1)
    )


_LAST = CachedStatement(_last)


@cached(LRUCache(PLACES_KEPT), lock=threading.Lock())
def _then(past_id: UUID, sites: frozenset[UUID] | None) -> Mapping[int, int]:
    """At which minute so many members of these chapters came, or (None) of everybody's.

    Counted once in each process: it is over.
    """
    whole = _whole(past_id)
    return (whole if sites is None else whole.of_sites(set(sites))).minutes


@cached(LRUCache(4), lock=threading.Lock())
def _then_by_chapter(past_id: UUID, until: int) -> Mapping[UUID | None, int]:
    """How many members of each chapter had come by that minute."""
    return {site_id: _came_by(came, until) for site_id, came in _whole(past_id).arrivals.items()}


@cached(LRUCache(4), lock=threading.Lock())
def _whole(past_id: UUID) -> Board:
    return board(db.session.get_one(Action, past_id), fixed=False)


def _came_by(minutes: Mapping[int, int], until: int) -> int:
    return sum(count for minute, count in minutes.items() if minute <= until)
