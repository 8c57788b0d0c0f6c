"""One poster: its languages side by side, with the check-in code as large as it goes.

A page from the top: the union's band; what, where and when; the QR code with the demands beside it; the way
in for a phone without a camera; that the poster stays good. Everything shrinks or wraps, nothing overflows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reportlab.lib.colors import Color

from mobilize import phones
from mobilize.actions.time_ranges import day_line, hours_line
from mobilize.keys.tokens import spaced_code
from mobilize.languages import LANGUAGES, N_, Translated, say_in
from mobilize.printing.fonts import BOLD, CAPITAL, REGULAR
from mobilize.printing.pdf import HAIRLINE, INK, QUIET, WHITE, Page, draw, on_colour, rule
from mobilize.printing.qr import draw_qr, quiet_zone
from mobilize.printing.text_layout import FittedText, fit, fit_blocks

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
    "scan": N_("Scan. Tap once. You’re counted."),
    "why": N_("Why we are out"),
    "no_camera": N_("No camera? Go to"),
    "type": N_("and type"),
    "text": N_("Or text HERE %(code)s to %(number)s"),
    "stays": N_("This poster stays good if the time or place changes."),
    "help": N_("Help: %(number)s"),
    "drill": N_("DRILL – a rehearsal, not counted"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """The content of one poster. Times are local to the site; `url` is the whole check-in address, `code` its
    end. The text line needs both `text_code` and `text_number` (E.164). `help_number` wins over the
    union's."""

    area: str
    site: str
    action: Translated
    place: str
    starts_at: datetime
    ends_at: datetime
    code: str
    url: str
    demands: Translated = Translated()
    text_code: str | None = None
    text_number: str | None = None
    help_number: str | None = None
    drill: bool = False

    def demands_in(self, language: str) -> tuple[str, ...]:
        """One demand a line."""
        return tuple(line.strip() for line in self.demands.in_(language).splitlines() if line.strip())


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
        words = fit(_say(language, "drill"), BOLD, width=right - left - 12, largest=13, smallest=7)
        draw(page, words, top - 11.5 + words.height / 2, left=left, right=right, align="center", colour=WHITE)
    return top - 22


def _draw_what_and_when(page: Page, poster: Poster, top: float, room: float) -> float:
    """Action, site, place, day and hours in at most `room` points; the answer is the line they end with."""
    room -= HEADINGS + _more_lines(13)
    site = _fitted_site(page, poster, room)
    actions = [poster.action.in_(language) for language in LANGUAGES]
    y = _draw_row(page, actions, top, min(room - site.height, 56), colour=_title_colour(page))
    y = draw(page, site, y - 22)
    y = draw(page, fit(poster.place, REGULAR, width=page.width, largest=13, smallest=7), y - 10, colour=QUIET)
    times = [_when(poster, language) for language in LANGUAGES]
    y = _draw_row(page, times, y - 13, 13 + _more_lines(13), largest=15) - 11
    rule(page, y, thickness=1.5, colour=page.colour)
    return y


def _fitted_site(page: Page, poster: Poster, room: float) -> FittedText:
    """The site's name as large as it goes while the action keeps half of `room`."""
    height = min(50.0, room / 2)
    return fit_blocks(((poster.site,),), BOLD, width=page.width, height=height, largest=30, smallest=9)[0][0]


