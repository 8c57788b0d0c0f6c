"""Paper: the colours, the page and the few drawing pieces that posters, sheets and reports share."""

from dataclasses import dataclass
from typing import BinaryIO, Literal

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.pdfgen.canvas import Canvas

from mobilize.printing.fonts import CAPITAL, LEADING, register_fonts
from mobilize.printing.text_layout import FittedText

INK = HexColor("#1b1715")
QUIET = HexColor("#5d5650")
HAIRLINE = HexColor("#b9b1a8")
TINT = HexColor("#f3efe8")
WHITE = HexColor("#ffffff")

PAPERS = {"letter": LETTER, "a4": A4}
# 10.5 mm: office printers leave at most a quarter inch (6.4 mm) white, plus a crooked feed.
MARGIN = 30.0
Align = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Page:
    """A canvas with the frame that may be printed on, in points from the lower left corner of the paper."""

    canvas: Canvas
    left: float
    bottom: float
    right: float
    top: float
    colour: Color

    @property
    def width(self) -> float:
        return self.right - self.left


def open_page(
    out: BinaryIO, *, title: str, author: str, colour: str, paper: str = "letter", language: str = "en"
) -> Page:
    """A new PDF written to `out` once `page.canvas.save()` is called. `paper` is "letter" or "a4";
    `colour` is the union's, as #rrggbb: anything else is a ValueError."""
    register_fonts()
    width, height = PAPERS[paper]
    canvas = Canvas(out, pagesize=(width, height), pageCompression=1, lang=language)
    canvas.setTitle(title)
    canvas.setAuthor(author)
    canvas.setCreator("Mobilize")
    return Page(canvas, MARGIN, MARGIN, width - MARGIN, height - MARGIN, HexColor(colour))


def draw(
    page: Page,
    fitted: FittedText,
    top: float,
    *,
    left: float | None = None,
    right: float | None = None,
    align: Align = "left",
    colour: Color = INK,
) -> float:
    """Write `fitted` with its first capitals touching `top`; the answer is the last line's baseline.
    `left` and `right` default to the page's frame."""
    canvas = page.canvas
    left, right = page.left if left is None else left, page.right if right is None else right
    canvas.setFillColor(colour)
    canvas.setFont(fitted.font, fitted.size)
    y = top - fitted.size * CAPITAL
    for number, line in enumerate(fitted.lines):
        y -= fitted.size * LEADING if number else 0
        if align == "left":
            canvas.drawString(left, y, line)
        elif align == "right":
            canvas.drawRightString(right, y, line)
        else:
            canvas.drawCentredString((left + right) / 2, y, line)
    return y if fitted.lines else top


def rule(page: Page, y: float, *, thickness: float = 0.75, colour: Color = INK) -> None:
    """A line across the frame at `y`."""
    page.canvas.setStrokeColor(colour)
    page.canvas.setLineWidth(thickness)
    page.canvas.line(page.left, y, page.right, y)


def on_colour(colour: Color) -> Color:
    """White or ink, whichever is read more easily on `colour` (relative luminance as in WCAG 2.2)."""
    return WHITE if 1.05 / (_luminance(colour) + 0.05) >= (_luminance(colour) + 0.05) / 0.058 else INK


def _luminance(colour: Color) -> float:
    red, green, blue = (_linear(part) for part in (colour.red, colour.green, colour.blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
