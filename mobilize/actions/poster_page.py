"""One poster: English and Spanish side by side, with the check-in code as large as it goes.

A page from the top: the union's band; what, where and when; the QR code with the demands beside it; the way
in for a phone without a camera; that the poster stays good. Everything shrinks or wraps, nothing overflows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reportlab.lib.colors import Color

from mobilize import phones
from mobilize.actions.when import day_line, hours_line
from mobilize.lettering import BOLD, CAPITAL, REGULAR, Fitted, fit, fit_blocks
from mobilize.pdf import HAIRLINE, INK, QUIET, WHITE, Page, draw, on_colour, rule
from mobilize.qr import draw_qr, quiet_zone
from mobilize.tokens import spaced_code

# 11 cm, read from three metres and more in the dark; larger where the headings leave room.
QR_SMALLEST = 312.0
QR_LARGEST = 340.0
INSET = 14.0
BULLET = 13.0
DEMAND_GAP = 7.0
# Between and under the headings: the gaps, the place, the day and the rule.
HEADINGS = 74.0
GUTTER = 18.0
BAND = 36.0

WORDS = {
    "en": {
        "scan": "Scan. Tap once. You’re counted.",
        "why": "Why we are out",
        "no_camera": "No camera? Go to",
        "type": "and type",
        "text": "Or text",
        "to": "to",
        "stays": "This poster stays good if the time or place changes.",
        "help": "Help:",
        "drill": "DRILL – a rehearsal, not counted",
    },
    "es": {
        "scan": "Escanea. Toca una vez. Ya cuentas.",
        "why": "Por qué salimos",
        "no_camera": "¿Sin cámara? Entra a",
        "type": "y escribe",
        "text": "O manda",
        "to": "al",
        "stays": "Este cartel sigue valiendo si cambia la hora o el lugar.",
        "help": "Ayuda:",
        "drill": "SIMULACRO – un ensayo, no cuenta",
    },
}
TEXT_WORD = {"en": "HERE", "es": "AQUI"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """What one poster says. Times are local to the site; `url` is the whole check-in address, `code` its end.
    The text line needs both `text_code` and `text_number` (E.164). `help_number` wins over the union's."""

    area: str
    site: str
    action_en: str
    action_es: str
    place: str
    starts_at: datetime
    ends_at: datetime
    code: str
    url: str
    demands_en: Sequence[str] = ()
    demands_es: Sequence[str] = ()
    text_code: str | None = None
    text_number: str | None = None
    help_number: str | None = None
    drill: bool = False

    def action(self, language: str) -> str:
        return self.action_es if language == "es" else self.action_en

    def demands(self, language: str) -> Sequence[str]:
        return self.demands_es if language == "es" else self.demands_en


def draw_poster(page: Page, poster: Poster, union_name: str, help_number: str | None) -> None:
    """Band and foot first; the code takes its 11 cm and quiet zone of the rest, the headings what is left."""
    top = _draw_band(page, poster, union_name)
    if poster.drill:
        top = _draw_drill(page, top)
    bottom = _draw_foot(page, help_number)
    bottom = _draw_ways_in(page, poster, bottom + 12)
    room = top - bottom - QR_SMALLEST - 2 * quiet_zone(poster.url, QR_SMALLEST)
    top = _draw_what_and_when(page, poster, top - 18, room - 18)
    _draw_code_and_demands(page, poster, top, bottom)


def typed_address(url: str) -> str:
    """The page where the code is typed: `https://mobilize.example/c/ABC` -> `mobilize.example/c`."""
    return url.split("://", 1)[-1].rsplit("/", 1)[0].lower()


def _draw_band(page: Page, poster: Poster, union_name: str) -> float:
    """The union's colour with its name and the area; a drill's band is empty, to be told apart from afar."""
    canvas, bottom = page.canvas, page.top - BAND
    canvas.setFillColor(WHITE if poster.drill else page.colour)
    canvas.setStrokeColor(page.colour)
    canvas.setLineWidth(2)
    canvas.rect(page.left, bottom, page.width, BAND, stroke=1, fill=1)
    colour = INK if poster.drill else on_colour(page.colour)
    inside = page.width - 2 * INSET
    name = fit(union_name, BOLD, width=inside * 0.62, largest=19, smallest=8)
    area = fit(poster.area, BOLD, width=inside * 0.34, largest=14, smallest=7)
    middle = bottom + BAND / 2
    draw(page, name, middle + name.height / 2, left=page.left + INSET, colour=colour)
    draw(page, area, middle + area.height / 2, right=page.right - INSET, align="right", colour=colour)
    return bottom


