"""Reports on paper: one big number, the key figures, tables that break over pages, and who made it when.

Every word comes from the caller, in the reader's language: this only sets type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate
from reportlab.platypus import Table as Grid

from mobilize.printing.fonts import BOLD, LEADING, REGULAR, printable, register_fonts, text_width
from mobilize.printing.pdf import (
    HAIRLINE,
    INK,
    MARGIN,
    PAPERS,
    QUIET,
    TINT,
    Align,
    Page,
    draw,
    on_colour,
    rule,
)
from mobilize.printing.text_layout import fit

BAND = 28.0
FOOT = 28.0
GAP = 16.0
# What a frame of platypus keeps free inside its edges.
FRAME_PADDING = 6.0
# What a cell keeps free left and right, and a hair for rounding.
PADDING = 10.0
ROUNDING = 0.5
ALIGNMENT = {"left": 0, "center": 1, "right": 2}


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
    A table without rows shows `empty`, which should say why. With `repeats_heading` heading and note stand on
    each of its pages, for one of several tables of the same columns."""

    heading: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    total: Sequence[str] = ()
    note: str = ""
    empty: str = "–"
    repeats_heading: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPages:
    """A whole report. `made` says who, when and which version; `pages` how a page is numbered, for example
    "Page {page} of {pages}"; `colour` is the union's as #rrggbb; `language` is that of all the words."""

    union_name: str
    title: str
    subtitle: str
    big_number: str
    big_label: str
    made_line: str
    big_note: str = ""
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    remarks: Sequence[str] = ()
    colour: str = "#8a1420"
    pages: str = "{page} / {pages}"
    paper: str = "letter"
    language: str = "en"


class NumberedCanvas(Canvas):
    """A canvas that writes on each page, once all are there, which of how many it is."""

    def __init__(self, *args: Any, words: str, right: float, bottom: float, **more: Any):
        super().__init__(*args, **more)
        self.words, self.right, self.bottom = words, right, bottom

    def number_page(self) -> None:
        """Leave room on this page for its number."""
        self.doForm(f"number-{self.getPageNumber()}")

    def save(self) -> None:
        pages = self.getPageNumber() - 1
        for page in range(1, pages + 1):
            self.beginForm(f"number-{page}")
            number = fit(
                self.words.format(page=page, pages=pages), REGULAR, width=100, largest=8.5, smallest=6
            )
            here = Page(self, 0, self.bottom, self.right, 0, QUIET)
            draw(here, number, self.bottom + 8, align="right", colour=QUIET)
            self.endForm()
        super().save()


def report_pdf(report: ReportPages, out: BinaryIO) -> None:
    """Write `report` to `out`, on as many pages as it takes; the headings of a table are repeated on each."""
    register_fonts()
    width, height = PAPERS[report.paper]
    document = SimpleDocTemplate(
        out,
        pagesize=(width, height),
        leftMargin=MARGIN - FRAME_PADDING,
        rightMargin=MARGIN - FRAME_PADDING,
        topMargin=MARGIN + BAND + 8 - FRAME_PADDING,
        bottomMargin=MARGIN + FOOT - FRAME_PADDING,
        title=f"{report.title} – {report.subtitle}",
        author=report.union_name,
        creator="Mobilize",
        lang=report.language,
    )
    document.build(
        _story(report, width - 2 * MARGIN),
        onFirstPage=partial(_draw_frame, report, title=""),
        onLaterPages=partial(_draw_frame, report, title=report.title),
        canvasmaker=partial(NumberedCanvas, words=report.pages, right=width - MARGIN, bottom=MARGIN),
    )


def _story(report: ReportPages, width: float) -> list[Flowable]:
    story = [
        _text(report.title, size=22, font=BOLD, after=3),
        _text(report.subtitle, size=12, colour=QUIET, after=10),
        _big_number(report, width),
    ]
    in_a_row = 4 if len(report.figures) % 4 == 0 else 3
    for start in range(0, len(report.figures), in_a_row):
        story.append(_figures(report, report.figures[start : start + in_a_row], in_a_row, width))
    story += [_table(table, width) for table in report.tables]
    return [*story, *(_text(remark, colour=QUIET, before=8) for remark in report.remarks)]


