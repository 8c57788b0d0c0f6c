"""The letters on paper: fonts, what can be written with them, and text made to fit its place.

The fonts are DejaVu Sans Condensed (static/fonts, free to pass on): Latin with every accent, Vietnamese,
Armenian, Cyrillic and Greek. What they lack is written otherwise by `printable`, so that no page shows a box.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont

REGULAR = "Mobilize"
BOLD = "Mobilize-Bold"
FONT_FILES = {REGULAR: "DejaVuSansCondensed.ttf", BOLD: "DejaVuSansCondensed-Bold.ttf"}

# Height of a capital, and from one baseline to the next, in parts of the type size (DejaVu's own 0.729).
CAPITAL = 0.73
LEADING = 1.16

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_HANGUL = re.compile("[가-힣]+")


@dataclass(frozen=True, slots=True)
class Fitted:
    """Lines of one font and size that are known to fit: what `fit` answers and `draw` takes."""

    lines: tuple[str, ...]
    font: str
    size: float

    @property
    def height(self) -> float:
        """From the top of the first line's capitals to the last line's baseline, in points."""
        return self.size * (CAPITAL + LEADING * (len(self.lines) - 1)) if self.lines else 0.0


def fit(text: str, font: str, *, width: float, largest: float, smallest: float) -> Fitted:
    """`text` on one line of `width` points, between `largest` and `smallest` in size.
    What is too long even for `smallest` is cut with an ellipsis: nothing ever runs out of its place."""
    line = " ".join(printable(text).split())
    size = min(largest, width / max(_word_width(line, font), 0.001))
    if size >= smallest:
        return Fitted((line,), font, size)
    return Fitted((_shortened(line, font, width / smallest),), font, smallest)


def fit_blocks(
    blocks: tuple[tuple[str, ...], ...],
    font: str,
    *,
    width: float,
    height: float,
    gap: float = 0.0,
    largest: float,
    smallest: float,
) -> tuple[tuple[Fitted, ...], ...]:
    """Several blocks of paragraphs in one common size, the largest at which each block fits into `width` by
    `height` points with `gap` between its paragraphs. Two languages side by side come out equal.

    At `smallest` endless words are broken and what is still too long is cut with an ellipsis.
    """
    written = tuple(tuple(tuple(printable(text).split()) for text in block) for block in blocks)
    size = largest
    while True:
        wrapped = tuple(tuple(_wrap(words, font, width / size) for words in block) for block in written)
        if all(_block_fits(block, size, gap, height) for block in wrapped):
            return tuple(
                tuple(Fitted(_even(words, font, width / size), font, size) for words in block)
                for block in written
            )
        if size <= smallest:
            return tuple(_cut_block(block, font, size, width, height, gap) for block in written)
        size = max(size - 0.25, smallest)


def text_width(text: str, font: str, size: float) -> float:
    """How wide `text`, already printable, is in points."""
    return _word_width(text, font) * size


def printable(text: str) -> str:
    """`text` in letters the fonts have: composed (NFC), without control and direction marks.

    Korean is written in Latin letters as Unicode names the syllables; a letter with an unknown accent loses
    the accent; of any other script, and of those written right to left, each word becomes one "?".
    """
    if text.isascii() and text.isprintable():
        return text
    romanised = _HANGUL.sub(_romanised, unicodedata.normalize("NFC", text))
    shown = "".join(_shown(letter) for letter in romanised)
    return re.sub(" +", " ", re.sub(f"{UNKNOWN}+", "?", shown)).strip()


def _romanised(syllables: re.Match[str]) -> str:
    return "".join(
        unicodedata.name(one).removeprefix("HANGUL SYLLABLE ") for one in syllables[0]
    ).capitalize()


def _shown(letter: str) -> str:
    category = unicodedata.category(letter)
    if category[0] in "CZ":
        return " " if category in ("Cc", "Zs", "Zl", "Zp") else ""
    if unicodedata.bidirectional(letter) in ("R", "AL") or letter == UNKNOWN:
        return UNKNOWN
    if ord(letter) in _widths(REGULAR) and ord(letter) in _widths(BOLD):
        return letter
    plain = unicodedata.normalize("NFKD", letter)
    known = "".join(part for part in plain if ord(part) in _widths(REGULAR))
    return known if known != "" and plain != letter else UNKNOWN


def _wrap(words: tuple[str, ...], font: str, room: float) -> tuple[str, ...] | None:
    """Lines of at most `room` (in parts of the size); None when a single word is wider than that."""
    lines: list[str] = []
    used, space = 0.0, _word_width(" ", font)
    for word in words:
        width = _word_width(word, font)
        if width > room:
            return None
        if lines and used + space + width <= room:
            lines[-1] += f" {word}"
            used += space + width
        else:
            lines.append(word)
            used = width
    return tuple(lines)


def _block_fits(block: tuple[tuple[str, ...] | None, ...], size: float, gap: float, height: float) -> bool:
    if any(lines is None for lines in block):
        return False
    used = sum(size * (CAPITAL + LEADING * (len(lines or ()) - 1)) for lines in block)
    return used + gap * (len(block) - 1) <= height


def _even(words: tuple[str, ...], font: str, room: float) -> tuple[str, ...]:
    """The same number of lines, in the narrowest room that still holds them."""
    best = _wrap(words, font, room) or ()
    narrow, wide = 0.0, room
    for _ in range(8 if len(best) > 1 else 0):
        middle = (narrow + wide) / 2
        wrapped = _wrap(words, font, middle)
        if wrapped is not None and len(wrapped) <= len(best):
            best, wide = wrapped, middle
        else:
            narrow = middle
    return best


def _cut_block(
    block: tuple[tuple[str, ...], ...], font: str, size: float, width: float, height: float, gap: float
) -> tuple[Fitted, ...]:
    each = (height - gap * (len(block) - 1)) / max(len(block), 1)
    count = max(int((each / size - CAPITAL) / LEADING) + 1, 1)
    return tuple(Fitted(_cut(words, font, width / size, count), font, size) for words in block)


def _cut(words: tuple[str, ...], font: str, room: float, count: int) -> tuple[str, ...]:
    pieces = tuple(piece for word in words for piece in _broken(word, font, room))
    lines = _wrap(pieces, font, room) or ()
    if len(lines) <= count:
        return lines
    return (*lines[: count - 1], _shortened(f"{lines[count - 1]} {lines[count]}", font, room))


def _shortened(line: str, font: str, room: float) -> str:
    while line and _word_width(f"{line}…", font) > room:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _broken(word: str, font: str, room: float) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and _word_width(pieces[-1] + letter, font) > room:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _word_width(word: str, font: str) -> float:
    widths = _widths(font)
    return sum(widths.get(ord(letter), 600) for letter in word) / 1000


@lru_cache(maxsize=4)
def _widths(font: str) -> dict[int, float]:
    return dict(_face(font).face.charWidths)


@lru_cache(maxsize=4)
def _face(font: str) -> TTFont:
    return TTFont(font, str(Path(__file__).parent / "static" / "fonts" / FONT_FILES[font]))


@lru_cache(maxsize=1)
def register_fonts() -> None:
    """Make the fonts known to reportlab, once a process."""
    for font in FONT_FILES:
        registerFont(_face(font))