def _draw_drill(page: Page, top: float) -> float:
    page.canvas.setFillColor(INK)
    page.canvas.rect(page.left - 1, top - 22, page.width + 2, 21, stroke=0, fill=1)
    for language, left, right in _columns(page):
        words = fit(WORDS[language]["drill"], BOLD, width=right - left - 12, largest=13, smallest=7)
        draw(page, words, top - 11.5 + words.height / 2, left=left, right=right, align="center", colour=WHITE)
    return top - 22


def _draw_what_and_when(page: Page, poster: Poster, top: float, room: float) -> float:
    """Action, site, place, day and hours in at most `room` points; the answer is the line they end with."""
    site = _fitted_site(page, poster, room - HEADINGS)
    actions = (poster.action_en, poster.action_es)
    y = _draw_pair(page, actions, top, min(room - HEADINGS - site.height, 56), colour=_title_colour(page))
    y = draw(page, site, y - 22)
    y = draw(page, fit(poster.place, REGULAR, width=page.width, largest=13, smallest=7), y - 10, colour=QUIET)
    said = tuple(_when(poster, language) for language in WORDS)
    y = _draw_pair(page, said, y - 13, 13, largest=15) - 11
    rule(page, y, thickness=1.5, colour=page.colour)
    return y


def _fitted_site(page: Page, poster: Poster, room: float) -> Fitted:
    """The site's name as large as it goes while the action keeps half of `room`."""
    height = min(50.0, room / 2)
    return fit_blocks(((poster.site,),), BOLD, width=page.width, height=height, largest=30, smallest=9)[0][0]


def _draw_pair(
    page: Page,
    said: tuple[str, ...],
    top: float,
    room: float,
    *,
    font: str = BOLD,
    largest: float = 27,
    colour: Color = INK,
) -> float:
    """English and Spanish side by side in the same size; the answer is the lower of both last baselines."""
    columns = _columns(page)
    width = columns[0][2] - columns[0][1]
    fitted = fit_blocks(
        tuple((text,) for text in said), font, width=width, height=room, largest=largest, smallest=7
    )
    return min(
        draw(page, block[0], top, left=left, colour=colour)
        for block, (_, left, _) in zip(fitted, columns, strict=True)
    )


def _when(poster: Poster, language: str) -> str:
    return f"{day_line(poster.starts_at, language)}, {hours_line(poster.starts_at, poster.ends_at, language)}"


def _draw_code_and_demands(page: Page, poster: Poster, top: float, bottom: float) -> None:
    """The code on the left, white around it as the standard asks; scan and demands in a column beside it."""
    room = top - bottom
    size = min(QR_LARGEST, room * QR_SMALLEST / (QR_SMALLEST + 2 * quiet_zone(poster.url, QR_SMALLEST)))
    quiet = quiet_zone(poster.url, size)
    left = max(page.left + INSET, quiet + 1)
    draw_qr(page.canvas, poster.url, left, bottom + (room - size) / 2, size)
    side = replace(page, left=left + size + quiet)
    _draw_side(side, poster, (top - 16, top - room / 2 - 4), room / 2 - 20)


def _draw_side(page: Page, poster: Poster, tops: tuple[float, float], room: float) -> None:
    """In the column of `page`, English and below it Spanish: what to do, and why we are out.
    Without demands the invitation is large; long demands make it smaller, so that they can be read."""
    largest = 20.0
    demands = _fitted_demands(page, poster, room - 80)
    if not any(demands):
        largest, tops = 27.0, (tops[0] - 20, tops[1] - 20)
    elif min(line.size for lines in demands for line in lines) < 9:
        largest, demands = 13.5, _fitted_demands(page, poster, room - 60)
    blocks = tuple((WORDS[language]["scan"],) for language in WORDS)
    height = 110 if largest > 20 else largest * 2
    invitations = fit_blocks(blocks, BOLD, width=page.width, height=height, largest=largest, smallest=9)
    for language, top, (invitation,), lines in zip(WORDS, tops, invitations, demands, strict=True):
        y = draw(page, invitation, top)
        if lines:
            _draw_demands(page, language, lines, y)


