"""QR codes, drawn as vectors: on paper, on a page, and in a terminal."""

import io
from functools import lru_cache
from typing import Literal

import qrcode
import qrcode.constants
import qrcode.util
from markupsafe import Markup, escape
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

# What the alphanumeric mode can say (ISO/IEC 18004, table 5). It needs 5.5 bits a letter instead of 8, so the
# same address gets fewer and larger modules, which is what a phone sees from three metres.
ALPHANUMERIC = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
QUIET_ZONE = 4
# Any of the eight masks is a valid code; trying all of them costs seven times as much for no better reading.
MASK = 3
CORRECTION = {"M": qrcode.constants.ERROR_CORRECT_M, "Q": qrcode.constants.ERROR_CORRECT_Q}

# A quarter of a poster may be torn or wet (Q); a screen is clean and small (M).
Correction = Literal["M", "Q"]


def qr_address(url: str) -> str:
    """`url` as it goes into a code: upper case where all of it then fits the alphanumeric mode, so that
    routes behind it must not care about case; otherwise exactly as given."""
    shouted = url.upper()
    return shouted if url.lower().startswith(("http://", "https://")) and is_alphanumeric(shouted) else url


def is_alphanumeric(text: str) -> bool:
    return ALPHANUMERIC.issuperset(text)


@lru_cache(maxsize=8)  # drawing asks three times for the same code; more would only remember people
def qr_rows(text: str, correction: Correction = "M") -> tuple[tuple[bool, ...], ...]:
    """The dark modules of `text`, row by row from the top, without the quiet zone. One segment only."""
    text = qr_address(text)
    mode = qrcode.util.MODE_ALPHA_NUM if is_alphanumeric(text) else qrcode.util.MODE_8BIT_BYTE
    code = qrcode.QRCode(error_correction=CORRECTION[correction], border=0, mask_pattern=MASK)
    code.add_data(qrcode.util.QRData(text, mode=mode))
    code.make(fit=True)
    return tuple(tuple(bool(module) for module in row) for row in code.modules)


def draw_qr(canvas: Canvas, text: str, left: float, bottom: float, size: float) -> None:
    """Black modules as one filled path in the square of `size` points at `left`, `bottom`.
    The quiet zone of four modules (`quiet_zone`) is around it, and the caller's to keep white."""
    rows = qr_rows(text, "Q")
    canvas.saveState()
    canvas.translate(left, bottom)
    canvas.scale(size / len(rows), size / len(rows))
    canvas.setFillGray(0)
    path = canvas.beginPath()
    for x, y, length in _runs(rows):
        path.rect(x, len(rows) - 1 - y, length, 1)
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.restoreState()


def quiet_zone(text: str, size: float) -> float:
    """The white margin on every side of `draw_qr` of `size` points, in points."""
    return QUIET_ZONE * size / len(qr_rows(text, "Q"))


def qr_svg(text: str, label: str = "QR") -> Markup:
    """Inline SVG of `text` with its quiet zone: black on white in any theme, sized by its parent's CSS.
    `label` is what a screen reader says."""
    rows = qr_rows(text)
    side = len(rows) + 2 * QUIET_ZONE
    path = "".join(f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h{n}v1h-{n}z" for x, y, n in _runs(rows))
    return Markup(  # noqa: S704 (digits of our own, and the label escaped)
        f'<svg class="qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img"'
        f' aria-label="{escape(label)}" shape-rendering="crispEdges">'
        f'<rect width="{side}" height="{side}" fill="#fff"/><path fill="#000" d="{path}"/></svg>'
    )


def qr_svg_file(text: str) -> bytes:
    """The same as a file of its own, for a flyer that somebody lays out themselves."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{qr_svg(text)}\n'.encode()


def qr_png(text: str, *, least_pixels: int = 1000) -> bytes:
    """A black and white PNG with its quiet zone, at least so many pixels wide, each module a whole number."""
    rows = _with_quiet_zone(qr_rows(text, "Q"))
    image = Image.new("1", (len(rows), len(rows)), 1)
    image.putdata([int(not dark) for row in rows for dark in row])
    side = len(rows) * -(-least_pixels // len(rows))
    file = io.BytesIO()
    image.resize((side, side), Image.Resampling.NEAREST).save(file, "PNG", optimize=True)
    return file.getvalue()


def qr_terminal(text: str) -> str:
    """`text` as half blocks, two rows of modules a line, black on white in any colour scheme."""
    rows = _with_quiet_zone(qr_rows(text))
    if len(rows) % 2:
        rows.append((False,) * len(rows[0]))
    pairs = zip(rows[::2], rows[1::2], strict=True)
    blocks = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    lines = ("".join(blocks[both] for both in zip(upper, lower, strict=True)) for upper, lower in pairs)
    return "\n".join(f"\x1b[30;107m{line}\x1b[0m" for line in lines)


def _runs(rows: tuple[tuple[bool, ...], ...]) -> list[tuple[int, int, int]]:
    """Neighbouring dark modules of a row as one bar: x, y from the top, length."""
    runs: list[tuple[int, int, int]] = []
    for y, row in enumerate(rows):
        start = None
        for x, dark in enumerate((*row, False)):
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                runs.append((start, y, x - start))
                start = None
    return runs


def _with_quiet_zone(rows: tuple[tuple[bool, ...], ...]) -> list[tuple[bool, ...]]:
    side, blank = (False,) * QUIET_ZONE, (False,) * (len(rows) + 2 * QUIET_ZONE)
    return [*[blank] * QUIET_ZONE, *[side + row + side for row in rows], *[blank] * QUIET_ZONE]
