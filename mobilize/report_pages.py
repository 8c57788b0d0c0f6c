"""Reports on paper: one big number, the key figures, tables that break over pages, and who made it when.

Every word comes from the caller, in the reader's language: this only sets type.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from reportlab.lib.colors import Color

from mobilize.lettering import BOLD, REGULAR, Fitted, fit, fit_blocks, text_width
from mobilize.pdf import (
    HAIRLINE,
    INK,
    QUIET,
    TINT,
    Align,
    Page,
    draw,
    on_colour,
    open_page,
    rule,
)

BAND = 28.0
FOOT = 28.0
PADDING = 6.0
TEXT_SIZE = 10.0
HEADING_SIZE = 14.0
FIGURE_HEIGHT = 64.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure: `value` as it is to be read ("41 of 62"), what it counts, and perhaps a remark."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, how it is aligned, and its share of the width beside the other columns' shares."""

    heading: str
    align: Align = "left"
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells as they are to be read. `total` stands below them in bold, `note` under the heading.
    A table without rows shows `empty`, which should say why."""

    heading: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    total: Sequence[str] = ()
    note: str = ""
    empty: str = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPages:
    """A whole report. `made` says who, when and which version; `pages` how a page is numbered, for example
    "Page {page} of {pages}"; `colour` is the union's as #rrggbb; `language` is that of all the words."""

    union_name: str
    title: str
    subtitle: str
    big_number: str
    big_label: str
    made: str
    big_note: str = ""
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    remarks: Sequence[str] = ()
    colour: str = "#8a1420"
    pages: str = "{page} / {pages}"
    paper: str = "letter"
    language: str = "en"


@dataclass(frozen=True, slots=True)
class _Block:
    """A piece that stays on one page: its height, and how it is drawn with its top at a given height.
    `with_next` keeps a heading with what follows; `again` comes first where its table goes on."""

    height: float
    draw: Callable[[Page, float], None]
    with_next: bool = False
    again: tuple["_Block", ...] = ()


def report_pdf(report: ReportPages, out: BinaryIO) -> None:
    """Write `report` to `out`, on as many pages as it takes; the headings of a table are repeated on each."""
    page = open_page(
        out,
        title=f"{report.title} – {report.subtitle}",
        author=report.union_name,
        colour=report.colour,
        paper=report.paper,
        language=report.language,
    )
    leaves = _leaves(_blocks(page, report), page.top - BAND - 14 - (page.bottom + FOOT))
    for number, blocks in enumerate(leaves, start=1):
        _draw_frame(page, report, report.pages.format(page=number, pages=len(leaves)), again=number > 1)
        top = page.top - BAND - 14
        for block in blocks:
            block.draw(page, top)
            top -= block.height
        page.canvas.showPage()
    page.canvas.save()


def _leaves(blocks: Sequence[_Block], room: float) -> list[list[_Block]]:
    """The blocks page by page. A heading is never the last thing on a page."""
    leaves: list[list[_Block]] = [[]]
    left = room
    for number, block in enumerate(blocks):
        if _needed(blocks, number) > left and leaves[-1]:
            leaves.append(list(block.again))
            left = room - sum(one.height for one in block.again)
        leaves[-1].append(block)
        left -= block.height
    return leaves


def _needed(blocks: Sequence[_Block], start: int) -> float:
    end = start
    while blocks[end].with_next and end + 1 < len(blocks):
        end += 1
    return sum(block.height for block in blocks[start : end + 1])


def _blocks(page: Page, report: ReportPages) -> list[_Block]:
    blocks = [_title(page, report), _big_number(page, report)]
    in_a_row = 4 if len(report.figures) % 4 == 0 else 3
    for start in range(0, len(report.figures), in_a_row):
        blocks.append(_figures(page, report.figures[start : start + in_a_row], in_a_row))
    blocks += [block for table in report.tables for block in _table(page, table)]
    blocks += [_remark(page, text) for text in report.remarks]
    return blocks


def _title(page: Page, report: ReportPages) -> _Block:
    title = _paragraph(report.title, BOLD, page.width, 22, height=52)
    subtitle = _paragraph(report.subtitle, REGULAR, page.width, 12, height=28)

    def put(page: Page, top: float) -> None:
        y = draw(page, title, top)
        draw(page, subtitle, y - 10, colour=QUIET)

    return _Block(title.height + subtitle.height + 30, put)


def _big_number(page: Page, report: ReportPages) -> _Block:
    """The number the report is about, and beside it what it counts."""
    number = fit(report.big_number, BOLD, width=page.width * 0.5, largest=64, smallest=16)
    beside = page.left + text_width(number.lines[0], number.font, number.size) + 18
    label = _paragraph(report.big_label, BOLD, page.right - beside, 15, height=34)
    note = _paragraph(report.big_note, REGULAR, page.right - beside, 10, height=24)

    def put(page: Page, top: float) -> None:
        colour = page.colour if on_colour(page.colour) != INK else INK
        draw(page, number, top, colour=colour)
        y = draw(page, label, top, left=beside)
        draw(page, note, y - 9, left=beside, colour=QUIET)

    return _Block(max(number.height, label.height + note.height + 9) + 24, put)


