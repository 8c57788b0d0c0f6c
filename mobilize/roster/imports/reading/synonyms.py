"""Synonyms in rosters and site lists for languages, statuses, areas, roles and phone kinds.

Every table maps our word to the spellings seen in exports; they are compared folded, so case, accents, spaces
and punctuation never matter. A spelling that another union uses is added here and nowhere else.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from mobilize.roster.names import fold

LANGUAGES = {
    "en": ("English", "EN", "eng", "Eng.", "inglés"),
    "es": ("Spanish", "ES", "Español", "SPA", "Sp"),
    "hy": ("Armenian", "hy", "Eastern Armenian"),
    "ko": ("Korean", "ko", "KOR"),
    "tl": ("Tagalog", "Filipino", "tl", "Pilipino"),
    "zh": ("Chinese", "Mandarin", "zh", "Cantonese"),
    "vi": ("Vietnamese", "vi"),
    "fa": ("Farsi", "Persian", "fa"),
    "ru": ("Russian", "ru"),
    "ja": ("Japanese", "ja"),
    "ase": ("ASL", "American Sign Language"),
}
STATUSES = {
    "active": ("Active", "A", "Permanent", "Probationary", "Member"),
    "leave": ("Leave", "LOA", "On Leave", "Leave of Absence"),
    "retired": ("Retired", "UTLA-R", "RET"),
    "substitute": ("Substitute", "Sub", "Day-to-Day Sub"),
}
NOT_MEMBERS = ("Non-Member", "Agency Fee", "Terminated", "Deceased", "Resigned")
YES = ("Y", "Yes", "Sí", "STOP", "TRUE", "1", "x", "Do not text", "DNC")
AREAS = {
    "North": ("North", "N"),
    "South": ("South", "S"),
    "East": ("East", "E"),
    "West": ("West", "W"),
    "Central": ("Central", "C"),
    "Valley East": ("Valley East", "VE"),
    "Valley West": ("Valley West", "VW"),
    "Harbor": ("Harbor", "H"),
}
ROLES = {
    "Chapter Chair": ("Chapter Chair", "CC", "Chair"),
    "Co-Chair": ("Co-Chair",),
    "Vice Chair": ("Vice Chair",),
    "CAT": ("CAT", "CAT Team"),
    "Cluster Leader": ("Cluster Leader",),
}
PHONE_KINDS = {
    "mobile": ("Mobile", "Cell"),
    "home": ("Home", "Landline"),
    "work": ("Work",),
}
NOTHING = ("", "No Data", "Information Redacted")
"""How the California school directory writes an empty cell."""

# Cc but not tab and line ends (they become spaces), and the marks that reverse or hide text on a page.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MISREAD_UTF8 = re.compile("[ÃÂ][\u0080-\u00bf\u0152-\u0178\u02c6\u02dc\u2018-\u203a\u20ac\u2122]")


def clean(text: str) -> str:
    """`text` as it is stored and shown: composed accents, single spaces, no control or direction marks."""
    if not text.isascii() or not text.isprintable():
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    return " ".join(text.split())


def looks_misread(text: str) -> bool:
    """True for `GarcÃ­a`: UTF-8 that some program read as Windows-1252 before it reached us."""
    return bool(_MISREAD_UTF8.search(text))


def folded(words: Iterable[str]) -> frozenset[str]:
    """The folded spellings, to ask `fold(cell) in ...`."""
    return frozenset(fold(word) for word in words)


def by_spelling(words: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The table from folded spelling to our word."""
    return {fold(spelling): word for word, spellings in words.items() for spelling in (word, *spellings)}