def _big_number(report: ReportPages, width: float) -> Flowable:
    """The number the report is about, and beside it what it counts."""
    number = fit(report.big_number, BOLD, width=width * 0.5, largest=64, smallest=16)
    wide = text_width(number.lines[0], BOLD, number.size) + 18
    colour = HexColor(report.colour)
    big = _text(
        number.lines[0], size=number.size, font=BOLD, colour=colour if on_colour(colour) != INK else INK
    )
    beside = [
        _text(report.big_label, size=15, font=BOLD),
        _text(report.big_note, colour=QUIET, before=4),
    ]
    style = [*_UNPADDED, ("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (1, 0), (1, 0), 4)]
    return Grid([[big, beside]], colWidths=[wide, width - wide], style=style, spaceAfter=18)


def _figures(report: ReportPages, figures: Sequence[Figure], in_a_row: int, width: float) -> Flowable:
    """Up to `in_a_row` figures side by side, each under a line of the union's colour."""
    each = (width - GAP * (in_a_row - 1)) / in_a_row
    cells: list[Any] = []
    style: list[Any] = [*_UNPADDED, ("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 6)]
    for figure in figures:
        column = len(cells)
        style.append(("LINEABOVE", (column, 0), (column, 0), 1.5, HexColor(report.colour)))
        value, label = _text(figure.value, size=20, font=BOLD, after=2), _text(figure.label)
        cells += [[value, label, _text(figure.note, size=8.5, colour=QUIET, before=2)], ""]
    cells += [""] * (2 * in_a_row - len(cells))
    widths = [each, GAP] * in_a_row
    return Grid([cells[:-1]], colWidths=widths[:-1], style=style, spaceAfter=12)


def _table(table: Table, width: float) -> Flowable:
    """Heading, column headings, rows, total. The headings of the columns are repeated on every page, and the
    heading where it is to be; it never ends a page, and the total never stands alone."""
    widths = _widths(table, width)
    heading = [_text(table.heading, size=14, font=BOLD), _text(table.note, size=9, colour=QUIET, before=3)]
    rows = [
        [heading, *[""] * (len(widths) - 1)],
        _cells(table, [c.heading for c in table.columns], widths, _HEADS),
    ]
    rows += [_cells(table, row, widths, _CELLS) for row in table.rows]
    style = [*_TABLE, *(("ALIGN", (n, 1), (n, -1), c.align.upper()) for n, c in enumerate(table.columns))]
    if not table.rows:
        rows.append([_text(table.empty, colour=QUIET)])
        style += [("SPAN", (0, -1), (-1, -1)), ("LINEBELOW", (0, -1), (-1, -1), 0, TINT)]
    if table.total:
        rows.append(_cells(table, table.total, widths, _TOTAL))
        style += [*_TOTAL_ROW, ("NOSPLIT", (0, len(rows) - 2), (-1, len(rows) - 1))]
    repeated = (0, 1) if table.repeats_heading else (1,)
    return Grid(rows, colWidths=widths, style=style, repeatRows=repeated, spaceBefore=8)


def _widths(table: Table, width: float) -> list[float]:
    """By share; what the longest word of a heading takes beyond that, the columns give that have more."""
    shares = sum(column.share for column in table.columns)
    widths = [width * column.share / shares for column in table.columns]
    needed = [
        _longest_word(printable(column.heading), _HEADS) + PADDING + ROUNDING for column in table.columns
    ]
    missing = sum(max(need - wide, 0) for need, wide in zip(needed, widths, strict=True))
    spare = sum(max(wide - need, 0) for need, wide in zip(needed, widths, strict=True))
    if missing > spare:
        return widths
    return [
        need if need >= wide else wide - (wide - need) * missing / spare
        for need, wide in zip(needed, widths, strict=True)
    ]


def _longest_word(text: str, style: ParagraphStyle) -> float:
    return max((text_width(word, style.fontName, style.fontSize) for word in text.split()), default=0.0)


def _cells(table: Table, row: Sequence[str], widths: Sequence[float], style: ParagraphStyle) -> list[Any]:
    """A row's cells: plain where they fit, since a paragraph takes ten times as long, else as paragraphs."""
    cells: list[Any] = []
    for text, column, width in zip(row, table.columns, widths, strict=True):
        plain, room = printable(text), width - PADDING
        if text_width(plain, style.fontName, style.fontSize) <= room:
            cells.append(plain)
        else:
            cells.append(_wrapped(plain, column, room, style))
    return cells


def _wrapped(text: str, column: Column, room: float, style: ParagraphStyle) -> Paragraph:
    """In a size at which its longest word fits; below the smallest size words are broken."""
    longest = _longest_word(text, style)
    size = max(min(style.fontSize, style.fontSize * (room - ROUNDING) / longest), 6.0)
    return Paragraph(
        escape(text), ParagraphStyle("", style, fontSize=size, alignment=ALIGNMENT[column.align])
    )


def _text(
    text: str,
    *,
    size: float = 10,
    font: str = REGULAR,
    colour: Color = INK,
    before: float = 0,
    after: float = 0,
    leading: float = LEADING,
) -> Paragraph:
    style = ParagraphStyle(
        "",
        fontName=font,
        fontSize=size,
        leading=size * leading,
        textColor=colour,
        spaceBefore=before,
        spaceAfter=after,
    )
    return Paragraph(escape(printable(text)), style)


def _draw_frame(
    report: ReportPages, canvas: NumberedCanvas, document: SimpleDocTemplate, *, title: str
) -> None:
    """The union's band above, with the title on later pages; below who made this when, and the page."""
    width, height = document.pagesize
    page = Page(canvas, MARGIN, MARGIN, width - MARGIN, height - MARGIN, HexColor(report.colour))
    canvas.setFillColor(page.colour)
    canvas.rect(page.left, page.top - BAND, page.width, BAND, stroke=0, fill=1)
    middle, colour = page.top - BAND / 2, on_colour(page.colour)
    name = fit(report.union_name, BOLD, width=page.width * 0.5, largest=12.5, smallest=7)
    draw(page, name, middle + name.height / 2, left=page.left + 12, colour=colour)
    if title:
        again = fit(title, REGULAR, width=page.width * 0.42, largest=10, smallest=6.5)
        draw(page, again, middle + again.height / 2, right=page.right - 12, align="right", colour=colour)
    rule(page, page.bottom + 14, thickness=0.75, colour=HAIRLINE)
    footer = fit(report.made_line, REGULAR, width=page.width * 0.8, largest=8.5, smallest=6)
    draw(page, footer, page.bottom + 8, colour=QUIET)
    canvas.number_page()


_CELLS = ParagraphStyle("cells", fontName=REGULAR, fontSize=10, leading=10 * LEADING, textColor=INK)
_HEADS = ParagraphStyle("heads", _CELLS, fontName=BOLD, textColor=QUIET)
_TOTAL = ParagraphStyle("total", _CELLS, fontName=BOLD)
_UNPADDED = [
    (side, (0, 0), (-1, -1), 0) for side in ("LEFTPADDING", "RIGHTPADDING", "TOPPADDING", "BOTTOMPADDING")
]
_TABLE: list[Any] = [
    ("SPAN", (0, 0), (-1, 0)),
    ("FONT", (0, 1), (-1, -1), REGULAR, 10, 10 * LEADING),
    ("TEXTCOLOR", (0, 1), (-1, -1), INK),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 1), (-1, -1), 5),
    ("RIGHTPADDING", (0, 1), (-1, -1), 5),
    ("LEFTPADDING", (0, 1), (0, -1), 2),
    ("RIGHTPADDING", (-1, 1), (-1, -1), 2),
    ("LEFTPADDING", (0, 0), (-1, 0), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 3),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 4.5),
    ("FONT", (0, 1), (-1, 1), BOLD, 10, 10 * LEADING),
    ("TEXTCOLOR", (0, 1), (-1, 1), QUIET),
    ("LINEBELOW", (0, 2), (-1, -1), 0.5, HAIRLINE),
    ("LINEBELOW", (0, 1), (-1, 1), 0.5, INK),
]
_TOTAL_ROW: list[Any] = [
    ("FONT", (0, -1), (-1, -1), BOLD, 10, 10 * LEADING),
    ("BACKGROUND", (0, -1), (-1, -1), TINT),
]
