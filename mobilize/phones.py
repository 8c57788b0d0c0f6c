"""Phone numbers: parsed from what people and spreadsheets contain, stored as E.164.

The reading is the roster contract's: the number before a "/" or ";", without an extension, as a number of the
North American plan whose area code and exchange start with 2-9.
"""

import re
import unicodedata
from dataclasses import dataclass

_EXTENSION = re.compile(r"\s*(?:ext\.?|x|#)\s*\d+\s*$", re.IGNORECASE)
_NATIONAL = re.compile(r"[2-9]\d\d[2-9]\d{6}")


@dataclass(frozen=True)
class PhoneReading:
    """`phone` in E.164, or None with `problem` "no_phone" (nothing written) or "bad_phone" (unreadable).

    `extension` tells a desk phone behind a switchboard, which cannot be texted.
    """

    phone: str | None
    problem: str | None = None
    extension: bool = False


def normalize(written: str) -> PhoneReading:
    """Parse a phone number. Never raises; nothing is guessed."""
    text = unicodedata.normalize("NFKC", written).strip()
    if not text:
        return PhoneReading(None, "no_phone")
    text = re.split(r"[/;]", text, maxsplit=1)[0]
    bare = _EXTENSION.sub("", text)
    extension = bare != text
    digits = re.sub(r"\D", "", re.sub(r"\.0$", "", bare.strip()))
    if len(digits) == 11 and digits.startswith("1"):
        digits = digits[1:]
    if not digits.isascii() or not _NATIONAL.fullmatch(digits):
        return PhoneReading(None, "bad_phone", extension)
    return PhoneReading("+1" + digits, None, extension)


def may_be_texted(phone: str) -> bool:
    """False for premium numbers (area code 900), which are never texted."""
    return not phone.startswith("+1900")


def format_phone(phone: str) -> str:
    """`+12135550123` in the national format: (213) 555-0123."""
    digits = phone.removeprefix("+1")
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if len(digits) == 10 else phone
