"""Five hundred invented members whose names, numbers and phones are found wherever they leak to."""

import base64
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

SURNAME, FIRST = "Kolibrando", "Sperlinga"
# 555-01xx is nobody's in every area code; 213 is left to the union's own numbers.
AREA_CODES = ("310", "323", "424", "626", "818")
NUMBERS_FROM = 77_340_000
N = 500
HEADER = ["Employee No", "Last Name", "First Name", "Cell Phone", "Language", "CDS Code", "Member Status"]


@dataclass(frozen=True)
class Canary:
    number: str
    last: str
    first: str
    phone: str


def letters(n: int) -> str:
    return "".join(chr(97 + n // 26**place % 26) for place in (2, 1, 0))


CANARIES = [
    Canary(
        str(NUMBERS_FROM + n),
        SURNAME + letters(n),
        FIRST + letters(N - n),
        f"+1{AREA_CODES[n // 100]}55501{n % 100:02d}",
    )
    for n in range(N)
]


def roster(sites: list[str]) -> str:
    out = io.StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow(HEADER)
    for n, one in enumerate(CANARIES):
        language = "Spanish" if n % 2 else "English"
        rows.writerow([one.number, one.last, one.first, one.phone, language, sites[n % len(sites)], "Active"])
    return out.getvalue()


def _disguises(word: str) -> list[bytes]:
    """The word as it is, in UTF-16, in hexadecimal, and in base64 wherever it begins."""
    plain = word.encode()
    shifted = [base64.b64encode(b"x" * n + plain)[4 if n else 0 :][: len(word)] for n in (0, 1, 2)]
    return [plain, word.encode("utf-16-le"), plain.hex().encode(), *shifted]


NAMES = sorted({d.lower() for word in (SURNAME, FIRST) for d in _disguises(word)})
# The end first, since a search for a plain beginning is quick: the database's own files are large.
_END_OF_PHONE = re.compile(rb"555[^0-9A-Za-z]{0,3}01[0-9]{2}(?![0-9])")
_BEFORE_IT = re.compile(b"(?:" + "|".join(AREA_CODES).encode() + rb")[^0-9A-Za-z]{0,4}$")
_HEX_PHONES = [f"{code}55501".encode().hex().encode() for code in AREA_CODES]
_MEMBER_NUMBER = re.compile(rb"7734[0-4][0-9]{3}(?![0-9a-zA-Z])")
_WORD = re.compile(rb"[0-9a-zA-Z]")


def hits(data: bytes) -> Counter[str]:
    """The number of times each kind of personal datum stands in these bytes."""
    lowered = data.lower()
    phones = (m.start() for m in _END_OF_PHONE.finditer(data))
    numbers = (m.start() for m in _MEMBER_NUMBER.finditer(data))
    return +Counter(
        {
            "name": sum(lowered.count(name) for name in NAMES),
            "phone": sum(bool(_BEFORE_IT.search(data[max(0, at - 8) : at])) for at in phones),
            "phone in hex": sum(lowered.count(phone) for phone in _HEX_PHONES),
            "member number": sum(not _WORD.match(data[at - 1 : at]) for at in numbers),
        }
    )


def hits_in_files(*folders: Path, but: tuple[str, ...] = ()) -> dict[str, Counter[str]]:
    """The same for every file below these folders, except those whose name ends so."""
    results = {}
    for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
        if path.is_file() and not path.name.endswith(but) and (counts := hits(path.read_bytes())):
            results[str(path)] = counts
    return results
