"""The board as many people watch it at once: counted at most once a second in each process.

While nothing happens, it is not even counted: a few cheap questions tell that nothing was added. And while
people stream in, only the members about whom there is newer evidence are looked at again.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.scope import Scope
from mobilize.actions.models import Action, Event, EventState
from mobilize.checkins.models import Evidence, HeadCount, Match, Supporters, Void
from mobilize.database import db
from mobilize.roster.models import Site
from mobilize.turnout.figures import Board
from mobilize.turnout.queries import Seen, board, closed_board, see, see_again

# An answer this old (seconds) is counted anew, if anything happened at all.
KEEP = 1.0
# And this old whatever the cheap questions say: they do not ask about the roster, nor about settings.
KEEP_AT_MOST = 30.0
# Ids carry their time. One that was made by a slower transaction may appear behind a newer one, but not
# for longer than this (seconds): only a board whose newest row is older counts as quiet.
SETTLES_IN = 5.0
ACTIONS_KEPT = 16
# Of the signs, those whose change may touch anybody's attendance: take-backs, matches, events.
_STEADY = slice(3, -1)
ANSWERS_KEPT = 200


@dataclass(frozen=True, slots=True)
class Said:
    """A board as it was written down for somebody: the bytes, and the name of this state of it."""

    body: bytes
    etag: str


@dataclass(slots=True)
class _Kept:
    """A board, when it was counted and last looked after, and what it looked like behind it.

    `all_seen` is when every member was looked at last.
    """

    board: Board
    counted: float
    asked: float
    signs: tuple[Any, ...]
    quiet: bool
    seen: Seen | None
    all_seen: float


_kept: dict[UUID, _Kept] = {}
_said: dict[Any, tuple[Board, Said]] = {}
# One thread counts, the others wait for its answer.
_one_counts = threading.Lock()


def board_for(action: Action, scope: Scope, *, oldest: float = KEEP) -> Board | None:
    """What `scope` sees of an action's board, at most `oldest` seconds old; None when that is nothing.

    A whole union's board for whoever sees everything; else only the chapters in scope, without "no site".
    """
    return _seen_by(_fresh(action, oldest), scope)


def said_for(
    action: Action, scope: Scope, way: tuple[object, ...], write: Callable[[Board], Said]
) -> Said | None:
    """What `write` made of the board that `scope` sees, kept while the board is the same; None for nothing.

    `way` tells apart what is written differently for the same scope: language, with a page or without.
    """
    whole = _fresh(action, KEEP)
    key = (action.id, scope, way)
    held = _said.get(key)
    if held and held[0] is whole:
        return held[1]
    visible = _seen_by(whole, scope)
    if visible is None:
        return None
    said = write(visible)
    if len(_said) >= ANSWERS_KEPT:
        _said.clear()
    _said[key] = (whole, said)
    return said


def forget() -> None:
    """Count anew next time. For tests, and after what changes figures at once."""
    with _one_counts:
        _kept.clear()
        _said.clear()


def _seen_by(whole: Board, scope: Scope) -> Board | None:
    if scope.everything:
        return whole
    visible = whole.of_sites(set(db.session.scalars(scope.limit(select(Site.id)))))
    return visible if visible.chapters else None


def _fresh(action: Action, oldest: float) -> Board:
    with _one_counts:
        held = _kept.get(action.id)
        if held is None:
            return _count(action)
        if time.monotonic() - held.asked <= oldest:
            return held.board
        signs = _signs(action)
        if held.quiet and time.monotonic() - held.counted < KEEP_AT_MOST and signs == held.signs:
            held.asked = time.monotonic()
            return held.board
        return _count(action, signs)


def _count(action: Action, signs: tuple[Any, ...] | None = None) -> Board:
    # The signs first: what happens in between is then seen as a change, and counted again.
    started = time.monotonic()
    signs = signs or _signs(action)
    held = _kept.pop(action.id, None)
    closed = closed_board(action)
    seen, all_seen = (None, 0.0) if closed else _see(action, held, signs, started)
    counted = replace(closed or board(action, seen=seen), as_of=clock.now())
    if held and held.board == counted:
        counted = held.board  # the same figures: what was written of them stays good
    while len(_kept) >= ACTIONS_KEPT:
        _kept.pop(next(iter(_kept)))
    _kept[action.id] = _Kept(counted, started, started, signs, _is_settled(signs), seen, all_seen)
    return counted


def _see(action: Action, held: _Kept | None, signs: tuple[Any, ...], now: float) -> tuple[Seen, float]:
    """Who was there, and when everybody was looked at: now, or some only when nothing else has changed."""
    if held is None or held.seen is None or now - held.all_seen > KEEP_AT_MOST or not held.seen.frozen:
        return see(action, frozen=_is_frozen(action)), now
    if signs[_STEADY] != held.signs[_STEADY]:
        return see(action, frozen=_is_frozen(action)), now
    see_again(action, held.seen, _members_since(held.signs[0]))
    return held.seen, held.all_seen


def _is_frozen(action: Action) -> bool:
    still = select(Event.id).where(
        Event.action_id == action.id, Event.frozen_at.is_(None), Event.state != EventState.CALLED_OFF
    )
    return db.session.scalar(still.limit(1)) is None


def _members_since(newest: UUID | None) -> Sequence[UUID]:
    """Members about whom there is evidence behind that one, or just before it: see `SETTLES_IN`."""
    query = select(Evidence.member_id).where(Evidence.member_id.is_not(None)).distinct()
    if newest:
        before = max((newest.int >> 80) - int(SETTLES_IN * 1000), 0)
        query = query.where(Evidence.id > UUID(int=before << 80))
    return [member for member in db.session.scalars(query) if member]


def _signs(action: Action) -> tuple[Any, ...]:
    """What changes whenever a figure of this action may have changed: newest ids, and how many take-backs."""
    session = db.session
    newest = [_newest(table) for table in (Evidence, HeadCount, Supporters)]
    taken_back = [session.scalar(select(func.count()).select_from(table)) for table in (Void, Match)]
    of_events = select(
        func.count(), func.sum(Event.version), func.count(Event.frozen_at), func.count(Event.closed_at)
    )
    events = session.execute(of_events.where(Event.action_id == action.id)).one()
    heads = select(func.count(HeadCount.voided_at)).join(Event, Event.id == HeadCount.event_id)
    voided = session.scalar(heads.where(Event.action_id == action.id))
    return (*newest, *taken_back, *events, voided)


def _newest(table: Any) -> UUID | None:
    found: UUID | None = db.session.scalar(select(table.id).order_by(table.id.desc()).limit(1))
    return found


def _is_settled(signs: tuple[Any, ...]) -> bool:
    """The newest row, whose id holds milliseconds since 1970 in its first 48 bits, is some seconds old."""
    made = [sign.int >> 80 for sign in signs[:3] if sign]
    return not made or time.time() - max(made) / 1000 > SETTLES_IN
