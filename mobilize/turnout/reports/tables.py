"""Figures as rows of tables and as JSON. Headings are words of the code, the same in every language."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from mobilize.tabular import Cell, Sheet
from mobilize.turnout.figures.people import NamedMember
from mobilize.turnout.figures.snapshots import area_figures, board_figures, site_figures, total_figures
from mobilize.turnout.figures.types import COUNTS, AreaTotal, Board, Chapter
from mobilize.turnout.reports.follow_ups import Conversation

# Above the headings of a rehearsal's file.
DRILL = "DRILL - a rehearsal, in no total"
NAMES = tuple(count.name for count in COUNTS if count.in_files)
LINE = ("hosted", "head_count", "peak", "supporters")
AREA_HEADINGS = ("area", "sites", "reporting", *NAMES, *LINE)
SITE_HEADINGS = ("site_code", "site", "area", "state", *NAMES, *LINE, "shared_line", "fixed_at", "version")
PEOPLE_HEADINGS = ("last_name", "first_name", "came", "eligible", "first_at_utc", "strength", "place", "next")


def sites_sheet(board: Board) -> Sheet:
    """A row a chapter, then the members without one, where they are in view."""
    rows = [site_cells(chapter) for chapter in board.chapters]
    for name, names in (("no site", board.no_site), ("other chapters", board.others)):
        if names:
            counts = [getattr(names, count) for count in NAMES]
            rows.append(["", name, "", "", *counts, None, None, None, None, "", None, None])
    return Sheet("turnout", SITE_HEADINGS, rows)


def areas_sheet(board: Board) -> Sheet:
    """A row an area, then everything together."""
    rows = [list(area_row(area).values()) for area in board.areas]
    total = total_figures(board.total, NAMES, LINE).values()
    return Sheet("turnout", AREA_HEADINGS, [*rows, ["total", *total]])


def workbook(board: Board, about: Iterable[Sequence[Cell]]) -> list[Sheet]:
    """The union (or what is in view of it), its areas and its sites, a sheet each. `about` are rows above the
    union's figures: of what these are."""
    total = total_figures(board.total, NAMES, LINE)
    last = list(total.values())
    areas = [list(area_row(area).values()) for area in board.areas]
    # Under the sites' headings: those of the areas but for the number of sites and of those reporting.
    under_sites = ["total", "", "", "", *last[len(last) - len(NAMES) - len(LINE) :], "", None, None]
    return [
        Sheet("union", ("figure", "value"), [*about, *total.items()]),
        Sheet("areas", AREA_HEADINGS, areas, total=["total", *last]),
        replace(sites_sheet(board), name="sites", total=under_sites),
    ]


def people_rows(people: Iterable[NamedMember], next_talks: Iterable[Conversation]) -> Iterator[list[Cell]]:
    """Names, under `PEOPLE_HEADINGS`: only in an export, for who may see this chapter. `next` says why to
    talk to somebody first: a word of ours."""
    why = {talk.person.member_id: talk.why.value for talk in next_talks}
    return (_person(person, why.get(person.member_id, "")) for person in people)


def site_cells(chapter: Chapter) -> list[Cell]:
    """A chapter's row under `SITE_HEADINGS`."""
    return list((site_row(chapter) | {"fixed_at": chapter.fixed_at}).values())


def site_row(chapter: Chapter) -> dict[str, Any]:
    """One chapter's figures for machines, under `SITE_HEADINGS`."""
    return site_figures(chapter, NAMES, LINE)


def area_row(area: AreaTotal) -> dict[str, Any]:
    """One area's figures, under `AREA_HEADINGS`."""
    return area_figures(area, NAMES, LINE)


def as_json(board: Board, *, by: str) -> dict[str, Any]:
    """The whole board for machines, `by` "area" or "site"; None is null and means "no report"."""
    return board_figures(board, NAMES, LINE, by=by)


def _person(person: NamedMember, why: str) -> list[Cell]:
    name, stood = person.name, person.stood
    who: list[Cell] = [name.last, name.preferred or name.first]
    if stood is None:
        return [*who, "no", "yes", "", "", "", why]
    counted = "yes" if stood.eligible else "no"
    return [*who, "yes", counted, stood.first_at, stood.tier.value, stood.elsewhere or "", ""]
