"""Variants of sentences for training: as thumbs, autocorrection and voice input change them."""

import re
from random import Random

# The keys beside each key.
_BESIDE = {
    **{"a": "sqz", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo"},
    **{"j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et"},
    **{"s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x"},
}
_SHORTENED = (
    *(("que", "q"), ("please", "pls"), ("you", "u"), ("quiero", "kiero"), ("porque", "xq"), ("por", "x")),
    *(("here", "hear"), ("message", "msg"), ("messages", "msgs"), ("texts", "txts"), ("text", "txt")),
    *(("para", "pa"), ("estoy", "toy"), ("your", "ur"), ("are", "r")),
)
_SOUNDS_LIKE = (("qui", "ki"), ("ll", "y"), ("v", "b"), ("z", "s"), ("h", ""))
_ENDINGS = ("ok", "gracias", "thx", "thanks", "please", "por favor", "!!", "🙏", "ya")


def variant(text: str, random: Random) -> str:
    """The same sentence as somebody else might have typed it; sometimes as it is."""
    if random.random() < 0.35:
        text = re.sub(r"[.,;:!?¿¡]+", " ", text)
    words = text.split(" ")
    long = [n for n, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    if long and random.random() < 0.75:
        for n in random.sample(long, min(1 if len(words) < 8 else 2, len(long))):
            words[n] = _mistyped(words[n], random)
    text = " ".join(words)
    if random.random() < 0.3:
        text = _shortened(text, random)
    return f"{text} {random.choice(_ENDINGS)}" if random.random() < 0.08 and len(words) < 12 else text


def _mistyped(word: str, random: Random) -> str:
    n = random.randrange(1, len(word)) if random.random() < 0.85 else 0
    kind = random.random()
    if kind < 0.3 and n < len(word) - 1:
        return word[:n] + word[n + 1] + word[n] + word[n + 2 :]
    if kind < 0.6:
        return word[:n] + word[n + 1 :]
    if kind < 0.8:
        return word[: n + 1] + word[n:]
    return word[:n] + random.choice(_BESIDE.get(word[n].lower(), word[n])) + word[n + 1 :]


def _shortened(text: str, random: Random) -> str:
    if random.random() < 0.7:
        word, short = random.choice(_SHORTENED)
        return re.sub(rf"\b{word}\b", short, text, flags=re.IGNORECASE)
    sound, letters = random.choice(_SOUNDS_LIKE)
    return re.sub(sound, letters, text, count=1, flags=re.IGNORECASE)
