"""The challenge pack: method, gaps and counts behind a statement, for whoever doubts it; never a name.

Put together from a board and the action's evidence as one dict that is stored as it is, beside the statement.
What outsiders may read of it is `for_outsiders`.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.models import Action, Event, EventState
from mobilize.checkins.models import Outcome
from mobilize.checkins.review.evidence_counts import (
    by_method,
    flags_of,
    left_out,
    taken_back,
    unmatched_by_event,
)
from mobilize.database import db
from mobilize.tabular import Cell
from mobilize.turnout.figures.disclosure_control import hidden, hidden_rows, public_line_state
from mobilize.turnout.figures.types import SMALLEST, Board, Chapter, NameCounts

SITE_HEADINGS = (
    "area", "site", "state", "eligible", "came", "verified", "vouched", "self_reported", "also_there",
    "head_count", "supporters", "unmatched",
)  # fmt: skip
_SPLIT = ("verified", "vouched", "self_reported")

Pack = dict[str, Any]


def challenge_pack(action: Action, board: Board) -> Pack:
    """Everything, for those who answer for the number. `no_site` are members without a chapter, `others`
    those of chapters that had no event here; both None where there are none."""
    held = Event.action_id == action.id, Event.state != EventState.CALLED_OFF
    events = db.session.scalars(select(Event.id).where(*held)).all()
    came_to, flags = left_out(events), flags_of(events)
    unmatched = unmatched_by_event([] if action.forgotten_at else events)
    return {
        "sites": [_site(chapter, _of(chapter, unmatched)) for chapter in board.chapters],
        "no_site": _names(board.no_site) if board.no_site else None,
        "others": _names(board.others) if board.others else None,
        "split": _names(board.total.names),
        "with_chapter_eligible": board.with_chapter.eligible,
        "shared_lines": any(chapter.line.chapters > 1 for chapter in board.chapters),
        "methods": {method.value: count for method, count in by_method(events).items()},
        "unmatched": sum(unmatched.values()),
        "outside_hours": came_to.get(Outcome.OUTSIDE_HOURS, 0),
        "unresolved": came_to.get(Outcome.UNRESOLVED, 0),
        "left_out": sum(came_to.values()),
        "taken_back": taken_back(events),
        "silent": [chapter.name for chapter in board.silent],
        "open_sites": sum(chapter.fixed_at is None for chapter in board.chapters),
        "corrected_sites": sum((chapter.version or 1) > 1 for chapter in board.chapters),
        "more_names_than_people": [c.name for c in board.chapters if c.more_names_than_people],
        "busy_devices": flags.busy_devices,
        "two_places": flags.two_places,
        "bursts": flags.bursts,
    }


def for_outsiders(pack: Pack, *, final: bool) -> Pack:
    """The pack without what would tell of fewer than five, or give such a count away; None is not said.

    Before the named totals are `final` nothing that a typed number moves: no names, methods, gaps, flags.
    """
    return _final(pack) if final else _before(pack)


def _before(pack: Pack) -> Pack:
    names = ("came", "also_there", *_SPLIT, "unmatched")
    unchanged = ("silent", "open_sites", "with_chapter_eligible", "shared_lines")
    sites = [
        {**site, **dict.fromkeys(names), "state": public_line_state(site["head_count"]).value}
        for site in pack["sites"]
    ]
    split = {"eligible": pack["split"]["eligible"], **dict.fromkeys(("came", *_SPLIT))}
    public = {name: pack[name] for name in unchanged} | {"methods": {}, "sites": sites, "split": split}
    return dict.fromkeys(pack) | public


def _final(pack: Pack) -> Pack:
    areas = _by_area(pack["sites"])
    counts = hidden([*(_sum(sites, "came") for sites in areas), *_beside(pack, "came")])
    # Areas whose own split gives somebody away; what stands in none of them is one more part of the total.
    splits = [[sum(s[name] for s in sites) for name in _SPLIT] for sites in areas]
    shut = hidden_rows([*splits, [sum(_beside(pack, name)) for name in _SPLIT]])
    disclosed = [
        row
        for n, sites in enumerate(areas)
        for row in _disclosed_sites(sites, with_came=counts[n] is not None, split=n not in shut)
    ]
    methods = hidden(list(pack["methods"].values()))
    return {
        **pack,
        "sites": disclosed,
        "no_site": None,
        "others": None,
        "split": _disclosed_split(pack["split"]),
        "methods": dict(zip(pack["methods"], methods, strict=True)),
        # Which of them matched nobody is told by one of them that somebody sends months later.
        **dict.fromkeys(("unmatched", "outside_hours", "unresolved")),
        **{name: _large_or_none(pack[name]) for name in ("left_out", "taken_back", "two_places")},
    }


def site_rows(pack: Pack) -> list[list[Cell]]:
    """A row a site under `SITE_HEADINGS`; what is not said is said so."""
    named = {"came", "also_there", "unmatched", *_SPLIT}
    return [
        ["not shown" if site[n] is None and n in named else site[n] for n in SITE_HEADINGS]
        for site in pack["sites"]
    ]


def _of(chapter: Chapter, by_event: Mapping[UUID, int]) -> int:
    return by_event.get(chapter.line.event_id, 0) if chapter.line.event_id else 0


def _site(chapter: Chapter, unmatched: int) -> dict[str, Any]:
    return {
        "area": chapter.area,
        "site": chapter.name,
        "state": chapter.state.value,
        **_names(chapter.names),
        "head_count": chapter.line.head_count,
        "supporters": chapter.line.supporters,
        "unmatched": unmatched,
    }


def _names(names: NameCounts) -> dict[str, int]:
    listed = ("eligible", "came", "also_there", *_SPLIT)
    return {name: getattr(names, name) for name in listed}


def _by_area(sites: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    by_area: dict[str, list[dict[str, Any]]] = {}
    for site in sites:
        by_area.setdefault(site["area"], []).append(site)
    return list(by_area.values())


def _disclosed_sites(sites: list[dict[str, Any]], *, with_came: bool, split: bool) -> list[dict[str, Any]]:
    """One area's sites; none of their counts where the area's own is not disclosed."""
    # Where a handful stayed away, the count tells of those.
    small = hidden_rows([[s["came"], s["eligible"] - s["came"] if s["came"] else 0] for s in sites])
    came = [site["came"] if with_came and n not in small else None for n, site in enumerate(sites)]
    # Who also was there is the difference between the split and those who came.
    shut = hidden_rows([[*(s[name] for name in _SPLIT), s["also_there"]] for s in sites]) if split else set()
    return [
        {
            **site,
            # A state that comes of a share tells as much as the share.
            "state": site["state"] if count is not None or site["state"] in ("none", "zero") else "",
            "came": count,
            "also_there": None,
            "unmatched": None,
            **{
                name: site[name] if split and count is not None and n not in shut else None for name in _SPLIT
            },
        }
        for n, (site, count) in enumerate(zip(sites, came, strict=True))
    ]


def _disclosed_split(names: dict[str, int]) -> dict[str, int | None]:
    """The total's: as `disclosure_control.final_names` says it beside the headline."""
    came = _large_or_none(names["came"])
    is_disclosed = came is not None and _large_or_none(names["also_there"]) is not None
    split = hidden([names[name] for name in _SPLIT]) if is_disclosed else (None,) * len(_SPLIT)
    return {"eligible": names["eligible"], "came": came, **dict(zip(_SPLIT, split, strict=True))}


def _sum(sites: Sequence[dict[str, Any]], name: str) -> int:
    return sum(site[name] for site in sites)


def _beside(pack: Pack, name: str) -> list[int]:
    return [part[name] for part in (pack["no_site"], pack["others"]) if part]


def _large_or_none(count: int) -> int | None:
    return None if 0 < count < SMALLEST else count
