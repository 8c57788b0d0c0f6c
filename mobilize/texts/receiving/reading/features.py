"""Features of a short text: its words, pairs and triples of them, classes of words (`lexicon`) and pairs of
those, and pieces of three to five letters of how the words sound."""

import re
import unicodedata

from mobilize.texts.receiving.reading.lexicon import SPELLINGS, classes

_TOKEN = re.compile(r"[a-z]+|#+|[0-9]+|[^\w\s]")
# Lengths in words, from which a text belongs to the next class.
_LENGTHS = (1, 2, 3, 4, 7, 13, 25)
# How far apart two classes of words make a pair.
_REACH = 5
# What sounds alike in Spanish, and is written alike on phones.
_SOUNDS = (
    *(("ch", "X"), ("qu", "k"), ("ce", "se"), ("ci", "si"), ("c", "k"), ("q", "k"), ("z", "s"), ("h", "")),
    *(("v", "b"), ("ll", "y"), ("w", "u")),
)
# Of what is longer only the beginning is read: no text is, and it may not take long.
_LONGEST = 1_600


def fold(text: str) -> str:
    """Lower case without accents, apostrophes and joiners; emoji stay."""
    plain = unicodedata.normalize("NFKD", text).lower().replace("'", "").replace("’", "")
    return "".join(c for c in plain if unicodedata.category(c) not in {"Mn", "Me", "Cf"})


def tokens(text: str) -> list[str]:
    """Words, figures and signs. Of a figure only its length matters, except 1 and 2, which are answers; a
    letter said three times and more is said once."""
    plain = fold(text[:_LONGEST])
    masked = re.sub(r"\d+", lambda m: m[0] if m[0] in {"1", "2"} else "#" * min(len(m[0]), 6), plain)
    parts = _TOKEN.findall(re.sub(r"([a-z])\1{2,}", r"\1", masked))
    return [SPELLINGS.get(part, part) for part in parts]


def features(text: str, *, of_chair: bool) -> set[str]:
    """The features of a text. `of_chair`: its sender was asked for a head count."""
    parts = tokens(text)
    words = [part for part in parts if part[0].isalnum() or part[0] == "#"]
    framed = ["^", *parts, "$"]
    names = {f"w {part}" for part in parts}
    names.update(f"w {a} {b}" for a, b in zip(framed, framed[1:], strict=False))
    names.update(f"w {a} {b} {c}" for a, b, c in zip(framed, framed[1:], framed[2:], strict=False))
    names.update(f"s {a} {b}" for a, b in zip(words, words[2:], strict=False))
    names.update(*map(_pieces, parts))
    names.update(_class_names(parts))
    names.add(f"n {max((least for least in _LENGTHS if least <= len(words)), default=0)}")
    if of_chair:
        names.add("chair")
    return names


def _class_names(parts: list[str]) -> set[str]:
    """Each class of the words, and each pair of classes near each other, in their order."""
    by_part = [classes(part) for part in parts]
    names = {f"k {one}" for of_one in by_part for one in of_one}
    for n, firsts in enumerate(by_part):
        if firsts:
            seconds = {second for near in by_part[n + 1 : n + _REACH] for second in near}
            names.update(f"k {first}>{second}" for first in firsts for second in seconds)
    return names


def _pieces(part: str) -> set[str]:
    padded = f" {_sound(part)} "
    return {"c" + padded[i : i + n] for n in (3, 4, 5) for i in range(len(padded) - n + 1)}


def _sound(word: str) -> str:
    for written, sound in _SOUNDS:
        word = word.replace(written, sound)
    return re.sub(r"(.)\1+", r"\1", word)
