"""The fonts on paper and the letters they have.

DejaVu Sans Condensed (static/fonts, free to pass on): Latin with every accent, Vietnamese, Armenian, Cyrillic
and Greek. Other letters are written otherwise by `printable`, so that no page shows a box.
"""

import re
import unicodedata
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


@lru_cache(maxsize=1)
def register_fonts() -> None:
    """Make the fonts known to reportlab, once a process."""
    for font in FONT_FILES:
        registerFont(_face(font))


def printable(text: str) -> str:
    """`text` in letters the fonts have: composed (NFC), without control and direction marks.

    Korean is written in Latin letters as Unicode names the syllables; a letter with an unknown accent loses
    the accent; of any other script, and of those written right to left, each word becomes one "?".
    """
    if text.isascii() and text.isprintable():
        return text
    romanised = _HANGUL.sub(_romanised, unicodedata.normalize("NFC", text))
    replaced = "".join(_replaced(letter) for letter in romanised)
    return re.sub(" +", " ", re.sub(f"{UNKNOWN}+", "?", replaced)).strip()


def text_width(text: str, font: str, size: float = 1.0) -> float:
    """The width of `text`, already printable, in points."""
    widths = _widths(font)
    return sum(widths.get(ord(letter), 600) for letter in text) * size / 1000


def _romanised(syllables: re.Match[str]) -> str:
    return "".join(
        unicodedata.name(one).removeprefix("HANGUL SYLLABLE ") for one in syllables[0]
    ).capitalize()


def _replaced(letter: str) -> str:
    category = unicodedata.category(letter)
    if category[0] in "CZ":
        return " " if category in ("Cc", "Zs", "Zl", "Zp") else ""
    if unicodedata.bidirectional(letter) in ("R", "AL") or letter == UNKNOWN:
        return UNKNOWN
    if ord(letter) in _widths(REGULAR) and ord(letter) in _widths(BOLD):
        return letter
    plain = unicodedata.normalize("NFKD", letter)
    letters = "".join(part for part in plain if ord(part) in _widths(REGULAR))
    return letters if letters != "" and plain != letter else UNKNOWN


@lru_cache(maxsize=4)
def _widths(font: str) -> dict[int, float]:
    return dict(_face(font).face.charWidths)


@lru_cache(maxsize=4)
def _face(font: str) -> TTFont:
    return TTFont(font, str(Path(__file__).parents[1] / "static" / "fonts" / FONT_FILES[font]))
