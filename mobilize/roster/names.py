"""Names of people: three parts in one sealed text, and how they are shown, sorted and searched."""

import unicodedata
from dataclasses import dataclass

_PART = "\x1f"
# Before a surname, and no initial of it: nobody knows Alejandra de la Cruz as Alejandra d.
_PARTICLES = frozenset(("da", "das", "de", "del", "der", "di", "do", "dos", "la", "las", "los", "van", "von"))


@dataclass(frozen=True)
class PersonName:
    """`last`, `first` as the roster writes them, `preferred` as they like to be called; any may be empty."""

    last: str
    first: str
    preferred: str = ""

    @classmethod
    def read(cls, stored: str) -> "PersonName":
        """The name `stored()` wrote."""
        last, first, preferred = (stored.split(_PART) + ["", ""])[:3]
        return cls(last, first, preferred)

    def stored(self) -> str:
        """The one text that is sealed. The mark between its parts is dropped when typed into one."""
        return _PART.join(part.replace(_PART, "") for part in (self.last, self.first, self.preferred))

    @property
    def full(self) -> str:
        """ "Rosa Méndez"."""
        return " ".join(part for part in (self.preferred or self.first, self.last) if part)

    @property
    def short(self) -> str:
        """ "Rosa M.", for a list that strangers may glance at."""
        called = self.preferred or self.first
        return f"{called} {_initial(self.last)}.".strip() if called and self.last else self.full

    @property
    def sorted_by(self) -> str:
        """By surname, blind to case and accents."""
        return fold(self.last) + " " + fold(self.first)

    @property
    def searched_in(self) -> str:
        return fold(self.first + self.last + self.preferred)


def _initial(last: str) -> str:
    """Of the first word that is no particle."""
    words = last.split()
    telling = next((word for word in words if word.casefold() not in _PARTICLES), last)
    return telling[:1].upper()


def fold(text: str) -> str:
    """Letters and digits of any script, without accents and case: how names, sites and headings compare."""
    if text.isascii():
        return "".join(filter(str.isalnum, text)).lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(c for c in apart if not unicodedata.combining(c) and c.isalnum()).casefold()
