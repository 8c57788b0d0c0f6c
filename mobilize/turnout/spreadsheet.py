"""Figures as CSV, XLSX and JSON. Headings are words of the code, the same in every language."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mobilize.turnout.conversations import Conversation
from mobilize.turnout.figures import AreaTotal, Board, Chapter, Line, Names, Total
from mobilize.turnout.people import Named

# What a spreadsheet would run as a formula: OWASP, "CSV Injection".
FORMULA = ("=", "+", "-", "@", "\t", "\r")

# Above the headings of a rehearsal's file.
DRILL = "DRILL - a rehearsal, in no total"
NAMES = ("eligible", "came", "share_percent", "also_there", "named", "verified", "vouched", "self_reported")
LINE = ("hosted", "head_count", "peak", "supporters")
AREA_HEADINGS = ("area", "sites", "reporting", *NAMES, *LINE)
SITE_HEADINGS = ("site_code", "site", "area", "state", *NAMES, *LINE, "shared_line", "fixed_at", "version")
PEOPLE_HEADINGS = ("last_name", "first_name", "came", "eligible", "first_at_utc", "strength", "place", "next")


def to_csv(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV with CRLF (RFC 4180). None is an empty cell: "no report" is not zero. Text is never a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(headings)
    writer.writerows([defused(cell) for cell in row] for row in rows)
    return out.getvalue()


def defused(cell: object) -> object:
    """The cell, with an apostrophe before text that a spreadsheet would take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def sites_csv(board: Board) -> str:
    """A row a chapter, then the members without one, where they are in view."""
    rows = [list(site_row(chapter).values()) for chapter in board.chapters]
    for name, names in (("no site", board.no_site), ("other chapters", board.others)):
        if names:
            rows.append(["", name, "", "", *_names(names).values(), None, None, None, None, "", "", ""])
    return to_csv(SITE_HEADINGS, rows)


def sites_xlsx(board: Board, *, drill: bool = False) -> bytes:
    """The rows of `sites_csv` as a workbook. Text is never a formula there either."""
    from openpyxl import Workbook  # 6 MB, for the one page that asks for a workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("DRILL turnout" if drill else "turnout")
    if drill:
        sheet.append([DRILL])
    for row in csv.reader(io.StringIO(sites_csv(board))):
        sheet.append([_number(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def areas_csv(board: Board) -> str:
    """A row an area, then everything together."""
    rows = [list(area_row(area).values()) for area in board.areas]
    return to_csv(AREA_HEADINGS, [*rows, ["total", *_total(board.total).values()]])


def people_rows(people: Iterable[Named], next_talks: Iterable[Conversation]) -> Iterator[list[object]]:
    """Names, under `PEOPLE_HEADINGS`: only in an export, for who may see this chapter. `next` says why to
    talk to somebody first: a word of ours."""
    why = {talk.person.member_id: talk.why.value for talk in next_talks}
    return (_person(person, why.get(person.member_id, "")) for person in people)


def site_row(chapter: Chapter) -> dict[str, Any]:
    """One chapter's figures, under `SITE_HEADINGS`."""
    return {
        "site_code": chapter.code,
        "site": chapter.name,
        "area": chapter.area,
        "state": chapter.state.value,
        **_names(chapter.names),
        **_line(chapter.line),
        # The line's numbers belong to all chapters that share it: do not add them up.
        "shared_line": chapter.line.chapters > 1,
        "fixed_at": chapter.fixed_at.isoformat() if chapter.fixed_at else None,
        "version": chapter.version,
    }


def area_row(area: AreaTotal) -> dict[str, Any]:
    """One area's figures, under `AREA_HEADINGS`."""
    return {"area": area.name, **_total(area.total)}


def as_json(board: Board, *, by: str) -> dict[str, Any]:
    """The whole board for machines, `by` "area" or "site"; None is null and means "no report"."""
    total = board.total
    found: dict[str, Any] = {
        "action": str(board.action_id),
        "total": {**_total(total), "with_chapter": _names(board.with_chapter)},
        "no_site": _names(board.no_site) if board.no_site else None,
        "other_chapters": _names(board.others) if board.others else None,
    }
    if by == "area":
        found["areas"] = [area_row(area) for area in board.areas]
    else:
        found["sites"] = [site_row(chapter) for chapter in board.chapters]
    return found


def percent(share: float | None) -> float | None:
    """A share as it is printed everywhere: one decimal."""
    return None if share is None else round(share * 100, 1)


def _total(total: Total) -> dict[str, Any]:
    counted = {"sites": total.sites, "reporting": total.reporting}
    return {**counted, **_names(total.names), **_line(total.line)}


def _names(names: Names) -> dict[str, Any]:
    return {n: percent(names.share) if n == "share_percent" else getattr(names, n) for n in NAMES}


def _line(line: Line) -> dict[str, Any]:
    return {name: getattr(line, name) for name in LINE}


def _number(cell: str) -> object:
    """A count as a number; a site's code keeps its zeros."""
    short = len(cell) < 8 and not (len(cell) > 1 and cell.startswith("0") and "." not in cell)
    try:
        return (float(cell) if "." in cell else int(cell)) if short else cell
    except ValueError:
        return cell or None


def _person(person: Named, why: str) -> list[object]:
    name, stood = person.name, person.stood
    who = [name.last, name.preferred or name.first]
    if stood is None:
        return [*who, "no", "yes", "", "", "", why]
    counted = "yes" if stood.eligible else "no"
    return [*who, "yes", counted, stood.first_at.isoformat(), stood.tier.value, stood.elsewhere or "", ""]
