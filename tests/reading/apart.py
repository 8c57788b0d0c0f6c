"""Distance between the sentences that the reader is trained on and those that are sealed."""

from collections.abc import Sequence

import numpy as np

from mobilize.texts.receiving.replies import plain_words

# No sentence of one is closer to one of the other.
LEAST = 5
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 #"


def too_close(trained_on: Sequence[str], sealed: Sequence[str]) -> list[int]:
    """The places of those trained on that are fewer than `LEAST` edits from a sealed one, after folding."""
    plain = [plain_words(text) for text in trained_on]
    counts = np.array([[text.count(letter) for letter in _LETTERS] for text in plain], np.int16)
    close: set[int] = set()
    for other in map(plain_words, sealed):
        missing = counts - np.array([other.count(letter) for letter in _LETTERS], np.int16)
        # An edit adds a letter, takes one away, or does both.
        least = np.maximum(np.maximum(missing, 0).sum(1), np.maximum(-missing, 0).sum(1))
        close.update(n for n in np.flatnonzero(least < LEAST).tolist() if distance(plain[n], other) < LEAST)
    return sorted(close)


def distance(one: str, other: str) -> int:
    """How many letters have to be added, taken away or changed (Levenshtein 1966)."""
    above = list(range(len(other) + 1))
    for n, letter in enumerate(one, 1):
        row = [n]
        for place, its in enumerate(other):
            row.append(min(above[place + 1] + 1, row[place] + 1, above[place] + (letter != its)))
        above = row
    return above[-1]