def _figures(page: Page, figures: Sequence[Figure], in_a_row: int) -> _Block:
    """Up to `in_a_row` figures side by side, each under a line of the union's colour."""
    gap = 16.0
    width = (page.width - gap * (in_a_row - 1)) / in_a_row

    def put(page: Page, top: float) -> None:
        for place, figure in enumerate(figures):
            left = page.left + place * (width + gap)
            page.canvas.setFillColor(page.colour)
            page.canvas.rect(left, top - 1.5, width, 1.5, stroke=0, fill=1)
            y = draw(page, fit(figure.value, BOLD, width=width, largest=20, smallest=8), top - 9, left=left)
            y = draw(page, fit(figure.label, REGULAR, width=width, largest=10, smallest=6), y - 7, left=left)
            note = fit(figure.note, REGULAR, width=width, largest=8.5, smallest=6)
            draw(page, note, y - 5, left=left, colour=QUIET)

    return _Block(FIGURE_HEIGHT, put)


def _table(page: Page, table: Table) -> list[_Block]:
    """Heading, column headings, rows, total: the headings go with the first row, and again on every page."""
    heads = _row(page, table, [column.heading for column in table.columns], BOLD, QUIET, INK, with_next=True)
    rows = [_row(page, table, row, again=(heads,)) for row in table.rows]
    if not table.rows:
        rows = [_remark(page, table.empty)]
    if table.total:
        rows.append(_row(page, table, table.total, BOLD, again=(heads,)))
        rows[-2] = _Block(rows[-2].height, rows[-2].draw, with_next=True, again=rows[-2].again)
    return [_heading(page, table), heads, *rows]


def _heading(page: Page, table: Table) -> _Block:
    heading = _paragraph(table.heading, BOLD, page.width, HEADING_SIZE, height=34)
    note = _paragraph(table.note, REGULAR, page.width, 9, height=34)

    def put(page: Page, top: float) -> None:
        y = draw(page, heading, top - 16)
        draw(page, note, y - 7, colour=QUIET)

    return _Block(16 + heading.height + (note.height + 7 if table.note else 0) + 8, put, with_next=True)


def _row(
    page: Page,
    table: Table,
    cells: Sequence[str],
    font: str = REGULAR,
    colour: Color = INK,
    line: Color = HAIRLINE,
    *,
    with_next: bool = False,
    again: tuple[_Block, ...] = (),
) -> _Block:
    """One row, as high as its longest cell; cells wrap to three lines and then shrink."""
    spans = _spans(page, table.columns)
    fitted = [
        _paragraph(cell, font, right - left, TEXT_SIZE, height=32)
        for cell, (left, right) in zip(cells, spans, strict=True)
    ]
    height = max(cell.height for cell in fitted) + 2 * PADDING

    def put(page: Page, top: float) -> None:
        if font == BOLD and colour == INK:
            page.canvas.setFillColor(TINT)
            page.canvas.rect(page.left, top - height, page.width, height, stroke=0, fill=1)
        for cell, column, (left, right) in zip(fitted, table.columns, spans, strict=True):
            draw(page, cell, top - PADDING, left=left, right=right, align=column.align, colour=colour)
        rule(page, top - height, thickness=0.5, colour=line)

    return _Block(height, put, with_next, again)


def _spans(page: Page, columns: Sequence[Column]) -> list[tuple[float, float]]:
    """Left and right edge of each column, with a gap of 10 points between two."""
    gap, edges, left = 10.0, [], page.left + 2
    room = page.width - 4 - gap * (len(columns) - 1)
    for column in columns:
        width = room * column.share / sum(one.share for one in columns)
        edges.append((left, left + width))
        left += width + gap
    return edges


def _remark(page: Page, text: str) -> _Block:
    words = _paragraph(text, REGULAR, page.width, TEXT_SIZE, height=120)

    def put(page: Page, top: float) -> None:
        draw(page, words, top - 8, colour=QUIET)

    return _Block(words.height + 12, put)


def _draw_frame(page: Page, report: ReportPages, number: str, *, again: bool) -> None:
    """The union's band above (`again`: with the title), below who made this when and which page it is."""
    page.canvas.setFillColor(page.colour)
    page.canvas.rect(page.left, page.top - BAND, page.width, BAND, stroke=0, fill=1)
    middle, colour = page.top - BAND / 2, on_colour(page.colour)
    name = fit(report.union_name, BOLD, width=page.width * 0.5, largest=12.5, smallest=7)
    draw(page, name, middle + name.height / 2, left=page.left + 12, colour=colour)
    if again:
        title = fit(report.title, REGULAR, width=page.width * 0.42, largest=10, smallest=6.5)
        draw(page, title, middle + title.height / 2, right=page.right - 12, align="right", colour=colour)
    rule(page, page.bottom + 14, thickness=0.75, colour=HAIRLINE)
    made = fit(report.made, REGULAR, width=page.width * 0.8, largest=8.5, smallest=6)
    draw(page, made, page.bottom + 8, colour=QUIET)
    number_line = fit(number, REGULAR, width=page.width * 0.18, largest=8.5, smallest=6)
    draw(page, number_line, page.bottom + 8, align="right", colour=QUIET)


def _paragraph(text: str, font: str, width: float, size: float, *, height: float) -> Fitted:
    return fit_blocks(((text,),), font, width=width, height=height, largest=size, smallest=6)[0][0]
