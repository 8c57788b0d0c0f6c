"""What a person typed to be counted: a mobile number or a member number."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from mobilize.crypto import blind_index
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.phones import normalize

# A number that matched nobody is kept this long for a person to match: `trust.md`, "Privacy".
WALKUPS_KEPT = timedelta(days=14)


@dataclass(frozen=True)
class Typed:
    """A readable number. `kind` is "phone" (`text` in E.164) or "number" (`text` of eight digits)."""

    kind: str
    text: str

    @property
    def bix(self) -> bytes:
        """The blind index by which a member with this number is found."""
        return blind_index(self.kind, self.text)


def read_typed(written: str) -> Typed:
    """The number `written` means. Raises `Refused` when it is neither, in the same words for everybody."""
    reading = normalize(written)
    if reading.phone:
        return Typed("phone", reading.phone)
    digits = re.sub(r"[\s.-]", "", unicodedata.normalize("NFKC", written))
    if re.fullmatch(r"[0-9]{1,8}", digits):
        return Typed("number", digits.zfill(8))
    raise Refused("unreadable", _("Type your mobile number with area code, or your member number."))