def _fitted_demands(page: Page, poster: Poster, room: float) -> tuple[tuple[Fitted, ...], ...]:
    """The demands of both languages in one size."""
    blocks = tuple(tuple(line for line in poster.demands(language) if line.strip()) for language in WORDS)
    width = page.width - BULLET
    return fit_blocks(blocks, REGULAR, width=width, height=room, gap=DEMAND_GAP, largest=14, smallest=6)


def _draw_demands(page: Page, language: str, demands: tuple[Fitted, ...], top: float) -> None:
    page.canvas.setFillColor(page.colour)
    page.canvas.rect(page.left, top - 14, 30, 2, stroke=0, fill=1)
    why = fit(WORDS[language]["why"], BOLD, width=page.width, largest=12, smallest=7)
    y = draw(page, why, top - 24, colour=QUIET) - 2
    for demand in demands:
        page.canvas.setFillColor(page.colour)
        page.canvas.rect(page.left, y - DEMAND_GAP - demand.size * CAPITAL / 2 - 3, 6, 6, stroke=0, fill=1)
        y = draw(page, demand, y - DEMAND_GAP, left=page.left + BULLET)


def _draw_ways_in(page: Page, poster: Poster, bottom: float) -> float:
    """A frame with the address and the code to type, and the text that does the same; answers its top."""
    texting = bool(poster.text_code and poster.text_number)
    row = 28.0 if texting else 0.0
    top = bottom + row + 64
    page.canvas.setStrokeColor(INK)
    page.canvas.setLineWidth(1.5)
    page.canvas.rect(page.left, bottom, page.width, top - bottom, stroke=1, fill=0)
    room = page.width * 0.43
    spaced = spaced_code(poster.code).replace(" ", "  ".replace(" ", "\N{NO-BREAK SPACE}"))
    code = fit(spaced, BOLD, width=room, largest=34, smallest=10)
    draw(page, code, bottom + row + 32 + code.height / 2, right=page.right - INSET, align="right")
    _draw_typing(page, poster, top, page.right - INSET - room)
    if texting:
        page.canvas.setStrokeColor(HAIRLINE)
        page.canvas.setLineWidth(0.75)
        page.canvas.line(page.left + INSET, bottom + row, page.right - INSET, bottom + row)
        _draw_texting(page, poster, bottom + row / 2)
    return top


def _draw_typing(page: Page, poster: Poster, top: float, right: float) -> None:
    left = page.left + INSET
    lines = {key: " / ".join(WORDS[language][key] for language in WORDS) for key in ("no_camera", "type")}
    address = fit(typed_address(poster.url), BOLD, width=right - left - 12, largest=21, smallest=6)
    first = fit(lines["no_camera"], REGULAR, width=right - left - 12, largest=11.5, smallest=7)
    last = fit(lines["type"], REGULAR, width=right - left - 12, largest=11.5, smallest=7)
    y = top - 32 + (first.height + address.height + last.height + 18) / 2
    y = draw(page, first, y, left=left, colour=QUIET)
    y = draw(page, address, y - 8, left=left)
    draw(page, last, y - 10, left=left, colour=QUIET)


def _draw_texting(page: Page, poster: Poster, middle: float) -> None:
    said = tuple(
        f"{WORDS[language]['text']} {TEXT_WORD[language]} {poster.text_code}"
        f" {WORDS[language]['to']} {phones.shown(poster.text_number or '')}"
        for language in WORDS
    )
    inside = replace(page, left=page.left + INSET, right=page.right - INSET)
    _draw_pair(inside, said, middle + 5, 12, largest=14)


def _draw_foot(page: Page, help_number: str | None) -> float:
    """That the poster stays good, and whom to call; the answer is the height it reaches up to."""
    top = page.bottom + (25 if help_number else 9)
    y = _draw_pair(
        page, tuple(WORDS[language]["stays"] for language in WORDS), top, 9, font=REGULAR, largest=10.5
    )
    if help_number:
        said = tuple(f"{WORDS[language]['help']} {phones.shown(help_number)}" for language in WORDS)
        _draw_pair(page, said, y - 8, 9, largest=10.5)
    return top


def _columns(page: Page) -> tuple[tuple[str, float, float], tuple[str, float, float]]:
    """English left, Spanish right, of the same width."""
    middle = (page.left + page.right) / 2
    return ("en", page.left, middle - GUTTER / 2), ("es", middle + GUTTER / 2, page.right)


def _title_colour(page: Page) -> Color:
    """The union's colour where it is dark enough to be read on paper."""
    return page.colour if on_colour(page.colour) == WHITE else INK
