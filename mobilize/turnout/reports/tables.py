"""Figures as rows of tables and as JSON. In CSV and JSON headings and states are words of the code, the same
in every language; a workbook is for people, in theirs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from mobilize.languages import _
from mobilize.tabular import Cell, Sheet
from mobilize.turnout.board.sites import board_state
from mobilize.turnout.figures.people import NamedMember
from mobilize.turnout.figures.snapshots import area_figures, board_figures, site_figures, total_figures
from mobilize.turnout.figures.types import COUNTS, AreaTotal, Board, Chapter, NameCounts
from mobilize.turnout.labels import count_label, state_word
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
    outside = (("no site", board.no_site), ("other chapters", board.others))
    return Sheet("turnout", SITE_HEADINGS, rows + _rows_without_site(outside))


def sites_in_words(board: Board) -> Sheet:
    """The same for people, in their language, with the states of the live board."""
    rows = [_site_in_words(chapter) for chapter in board.chapters]
    outside = ((_("No site"), board.no_site), (_("Other chapters"), board.others))
    return Sheet(_("Sites"), _heading_words(SITE_HEADINGS), rows + _rows_without_site(outside))


def areas_sheet(board: Board) -> Sheet:
    """A row an area, then everything together."""
    rows = [list(area_row(area).values()) for area in board.areas]
    total = total_figures(board.total, NAMES, LINE).values()
    return Sheet("turnout", AREA_HEADINGS, [*rows, ["total", *total]])


def workbook(board: Board, about: Iterable[Sequence[Cell]]) -> list[Sheet]:
    """The union (or what is in view of it), its areas and its sites, a sheet each, in the reader's language.
    `about` are rows above the union's figures: of what these are."""
    total = total_figures(board.total, NAMES, LINE)
    last, word = list(total.values()), _("In total")
    figures = zip(_heading_words(total), last, strict=True)
    areas = [list(area_row(area).values()) for area in board.areas]
    # Under the sites' headings: those of the areas but for the number of sites and of those reporting.
    under_sites = [word, "", "", "", *last[len(last) - len(NAMES) - len(LINE) :], "", None, None]
    return [
        Sheet(_("Union"), (_("Figure"), _("Value")), [*about, *figures]),
        Sheet(_("Areas"), _heading_words(AREA_HEADINGS), areas, total=[word, *last]),
        replace(sites_in_words(board), total=under_sites),
    ]


def people_rows(people: Iterable[NamedMember], next_talks: Iterable[Conversation]) -> Iterator[list[Cell]]:
    """Names, under `PEOPLE_HEADINGS`: only in an export, for who may see this chapter. `next` says why to
    talk to somebody first: a word of ours."""
    reasons = {talk.person.member_id: talk.reason.value for talk in next_talks}
    return (_person(person, reasons.get(person.member_id, "")) for person in people)


def site_cells(chapter: Chapter) -> list[Cell]:
    """A chapter's row under `SITE_HEADINGS`."""
    return list((site_row(chapter) | {"fixed_at": chapter.fixed_at}).values())


def _site_in_words(chapter: Chapter) -> list[Cell]:
    words = {"state": state_word(board_state(chapter)), "fixed_at": chapter.fixed_at}
    return list((site_row(chapter) | words).values())


def _rows_without_site(outside: Iterable[tuple[str, NameCounts | None]]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for name, names in outside:
        if names:
            counts = [getattr(names, count) for count in NAMES]
            rows.append(["", name, "", "", *counts, None, None, None, None, "", None, None])
    return rows


def _heading_words(headings: Iterable[str]) -> list[str]:
    words = {
        "site_code": _("Code"),
        "site": _("Site"),
        "area": _("Area"),
        "state": _("State"),
        "sites": _("Sites"),
        "reporting": _("Sites reporting"),
        "hosted": _("By name on this line"),
        "head_count": _("Head count"),
        "peak": _("Peak"),
        "supporters": _("Supporters"),
        "shared_line": _("Shared line"),
        "fixed_at": _("Fixed at"),
        "version": _("Version"),
    } | {count.name: count_label(count) for count in COUNTS}
    return [words[heading] for heading in headings]


def site_row(chapter: Chapter) -> dict[str, Any]:
    """One chapter's figures for machines, under `SITE_HEADINGS`."""
    return site_figures(chapter, NAMES, LINE)


def area_row(area: AreaTotal) -> dict[str, Any]:
    """One area's figures, under `AREA_HEADINGS`."""
    return area_figures(area, NAMES, LINE)


def as_json(board: Board, *, by: str) -> dict[str, Any]:
    """The whole board for machines, `by` "area" or "site"; None is null and means "no report"."""
    return board_figures(board, NAMES, LINE, by=by)


def _person(person: NamedMember, reason: str) -> list[Cell]:
    name, stood = person.name, person.stood
    who: list[Cell] = [name.last, name.preferred or name.first]
    if stood is None:
        return [*who, "no", "yes", "", "", "", reason]
    counted = "yes" if stood.eligible else "no"
    return [*who, "yes", counted, stood.first_at, stood.tier.value, stood.elsewhere or "", ""]
