"""Identifiers that people type to be counted: a mobile number, a member number, or a name."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.languages import _
from mobilize.phones import normalize

LONGEST = 80
# A number that matched nobody is kept this long for a person to match (docs/privacy.md).
WALKUPS_KEPT = timedelta(days=14)

# 555-0123: a mobile number whose area code was left out, and not somebody's member number.
_LOCAL = re.compile(r"\d{3}[\s.-]+\d{4}")


@dataclass(frozen=True)
class Identifier:
    """A readable number. `kind` is "phone" (`text` in E.164), "number" (`text` of eight digits), or for
    somebody a captain adds "name"."""

    kind: str
    text: str

    @cached_property
    def index(self) -> bytes:
        """The blind index by which a member with this number is found."""
        return blind_index(self.kind, self.text)

    def __str__(self) -> str:
        return f"{self.kind}:{self.text}"

    def __repr__(self) -> str:
        return f"Typed({self.kind})"  # the number stays out of tracebacks and logs

    @classmethod
    def stored(cls, value: str) -> "Identifier":
        """The reverse of `str()`."""
        kind, _colon, text = value.partition(":")
        return cls(kind, text)


def read_typed(written: str) -> Identifier:
    """The number `written` means. Raises `Refused` when it is neither, in the same words for everybody."""
    if len(written) > LONGEST:
        raise unreadable()
    reading = normalize(written)
    if reading.phone:
        return Identifier("phone", reading.phone)
    plain = unicodedata.normalize("NFKC", written).strip()
    digits = re.sub(r"[\s.#-]", "", plain)
    if re.fullmatch(r"[0-9]{1,8}", digits) and not _LOCAL.fullmatch(plain):
        return Identifier("number", digits.zfill(8))
    raise unreadable()


def read_typed_or_name(written: str) -> Identifier:
    """The number or name a captain wrote down for somebody. A name finds nobody by itself; a person matches
    it. Raises `Refused` when there is nothing to read."""
    try:
        return read_typed(written)
    except Refused:
        name = " ".join(unicodedata.normalize("NFC", written).split())
        if not any(letter.isalpha() for letter in name):
            message = _("Write a mobile number, a member number or a name.")
            raise Refused("unreadable", message) from None
        return Identifier("name", "".join(letter for letter in name if letter.isprintable())[:80])


def unreadable() -> Refused:
    """The refusal where nothing says who is to be counted."""
    return Refused("unreadable", _("Type your mobile number with area code, or your member number."))
