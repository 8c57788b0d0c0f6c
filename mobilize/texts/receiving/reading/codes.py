"""The five digits of a line, as they are typed or dictated: `HERE 37806`, "378-06", "tres siete ocho ..."."""

import re

ONES = {
    **{"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9},
    **{"uno": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "nueve": 9},
}
TENS = {
    **{"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70},
    **{"eighty": 80, "ninety": 90, "veinte": 20, "treinta": 30, "cuarenta": 40, "cincuenta": 50},
    **{"sesenta": 60, "setenta": 70, "ochenta": 80, "noventa": 90},
}
_BELOW_TWENTY = {
    **{"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16},
    **{"seventeen": 17, "eighteen": 18, "nineteen": 19, "diez": 10, "once": 11, "doce": 12, "trece": 13},
    **{"catorce": 14, "quince": 15, "dieciseis": 16, "diecisiete": 17, "dieciocho": 18, "diecinueve": 19},
}
NUMBER_WORDS = {
    **dict.fromkeys(("zero", "cero", "none", "nobody", "nadie"), 0),
    **ONES,
    "una": 1,
    **_BELOW_TWENTY,
    **TENS,
}
# Codes are dictated digit by digit, or in pairs.
_SPOKEN = {word: str(number) for word, number in NUMBER_WORDS.items()} | {"oh": "0", "o": "0"}
_PAIR = re.compile(rf"\b({'|'.join(TENS)}) (?:y )?({'|'.join(ONES)})\b")
_CODE = re.compile(r"(?<!\d)\d(?: ?\d){4}(?!\d)")
_HERE = r"(?:here|hear|aqui|aki|presente|present|check(?:ing)? in)"
_BESIDE = re.compile(
    rf"\b{_HERE} (?:(?:code|codigo|clave|is|es|at|en|with|con|the|el|my|mi) ){{0,3}}#?(\d{{5}})\b"
    rf"|\b(\d{{5}}) (?:(?:im|i am|we are|and|y|ya|estoy|ando|toy) ){{0,2}}{_HERE}\b"
)
# What may stand around a code and a word of being here, and changes nothing.
_AROUND = {
    *("im", "i", "am", "is", "my", "me", "it", "the", "code", "codigo", "clave", "el", "es", "mi"),
    *("estoy", "toy", "ando", "ya", "line", "linea", "at", "en", "with", "con", "check", "checking"),
    *("in", "please", "pls", "por", "favor", "thanks", "thank", "you", "gracias", "thx", "hi", "hello"),
    *("hola", "good", "morning", "buenos", "dias", "sorry", "late", "tarde", "and", "y"),
}
_IS_HERE = {
    *("here", "hear", "aqui", "aki", "presente", "present", "check", "checking", "code", "codigo"),
    *("clave"),
}


def spoken_digits(plain: str) -> str:
    """A text with its number words as digits, pairs like "thirty seven" as two."""
    paired = _PAIR.sub(lambda match: str(TENS[match[1]] + ONES[match[2]]), plain)
    return " ".join(_SPOKEN.get(word, word) for word in paired.split())


def codes_in(plain: str) -> set[str]:
    """Every code in a text, in digits or dictated."""
    typed = _CODE.findall(plain) or _CODE.findall(spoken_digits(plain))
    return {code.replace(" ", "") for code in typed}


def code_beside_here(plain: str) -> str | None:
    """Five digits right beside a word of being here; None where several are."""
    codes = {first or second for first, second in _BESIDE.findall(plain)}
    return codes.pop() if len(codes) == 1 else None


def code_alone(plain: str) -> tuple[str, bool] | None:
    """The code of a text that says nothing else, and whether it says that somebody is here, or that it is a
    code."""
    words = spoken_digits(plain.replace("#", " ")).split()
    digits = "".join(word for word in words if word.isdigit())
    others = {word for word in words if not word.isdigit()}
    if len(digits) == 10 and digits[:5] == digits[5:]:
        digits = digits[:5]
    return (digits, bool(others & _IS_HERE)) if len(digits) == 5 and others <= _AROUND | _IS_HERE else None
