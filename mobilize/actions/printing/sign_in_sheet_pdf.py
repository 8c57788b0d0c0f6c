"""The paper sign-in sheet as PDF, for when phones fail; keyed in afterwards."""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import BinaryIO

from reportlab.lib.colors import Color

from mobilize.actions.time_ranges import day_line, hours_line
from mobilize.keys.tokens import spaced_code
from mobilize.languages import LANGUAGES, N_, Translated, in_each, say_in
from mobilize.printing.fonts import BOLD, REGULAR
from mobilize.printing.pdf import (
    HAIRLINE,
    INK,
    QUIET,
    TINT,
    WHITE,
    Align,
    Page,
    draw,
    on_colour,
    open_page,
    rule,
)
from mobilize.printing.text_layout import fit, fit_blocks

# 9 mm a line: signed with a glove on, standing, on a clipboard.
ROW = 25.5
BAND = 30.0
COLUMN_GAP = 14.0
NUMBER_WIDTH = 26.0
HEAD_ROW = 16.0
# Band, site, action and day, and the gaps between them.
HEAD = 108.0
FOOT_LINE = 13.0
WALK_IN_HEAD = 44.0

PRIVACY = N_("Hand this sheet only to your chair. Chair: destroy it after keying it in.")


@dataclass(frozen=True, slots=True)
class SheetName:
    """One member of the chapter. `ref` (the member's id) keeps namesakes in a stable order and is not
    printed."""

    last: str
    first: str
    ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInSheet:
    """One event's sheet. Times are local to the site; `names` in any order; `walk_in_lines` are blank.
    `printed` says at the foot of each page who made it and when."""

    site: str
    area: str
    action: Translated
    starts_at: datetime
    ends_at: datetime
    code: str
    names: Sequence[SheetName]
    walk_in_lines: int = 12
    drill: bool = False
    printed: str = ""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One page: the lines of its left and right column (number, name), and the lines for walk-ins below."""

    columns: tuple[Sequence[tuple[int, SheetName]], Sequence[tuple[int, SheetName]]]
    walk_ins: range


def sign_in_sheet_pdf(
    sheet: SignInSheet, out: BinaryIO, *, union_name: str, colour: str, paper: str = "letter"
) -> None:
    """Write the sheet of one event to `out`: the chapter's names, surname first, each with a number and room
    to sign, and lines for walk-ins. The numbers are the places in `sheet_order`: a chair keys in numbers."""
    page = open_page(out, title=f"{sheet.site}: sign-in sheet", author=union_name, colour=colour, paper=paper)
    leaves = _leaves(sheet, page)
    for number, leaf in enumerate(leaves, start=1):
        top = _draw_head(page, sheet, union_name, f"{number} / {len(leaves)}")
        top = _draw_names(page, leaf, top)
        _draw_walk_ins(page, leaf.walk_ins, top)
        _draw_foot(page, sheet)
        page.canvas.showPage()
    page.canvas.save()


def sheet_order(names: Iterable[SheetName]) -> list[SheetName]:
    """By surname, then first name, whatever the accents and capitals, then `ref`. Line 1 is the first."""
    return sorted(names, key=lambda name: (_folded(name.last), _folded(name.first), name.ref))


def sheet_mark(names: Iterable[SheetName]) -> str:
    """Four signs that change when the numbering does: printed on the sheet, and shown by the page on which it
    is keyed in, so that a sheet printed before a roster import is not keyed in by number."""
    order = "\n".join(f"{name.ref}\t{name.last}\t{name.first}" for name in sheet_order(names))
    return hashlib.sha256(order.encode()).hexdigest()[:4].upper()


def _folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _leaves(sheet: SignInSheet, page: Page) -> list[_Leaf]:
    """Names fill the left column, then the right; walk-ins go under the last names or on their own page."""
    numbered = list(enumerate(sheet_order(sheet.names), start=1))
    full = int((page.top - page.bottom - HEAD - _foot() - HEAD_ROW) / ROW)
    leaves = []
    for start in range(0, len(numbered), 2 * full):
        part = numbered[start : start + 2 * full]
        rows = full if len(part) == 2 * full else -(-len(part) // 2)
        leaves.append(_Leaf((part[:rows], part[rows:]), range(0)))
    return _with_walk_ins(leaves, sheet.walk_in_lines, full)


def _with_walk_ins(leaves: list[_Leaf], lines: int, full: int) -> list[_Leaf]:
    used = len(leaves[-1].columns[0]) if leaves else 0
    room = full - used - 2 if used else full - 1
    first = min(max(room, 0), lines)
    if leaves and first >= min(lines, 4):
        leaves[-1] = _Leaf(leaves[-1].columns, range(1, first + 1))
        return leaves
    return [*leaves, _Leaf(((), ()), range(1, min(lines, full - 1) + 1))]


def _draw_head(page: Page, sheet: SignInSheet, union_name: str, number: str) -> float:
    _draw_band(page, sheet, union_name, number)
    site = fit_blocks(((sheet.site,),), BOLD, width=page.width, height=22, largest=22, smallest=7)[0][0]
    y = draw(page, site, page.top - BAND - 12)
    actions = " / ".join(sheet.action.in_(language) for language in LANGUAGES)
    y = draw(page, fit(actions, REGULAR, width=page.width, largest=12, smallest=6), y - 9)
    hours = (hours_line(sheet.starts_at, sheet.ends_at, language) for language in LANGUAGES)
    days = (day_line(sheet.starts_at, language, year=True) for language in LANGUAGES)
    time_line = " / ".join(f"{day}, {span}" for day, span in zip(days, hours, strict=True))
    draw(page, fit(time_line, REGULAR, width=page.width, largest=12, smallest=6), y - 7, colour=QUIET)
    return page.top - HEAD


def _draw_band(page: Page, sheet: SignInSheet, union_name: str, number: str) -> None:
    """As on the poster: full of colour for the real thing, empty and labelled for a drill."""
    canvas, middle = page.canvas, page.top - BAND / 2
    canvas.setFillColor(WHITE if sheet.drill else page.colour)
    canvas.setStrokeColor(page.colour)
    canvas.setLineWidth(2)
    canvas.rect(page.left, page.top - BAND, page.width, BAND, stroke=1, fill=1)
    colour = INK if sheet.drill else on_colour(page.colour)
    title = in_each(N_("DRILL")) if sheet.drill else in_each(N_("Sign-in sheet"))
    places: tuple[tuple[str, Align], ...] = ((union_name, "left"), (title, "center"), (number, "right"))
    for (text, align), share in zip(places, (0.4, 0.42, 0.12), strict=True):
        words = fit(text, BOLD, width=page.width * share, largest=12.5, smallest=6)
        inside = (page.left + 10, page.right - 10)
        if align == "center":
            inside = (page.left + page.width * 0.43, page.left + page.width * 0.86)
        draw(
            page,
            words,
            middle + words.height / 2,
            left=inside[0],
            right=inside[1],
            align=align,
            colour=colour,
        )


def _draw_names(page: Page, leaf: _Leaf, top: float) -> float:
    """Both columns of names; the answer is where they end."""
    if not leaf.columns[0]:
        return top
    width = (page.width - COLUMN_GAP) / 2
    for column, lines in enumerate(leaf.columns):
        left = page.left + column * (width + COLUMN_GAP)
        if lines:
            _draw_column_head(page, left, width, top)
        for row, (number, name) in enumerate(lines):
            _draw_line(page, f"{number}", _full_name(name), left, width, top - HEAD_ROW - row * ROW)
    return top - HEAD_ROW - len(leaf.columns[0]) * ROW


def _draw_column_head(page: Page, left: float, width: float, top: float) -> None:
    split = left + width * 0.66
    heads = ("No. / " + in_each(N_("Name")), in_each(N_("Sign")))
    for text, start in zip(heads, (left + 2, split + 6), strict=True):
        draw(
            page,
            fit(text, BOLD, width=width * 0.6, largest=8.5, smallest=6),
            top - 3,
            left=start,
            colour=QUIET,
        )
    _line(page, left, left + width, top - HEAD_ROW, INK, 1)


def _draw_line(page: Page, number: str, name: str, left: float, width: float, top: float) -> None:
    """One row: its number, the name, a tinted field to sign in, a hairline under it."""
    split = left + width * 0.66
    page.canvas.setFillColor(TINT)
    page.canvas.rect(split, top - ROW + 2, width * 0.34, ROW - 4, stroke=0, fill=1)
    middle = top - ROW / 2
    digits = fit(number, REGULAR, width=NUMBER_WIDTH - 8, largest=10, smallest=6)
    draw(page, digits, middle + digits.height / 2, right=left + NUMBER_WIDTH - 6, align="right", colour=QUIET)
    if name:
        room = split - left - NUMBER_WIDTH - 6
        block = fit_blocks(((name,),), REGULAR, width=room, height=ROW - 6, largest=12, smallest=6)[0][0]
        draw(page, block, middle + block.height / 2, left=left + NUMBER_WIDTH)
    _line(page, left, left + width, top - ROW, HAIRLINE, 0.5)


def _full_name(name: SheetName) -> str:
    return ", ".join(part for part in (name.last.strip(), name.first.strip()) if part)


def _draw_walk_ins(page: Page, lines: range, top: float) -> None:
    """Blank lines over the whole width, numbered W1, W2 ... so that they are never taken for a member's."""
    if not lines:
        return
    title = fit(
        in_each(N_("Not on the list? Write yourself in.")), BOLD, width=page.width, largest=12, smallest=7
    )
    draw(page, title, top - 14)
    heads = (in_each(N_("Name")), in_each(N_("Site")), in_each(N_("Sign")))
    starts = (page.left + NUMBER_WIDTH, page.left + page.width * 0.45, page.left + page.width * 0.78)
    for text, left in zip(heads, starts, strict=True):
        draw(page, fit(text, BOLD, width=120, largest=8.5, smallest=6), top - 33, left=left, colour=QUIET)
    top -= WALK_IN_HEAD
    rule(page, top, thickness=1)
    for row, number in enumerate(lines):
        middle = top - (row + 0.5) * ROW
        page.canvas.setFillColor(TINT)
        for left, right in zip(starts, (*starts[1:], page.right + 6), strict=True):
            page.canvas.rect(left, middle - ROW / 2 + 2, right - left - 6, ROW - 4, stroke=0, fill=1)
        mark = fit(f"W{number}", REGULAR, width=NUMBER_WIDTH - 6, largest=10, smallest=6)
        draw(page, mark, middle + 3.6, right=starts[0] - 6, align="right", colour=QUIET)


def _draw_foot(page: Page, sheet: SignInSheet) -> None:
    rule(page, page.bottom + _foot() - 8, thickness=1, colour=page.colour)
    y = page.bottom + _foot() - 13
    listed = " ".join((spaced_code(sheet.code), "·", in_each(N_("List")), sheet_mark(sheet.names)))
    for language, mark in zip_longest(LANGUAGES, (sheet.printed or sheet.area, listed), fillvalue=""):
        words = say_in(language, PRIVACY)
        draw(page, fit(mark, BOLD, width=page.width * 0.3, largest=9, smallest=6), y, align="right")
        y = draw(page, fit(words, REGULAR, width=page.width * 0.68, largest=9, smallest=6), y) - 4


def _foot() -> float:
    """The height of the foot: a line in each language, and a rule above."""
    return 8 + FOOT_LINE * len(LANGUAGES)


def _line(page: Page, left: float, right: float, y: float, colour: Color, thickness: float) -> None:
    page.canvas.setStrokeColor(colour)
    page.canvas.setLineWidth(thickness)
    page.canvas.line(left, y, right, y)
