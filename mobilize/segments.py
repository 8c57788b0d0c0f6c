"""Segments of a text, by which the carrier charges: its alphabet, and how many it takes.

Source: 3GPP TS 23.038 section 6.2.1 (GSM 7-bit default alphabet and its extension table). One segment holds
160 septets or 70 UCS-2 units; in a longer text each segment gives seven octets to the header that joins them,
which leaves 153 and 67.
"""

import math
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_TWO_SEPTETS = frozenset("\f^{}\\[~]|€")
GSM = GSM_BASIC | GSM_TWO_SEPTETS

# What a word processor puts in, and what says the same within GSM-7.
_TYPOGRAPHY = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "}
)


@dataclass(frozen=True)
class MessageLength:
    """`units` are septets in GSM-7 and 16-bit units in UCS-2."""

    alphabet: str  # "GSM-7" or "UCS-2"
    units: int
    segments: int


# Everybody at one site gets the same words.
@lru_cache(maxsize=256)
def measure(body: str) -> MessageLength:
    """The length of a rendered text. One letter outside GSM-7 turns the whole text into UCS-2."""
    letters = set(body)
    if letters <= GSM:
        return _length(body, "GSM-7", letters & GSM_TWO_SEPTETS, 160, 153)
    return _length(body, "UCS-2", {c for c in letters if ord(c) > 0xFFFF}, 70, 67)


def segments(body: str) -> int:
    """The number of segments the carrier bills for this body; at least 1."""
    return measure(body).segments


def fold(body: str) -> str:
    """The text within GSM-7 where it can be: typographic quotes and dashes straightened, and the
    accents that GSM-7 lacks dropped. What has no plain letter (an emoji) stays. Folding twice changes
    nothing."""
    composed = unicodedata.normalize("NFC", body).translate(_TYPOGRAPHY)
    return "".join(c if _is_gsm(c) else _plain_letter(c) for c in composed)


def letters_outside_gsm(body: str) -> list[str]:
    """The letters that turn this text into UCS-2, each once, in order of appearance."""
    return list(dict.fromkeys(c for c in body if not _is_gsm(c)))


def _length(body: str, alphabet: str, doubles: set[str], alone: int, joined: int) -> MessageLength:
    units = len(body) + sum(body.count(c) for c in doubles)
    if units <= alone:
        return MessageLength(alphabet, units, 1)
    if not doubles:
        return MessageLength(alphabet, units, math.ceil(units / joined))
    return MessageLength(alphabet, units, _filled(body, doubles, joined))


def _filled(body: str, doubles: set[str], joined: int) -> int:
    """A letter of two units never straddles two segments, so a full segment can end one unit short."""
    count, room = 1, joined
    for letter in body:
        unit = 2 if letter in doubles else 1
        if unit > room:
            count, room = count + 1, joined
        room -= unit
    return count


def _is_gsm(letter: str) -> bool:
    return letter in GSM


def _plain_letter(letter: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFD", letter) if not unicodedata.combining(c))
    return plain if plain and all(_is_gsm(c) for c in plain) else letter