def _draw_row(
    page: Page,
    texts: Sequence[str],
    top: float,
    room: float,
    *,
    font: str = BOLD,
    largest: float = 27,
    colour: Color = INK,
) -> float:
    """The languages side by side in the same size; the answer is the lowest of their last baselines."""
    columns = _columns(page)
    width = columns[0][2] - columns[0][1]
    fitted = fit_blocks(
        tuple((text,) for text in texts), font, width=width, height=room, largest=largest, smallest=7
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
    _draw_side(side, poster, top, room)


def _draw_side(page: Page, poster: Poster, top: float, room: float) -> None:
    """In the column of `page`, one language below the other: what to do, and why we are out.
    Without demands the invitation is large; long demands make it smaller, so that they can be read."""
    scale, each = _scale(), room / len(LANGUAGES)
    tops = [top - 16 if n == 0 else top - n * each - 4 for n in range(len(LANGUAGES))]
    largest, height = 20 * scale, 40 * scale
    demands = _fitted_demands(page, poster, each - 60 - height)
    if not any(demands):
        largest, height, tops = 27 * scale, 110 * scale, [top - 20 for top in tops]
    elif min(line.size for lines in demands for line in lines) < 9:
        largest, height = 13.5 * scale, 27 * scale
        demands = _fitted_demands(page, poster, each - 53 - height)
    blocks = tuple((_say(language, "scan"),) for language in LANGUAGES)
    smallest = min(9, largest)
    invitations = fit_blocks(
        blocks, BOLD, width=page.width, height=height, largest=largest, smallest=smallest
    )
    for language, start, (invitation,), lines in zip(LANGUAGES, tops, invitations, demands, strict=True):
        y = draw(page, invitation, start)
        if lines:
            _draw_demands(page, language, lines, y)


def _fitted_demands(page: Page, poster: Poster, room: float) -> tuple[tuple[FittedText, ...], ...]:
    """The demands of all languages in one size."""
    blocks = tuple(poster.demands_in(language) for language in LANGUAGES)
    width = page.width - BULLET
    return fit_blocks(blocks, REGULAR, width=width, height=room, gap=DEMAND_GAP, largest=14, smallest=6)


def _draw_demands(page: Page, language: str, demands: tuple[FittedText, ...], top: float) -> None:
    page.canvas.setFillColor(page.colour)
    page.canvas.rect(page.left, top - 14, 30, 2, stroke=0, fill=1)
    why = fit(_say(language, "why"), BOLD, width=page.width, largest=12 * _scale(), smallest=7)
    y = draw(page, why, top - 24, colour=QUIET) - 2
    for demand in demands:
        page.canvas.setFillColor(page.colour)
        page.canvas.rect(page.left, y - DEMAND_GAP - demand.size * CAPITAL / 2 - 3, 6, 6, stroke=0, fill=1)
        y = draw(page, demand, y - DEMAND_GAP, left=page.left + BULLET)


def _draw_ways_in(page: Page, poster: Poster, bottom: float) -> float:
    """A frame with the address and the code to type, and the text that does the same; answers its top."""
    texting = bool(poster.text_code and poster.text_number)
    row = 28.0 + _more_lines(12) if texting else 0.0
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
    lines = {key: " / ".join(_say(language, key) for language in LANGUAGES) for key in ("no_camera", "type")}
    address = fit(typed_address(poster.url), BOLD, width=right - left - 12, largest=21, smallest=6)
    first = fit(lines["no_camera"], REGULAR, width=right - left - 12, largest=11.5, smallest=7)
    last = fit(lines["type"], REGULAR, width=right - left - 12, largest=11.5, smallest=7)
    y = top - 32 + (first.height + address.height + last.height + 18) / 2
    y = draw(page, first, y, left=left, colour=QUIET)
    y = draw(page, address, y - 8, left=left)
    draw(page, last, y - 10, left=left, colour=QUIET)


def _draw_texting(page: Page, poster: Poster, middle: float) -> None:
    values = {"code": poster.text_code, "number": phones.format_phone(poster.text_number or "")}
    lines = [_say(language, "text") % values for language in LANGUAGES]
    inside = replace(page, left=page.left + INSET, right=page.right - INSET)
    _draw_row(inside, lines, middle + 5 + _more_lines(6), 12 + _more_lines(12), largest=14)


def _draw_foot(page: Page, help_number: str | None) -> float:
    """That the poster stays good, and whom to call; the answer is the height it reaches up to."""
    top = page.bottom + (25 if help_number else 9) + _more_lines(9)
    stays = [_say(language, "stays") for language in LANGUAGES]
    y = _draw_row(page, stays, top, 9 + _more_lines(9), font=REGULAR, largest=10.5)
    if help_number:
        values = {"number": phones.format_phone(help_number)}
        _draw_row(page, [_say(language, "help") % values for language in LANGUAGES], y - 8, 9, largest=10.5)
    return top


def _columns(page: Page) -> list[tuple[str, float, float]]:
    """(language, left, right) of columns of the same width, in the order of the languages."""
    step = (page.width + GUTTER) / len(LANGUAGES)
    lefts = [(code, page.left + n * step) for n, code in enumerate(LANGUAGES)]
    return [(code, left, left + step - GUTTER) for code, left in lefts]


def _scale() -> float:
    """The size of what stands one language below the other, where two have the room they need."""
    return 2 / len(LANGUAGES)


def _more_lines(height: float) -> float:
    """The extra height of sentences where more than two languages make the columns narrow."""
    return height * max(len(LANGUAGES) - 2, 0)


def _say(language: str, word: str) -> str:
    return say_in(language, WORDS[word])


def _title_colour(page: Page) -> Color:
    """The union's colour where it is dark enough to be read on paper."""
    return page.colour if on_colour(page.colour) == WHITE else INK
