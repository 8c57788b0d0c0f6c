"""Reading what somebody texted: words in, an intent and a value out. Nothing here touches the database.

Words are compared without case, accents and punctuation. STOP comes first and in more ways than the carrier
knows; YES never counts as START, because people answer YES to anything.
"""

import re
import unicodedata
from dataclasses import dataclass

from mobilize.texts.models import Intent, QuestionKind

STOP_WORDS = {
    *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out"),
    *("alto", "parar", "pare", "baja", "cancelar", "para", "no mas", "alto por favor", "pare por favor"),
}
STOP_PHRASES = (
    "stop please",
    "please stop",
    "stop texting",
    "stop text",
    "stop messag",
    "stop sending",
    "remove me",
    "take me off",
    "unsubscribe me",
    "opt me out",
    "dont text",
    "do not text",
    "no more text",
    "no more messag",
    "no mas mensajes",
    "no mas textos",
    "no me escriban",
    "no me manden",
    "no me envien",
    "no quiero mas",
    "dejen de",
    "denme de baja",
    "quitenme",
    "borrenme",
)
ANSWERS = {
    QuestionKind.HEAD_COUNT: (Intent.NUMBER,),
    QuestionKind.COMING: (Intent.COMING, Intent.NOT_COMING),
    QuestionKind.WHO_COMES: (Intent.NUMBER,),
    QuestionKind.WHO_DOES_NOT: (Intent.NUMBER,),
    QuestionKind.WHO_IS_HERE: (Intent.NUMBER,),
}
WHICH = (QuestionKind.WHO_COMES, QuestionKind.WHO_DOES_NOT, QuestionKind.WHO_IS_HERE)
START_WORDS = {"start", "unstop", "alta"}
HELP_WORDS = {"help", "info", "ayuda", "informacion"}
WHO_PHRASES = (
    "who is this",
    "whos this",
    "who are you",
    "quien es",
    "quien eres",
    "quienes son",
    "de quien es",
)
LANGUAGE_WORDS = {"espanol": "es", "spanish": "es", "ingles": "en", "english": "en"}
ALL_WORDS = {
    "all",
    "all of us",
    "both",
    "both of us",
    "we all",
    "todos",
    "todas",
    "ambos",
    "ambas",
    "los dos",
}
COMING_WORDS = {
    *("in", "im in", "count me in", "yes", "yes coming", "coming", "ill be there", "well be there"),
    *(
        "si",
        "voy",
        "si voy",
        "ahi estare",
        "ahi estaremos",
        "alli estare",
        "cuenten conmigo",
        "cuenta conmigo",
    ),
}
NOT_COMING_WORDS = {
    *(
        "out",
        "no",
        "nope",
        "not coming",
        "cant",
        "cannot",
        "i cant",
        "sorry cant",
        "cant come",
        "cant make it",
    ),
    *(
        "i cant make it",
        "i cant come",
        "no voy",
        "no puedo",
        "no puedo ir",
        "no podre",
        "no ire",
        "no voy a poder",
    ),
}
ALARM_WORDS = re.compile(
    r"\b(police|cops?|arrest\w*|hurt|injur\w*|bleeding|ambulance|911|emergency|attacked|gun|shots?|shooting"
    r"|policia|migra|herid[oa]s?|lastim\w+|golpe\w+|sangr\w+|ambulancia|emergencia|armas?|disparos?)\b"
)
HERE = re.compile(r"(?:im |i am |estoy )?(?:here|aqui|presente)\s*[:#-]?\s*(\d{4,6})")
NUMBER_WORDS = {
    word: number
    for number, words in enumerate(
        [
            "zero cero none nobody nadie",
            "one uno una",
            "two dos",
            "three tres",
            "four cuatro",
            "five cinco",
            "six seis",
            "seven siete",
            "eight ocho",
            "nine nueve",
            "ten diez",
            "eleven once",
            "twelve doce",
            "thirteen trece",
            "fourteen catorce",
            "fifteen quince",
        ]
    )
    for word in words.split()
} | {"twenty": 20, "veinte": 20, "thirty": 30, "treinta": 30, "forty": 40, "cuarenta": 40, "fifty": 50}


@dataclass(frozen=True)
class Reading:
    """`value`: the text code for HERE, the figure for NUMBER (or "all" of a phone), en or es for LANGUAGE."""

    intent: Intent
    value: str | None = None


def read_reply(body: str, asked: str | None = None) -> Reading:
    """What `body` means from somebody whose open question is of the kind `asked` (or none)."""
    plain = plain_words(body)
    if plain in STOP_WORDS or any(phrase in plain for phrase in STOP_PHRASES):
        return Reading(Intent.OUT)
    if ALARM_WORDS.search(plain):
        return Reading(Intent.ALARM)
    if plain in START_WORDS:
        return Reading(Intent.IN)
    here = HERE.fullmatch(plain)
    if here:
        return Reading(Intent.HERE, here[1])
    return _answer(plain, asked) or _wish(plain) or Reading(Intent.OTHER)


def plain_words(body: str) -> str:
    """Lower case, accents folded, keycap and full-width digits as digits, punctuation and emoji gone."""
    text = unicodedata.normalize("NFKD", body).lower().replace("'", "").replace("’", "")
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "#") else _gap(c) for c in text)
    return " ".join(kept.split())


def _gap(letter: str) -> str:
    """Accents (combining marks, the keycap of 2️⃣) vanish; anything else separates words."""
    return "" if unicodedata.category(letter) in {"Mn", "Me"} else " "


def _answer(plain: str, asked: str | None) -> Reading | None:
    number = _number(plain)
    if asked == QuestionKind.HEAD_COUNT and number is not None:
        return Reading(Intent.NUMBER, number)
    if asked == QuestionKind.COMING and (plain in COMING_WORDS or number == "1"):
        return Reading(Intent.COMING)
    if asked == QuestionKind.COMING and (plain in NOT_COMING_WORDS or number == "2"):
        return Reading(Intent.NOT_COMING)
    if asked in WHICH and plain in ALL_WORDS:
        return Reading(Intent.NUMBER, "all")
    return Reading(Intent.NUMBER, number) if number is not None else None


def _wish(plain: str) -> Reading | None:
    if plain in HELP_WORDS:
        return Reading(Intent.HELP)
    if any(phrase in plain for phrase in WHO_PHRASES):
        return Reading(Intent.WHO)
    if plain in LANGUAGE_WORDS:
        return Reading(Intent.LANGUAGE, LANGUAGE_WORDS[plain])
    return Reading(Intent.URGENT_OK) if plain in {"urgent", "urgente"} else None


def _number(plain: str) -> str | None:
    """One figure and nothing that could change it: "24", "24 people", "somos 24"; "1 y 3" is none."""
    if plain in NUMBER_WORDS:
        return str(NUMBER_WORDS[plain])
    figures = re.findall(r"\d+", plain)
    rest = set(re.sub(r"\d+", " ", plain).split())
    harmless = {
        "people",
        "of",
        "us",
        "we",
        "are",
        "have",
        "here",
        "count",
        "personas",
        "somos",
        "hay",
        "aqui",
    }
    if len(figures) != 1 or len(figures[0]) > 5 or not rest <= harmless:
        return None
    return str(int(figures[0]))
