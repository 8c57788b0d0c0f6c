"""Random tokens and short codes: making, hashing, and parsing what people typed."""

import hashlib
import re
import secrets
import unicodedata

# No vowels, so that no word appears, and none of 0 O 1 I L 5 S 2 Z 8 B that are misread on paper.
CODE_LETTERS = "34679CDFGHJKMNPQRTVWXY"
CODE_LENGTH = 9


def random_token() -> str:
    """A secret for a link or a cookie: 256 bits, safe in an address."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """The hash that is stored of a token. Plain SHA-256 is enough, since tokens are 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


def make_code(length: int = CODE_LENGTH) -> str:
    """A check-in code. Nine of 22 letters are 1.2e12 possibilities: with 2,000 open events,
    somebody guessing 100 codes a second for a month finds one with a chance under one half."""
    drawn, letters = secrets.randbelow(len(CODE_LETTERS) ** length), ""
    for _ in range(length):
        drawn, place = divmod(drawn, len(CODE_LETTERS))
        letters += CODE_LETTERS[place]
    return letters


def read_code(typed: str) -> str:
    """The code in what somebody typed or a messenger altered: case, spaces, dashes and trailing marks go."""
    plain = unicodedata.normalize("NFKC", typed).upper()
    return re.sub(r"[^0-9A-Z]", "", plain)[:32]


def spaced_code(code: str) -> str:
    """`ABCDEFGHJ` as it is printed for typing: `ABC DEF GHJ`."""
    return " ".join(code[i : i + 3] for i in range(0, len(code), 3))


def make_text_code(length: int) -> str:
    """A code of `length` digits for `HERE 48219`, never starting with 0. The last is a check digit: one wrong
    digit, or two neighbours swapped, is never another event's code."""
    body = str(secrets.randbelow(9 * 10 ** (length - 2)) + 10 ** (length - 2))
    return body + _damm(body)


# H. Michael Damm's totally anti-symmetric quasigroup of order 10 (dissertation, Marburg 2004).
_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip


def _damm(digits: str) -> str:
    state = 0
    for digit in digits:
        state = int(_DAMM[state][int(digit)])
    return str(state)
