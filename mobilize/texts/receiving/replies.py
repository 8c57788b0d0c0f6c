"""Parsing of texts that came in: words in, an intent and a value out. Nothing here touches the database.

Bare words and figures are compared without case, accents and punctuation. Whatever is said in more words is
read by a classifier (`reading`): an emergency first, then the wish to get no more texts. YES never counts as
START, because people answer YES to anything.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from babel import Locale

from mobilize.languages import LANGUAGES
from mobilize.texts.models import Intent, QuestionKind
from mobilize.texts.receiving.reading.classifier import probabilities
from mobilize.texts.receiving.reading.counts import CountRead, read_count
from mobilize.texts.receiving.reading.features import tokens
from mobilize.texts.receiving.reading.lexicon import classes

STOP_WORDS = {
    *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out"),
    *("alto", "parar", "pare", "baja", "cancelar", "para", "no mas", "alto por favor", "pare por favor"),
    *(
        "remove",
        "unsub",
        "salir",
        "fin",
        "finalizar",
        "terminar",
        "detener",
        "eliminar",
        "borrar",
        "desuscribir",
    ),
}
# May be meant for the texts, or for anything else.
DOUBTFUL_WORDS = {"can you stop", "please stop it", "im done", "ay ya", "ya basta", "leave me alone"}
ANSWERS = {
    QuestionKind.HEAD_COUNT: (Intent.NUMBER,),
    QuestionKind.COMING: (Intent.COMING, Intent.NOT_COMING),
    QuestionKind.WHO_COMES: (Intent.NUMBER,),
    QuestionKind.WHO_DOES_NOT: (Intent.NUMBER,),
    QuestionKind.WHO_IS_HERE: (Intent.NUMBER,),
}
WHICH = (QuestionKind.WHO_COMES, QuestionKind.WHO_DOES_NOT, QuestionKind.WHO_IS_HERE)
START_WORDS = {"start", "unstop", "alta", "resubscribe", "resubscribe me", "iniciar", "reanudar"}
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
# A wish about texts and nothing else. "Don't stop texting" is none.
NO_MORE_TEXTS = re.compile(
    r"(?<!dont )(?<!do not )(?<!never )(?<!not )(?<!you )\b(?:stop|quit) (?:sending )?(?:me |my "
    r"|these |the |all )*(?:text|messag)\w*"
    r"|\bno more (?:text|messag)\w*|\b(?:dont|do not) text me\b"
    r"|\bno me (?:escriban|manden|envien|texteen)\b|\bno mas (?:mensajes|textos)\b"
    r"|\bno (?:me )?(?:sigan|anden|esten|vuelvan a) (?:escrib|mand|envi|texte)\w*"
)
# Stopping that is not asked of the texts: "don't stop texting us", "stop by room 12", "the bus stop".
NO_STOP = re.compile(
    r"(?<!why )\b(?:dont|do not|never) (?:you )?(?:dare |ever |please )*(?:stop|quit|(?:take|remove"
    r"|delete) me)\b"
    r"|\bno (?:paren|pare|dejen de (?:mand|escrib|texte|avis)\w*)\b"
    r"|\bno (?:me )?(?:vayan a )?(?:quit|borr|saq|elimin)(?:en|ar|uen)\b"
    r"|(?<!you )(?<!they )(?<!dont )(?<!not )(?<!still )\b(?:keep|sigan) "
    r"(?:texting|sending|mandando|escribiendo|texteando)\b"
    r"|\b(?:district|distrito|superintendent|board|principal|lausd) (?:to |will |must "
    r"|please )?(?:stop|quit|deje|pare)\b"
    r"|\bdejen de (?:recort|rob|despid|cerr|ment|explot|privatiz)\w*|\bno mas (?:recortes|despidos"
    r"|mentiras)\b"
    r"|\bstop(?:ped|s|ping)? (?:by|sign|light|over|off)\b|\bbus stop\b|\bthe stop\b"
)
# Answers to anything, and so to nothing that was not asked.
SHORT_ANSWERS = {
    "yes",
    "no",
    "si",
    "ok",
    "okay",
    "yep",
    "nope",
    "all",
    "todos",
    "todas",
    "both",
    "maybe",
    "why",
    "que",
}
# What says, with a wrong number, that it should get nothing more.
LET_GO = re.compile(
    r"\b(?:stop|quit|remove|delete|unsubscribe|lose|no more|off|alto|basta|ya no|dejen|(?:borr|elimin"
    r"|saqu|quit)\w+)\b"
    r"|\b(?:dont|do not|no) (?:me )?(?:text|call|contact|send|messag|mand|escrib|envi|textee)\w*"
)
# Words that hardly anybody writes of anything but danger: with them, less is enough for an alarm.
DANGER = re.compile(
    r"\b(?:guns?|gunshots?|shooting|shooter|pistola|rifle|knife|machete|cuchillo|navaja|balazos?"
    r"|disparos|bombs?"
    r"|stabbed|apunal\w+|bleeding|sangr\w+|unconscious|inconsciente|seizure|convuls\w+|fainted|desmay\w+"
    r"|infarto|heart attack|collapsed|overdose|sobredosis|not breathing|no respira|cant breathe|ambulanc\w+"
    r"|paramedic\w*|atropell\w+|hit by|ran over|ice|migra|redada|raid|arrest\w*|handcuff\w*|esposad[oa]s?"
    r"|fire|incendio|bomberos|explo\w+|kill\w*|mata(?:rme|rse|ron|r)?|me mato|vivir|suicid\w*|end it)\b"
)
# Calls for help that are always one.
CALL_FOR_HELP = re.compile(
    r"^(?:(?:call |llamen al )?(?:9 ?1 ?1|nine one one|nine eleven)|sos|mayday|auxilio|socorro)$"
    r"|^(?!.*\b(?:if|should|dont|do not|si|when|cuando|no)\b).*\b(?:call|llam\w+|marqu\w+|hablen)(?: al?)? ?"
    r"(?:9 ?1 ?1|nine one one)\b"
    r"|\b(?:quit\w* la vida|no quiero vivir|quiero morir|want to die|kill myself|want to live (?:no"
    r"|any) ?more)\b"
)
# "if you text me again", "otro mensaje y": with the police, that is a wish to get no more.
ANOTHER_TEXT = re.compile(
    r"\b(?:text|message|write) me (?:again|one more|once more)\b"
    r"|\b(?:one more|another|otro) (?:text|message|mensaje|texto)(?: mas)? (?:and|y|e)\b"
    r"|\bsi (?:me |nos )?(?:vuelven? a|siguen|no (?:paran|dejan) de) (?:escrib|mand|envi|texte)\w*"
)
# With a wish to get no more texts, an alarm: "stop texting me or I call the police".
POLICE = re.compile(r"\b(?:police|policia|cops|911|emergency|emergencia|ambulanc\w+)\b")
# Labels of answers: where one of them is likeliest, an alarm takes more.
ANSWERS_IN_WORDS = {"coming", "not_coming", "count", "count_unclear", "check_in"}
# Of a word or two only those are an alarm, or may be a wish to stop, of which one is of these classes.
OF_DANGER = {
    "despair",
    "weapon",
    "medical",
    "fall",
    "vehicle",
    "police",
    "immigration",
    "violence",
    "missing",
    "aid",
}
OF_STOPPING = {"stop", "remove", "not", "texts", "list", "more", "sending", "anger"}
# Without one of these, or a word of leaving, no wish to stop is a clear one: "got your texts, thank you".
OF_WISH = {"stop", "remove", "not", "more", "anger"}
AWAY = re.compile(r"\b(?:out|done|goodbye|bye|adios|away|gone|fin|email|correo)\b")
# The value of an alarm, or of a wrong number, that is also the wish to get no more texts.
STOPS = "stop"
# The value of a wish to get no more texts that may not have been meant: obeyed, and asked about.
DOUBTFUL = "doubtful"
# Probabilities from which a text is taken for what must not be overlooked, or not taken in error: what was
# left out of the training (`python -m tests.reading folds`) says what each costs.
ALARM_FROM, ALARM_FROM_WITH_WORDS, ALARM_FROM_OVER_ANSWER = 0.12, 0.06, 0.2
STOP_FROM, STOP_FROM_WITH_WORDS, DOUBTFUL_FROM = 0.75, 0.3, 0.3
WRONG_NUMBER_FROM, ANSWER_FROM, SURE = 0.5, 0.5, 0.7
# Whoever may wish for texts again, and is read as wishing for none, is told how.
START_FROM = 0.05
# A chair was asked for a figure, and reads what was understood.
COUNT_FROM = 0.1
HERE = re.compile(r"(?:im |i am |estoy )?(?:here|aqui|presente)\s*[:#-]?\s*(\d{4,6})")
# "where", "WHERE Lincoln", "¿dónde está mi línea?"; whether a school follows, the sites tell.
WHERE = re.compile(
    r"(?:where|donde)(?: ?s| is| are| esta| queda| es)?(?: (?:my|our|the|mi|la|nuestra) (?:picket )?"
    r"(?:line|picket|linea|piquete))?(?: (?:at|for|en|de))?(?: (?P<school>\w.{1,59}))?"
)
# Words of a question that no school's name has: "where do I park?".
NO_SCHOOL = re.compile(
    r"\b(?:do|does|did|can|could|should|will|would|i|im|you|we|they|he|she|it|to|that|this|there|everybody|everyone"
    r"|people|all|going|go|meet|park|hay|me|nos|se|puedo|podemos|debo|vamos|van|estan|todos|gente|compro|cuando)\b"
)
HERE_WORDS = {
    *("here", "im here", "i am here", "aqui", "aqui estoy", "ya estoy aqui", "estoy aqui", "presente"),
}
BARE_CODE = re.compile(r"(\d{5})")
CODE = re.compile(r"(?<!\d)\d(?:[ .-]?\d){4}(?!\d)")
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

# Codes are dictated digit by digit.
DIGIT_WORDS = {word: str(number) for word, number in NUMBER_WORDS.items() if number < 10} | {
    "oh": "0",
    "o": "0",
}


@dataclass(frozen=True)
class ParsedReply:
    """`value`: the text code for HERE (None where none was said), the figure for NUMBER (or "all" of a
    phone), its code for LANGUAGE."""

    intent: Intent
    value: str | None = None


def read_reply(body: str, question_kind: str | None = None) -> ParsedReply:
    """The meaning of `body` from a number whose open question is of this kind (None: no question is open)."""
    plain = plain_words(body)
    keyword = _keyword(plain, question_kind)
    if keyword:
        return keyword
    exact = _answer(plain, question_kind) or _wish(plain)
    if exact:
        return exact
    chances = probabilities(body, of_chair=question_kind == QuestionKind.HEAD_COUNT)
    return (
        _danger(plain, chances)
        or _no_more_texts(plain, chances)
        or _who(plain)
        or _wrong_number(plain, chances)
        or _likely(body, question_kind, chances)
        or _where(plain)
        or ParsedReply(Intent.OTHER)
    )


def _keyword(plain: str, question_kind: str | None) -> ParsedReply | None:
    spelled = " ".join(tokens(plain))
    if plain in STOP_WORDS or spelled in STOP_WORDS or plain.replace(" ", "") == "stop":
        return ParsedReply(Intent.OUT)
    if plain in DOUBTFUL_WORDS:
        return ParsedReply(Intent.OUT, DOUBTFUL)
    if CALL_FOR_HELP.search(plain) and not NO_MORE_TEXTS.search(plain):
        return ParsedReply(Intent.ALARM)
    if plain in START_WORDS:
        return ParsedReply(Intent.IN)
    if plain in HERE_WORDS:
        return ParsedReply(Intent.HERE)
    here = HERE.fullmatch(plain) or (question_kind != QuestionKind.HEAD_COUNT and BARE_CODE.fullmatch(plain))
    return ParsedReply(Intent.HERE, here[1]) if here else None


def _danger(plain: str, chances: Mapping[str, float]) -> ParsedReply | None:
    """An emergency. A wish to stop in it is obeyed where it concerns texts."""
    concerns_texts = bool(NO_MORE_TEXTS.search(plain))
    least = ALARM_FROM_WITH_WORDS if DANGER.search(plain) else ALARM_FROM
    if DANGER.fullmatch(plain):
        least = ALARM_FROM_WITH_WORDS / 4
    elif not _may_be(plain, OF_DANGER):
        least = SURE
    elif least == ALARM_FROM and max(chances, key=lambda one: chances[one]) in ANSWERS_IN_WORDS:
        least = ALARM_FROM_OVER_ANSWER
    danger = chances["emergency"] + chances["emergency_stop"]
    threatens = (concerns_texts or bool(ANOTHER_TEXT.search(plain))) and bool(POLICE.search(plain))
    if danger < least and not threatens:
        return None
    stop = chances["stop"] + chances["emergency_stop"]
    # Where the wish is likelier than the danger, it is no "stop them".
    stops = concerns_texts or threatens or stop >= STOP_FROM or chances["stop"] > danger
    return ParsedReply(Intent.ALARM, STOPS if stops else None)


def _no_more_texts(plain: str, chances: Mapping[str, float]) -> ParsedReply | None:
    """A clear wish, or one that may not have been meant; None too where a wrong number is the likelier."""
    stop = chances["stop"] + chances["emergency_stop"]
    concerns_texts = bool(NO_MORE_TEXTS.search(plain))
    if (
        chances["wrong_number"] > stop
        or plain in SHORT_ANSWERS
        or (NO_STOP.search(plain) and not concerns_texts)
    ):
        return None
    meanings = {one for word in tokens(plain) for one in classes(word)}
    says_so = concerns_texts or bool(OF_WISH & meanings) or bool(AWAY.search(plain))
    may_be_start = chances["start"] >= START_FROM
    if says_so and not may_be_start and stop >= (STOP_FROM_WITH_WORDS if concerns_texts else STOP_FROM):
        return ParsedReply(Intent.OUT)
    if not says_so and "joy" in meanings and stop < STOP_FROM:
        return None
    is_doubtful = stop + chances["stop_doubtful"] >= DOUBTFUL_FROM and stop > chances["start"]
    return ParsedReply(Intent.OUT, DOUBTFUL) if is_doubtful and _may_be(plain, OF_STOPPING) else None


def _may_be(plain: str, meanings: set[str]) -> bool:
    """Whether a text is long enough to mean it, or one of its words is of these classes."""
    words = tokens(plain)
    return len(words) > 2 or any(meanings.intersection(classes(word)) for word in words)


def _who(plain: str) -> ParsedReply | None:
    return ParsedReply(Intent.WHO) if any(phrase in plain for phrase in WHO_PHRASES) else None


def _wrong_number(plain: str, chances: Mapping[str, float]) -> ParsedReply | None:
    if chances["wrong_number"] < WRONG_NUMBER_FROM:
        return None
    return ParsedReply(Intent.WRONG_NUMBER, STOPS if LET_GO.search(plain) else None)


def count_value(count: CountRead) -> str:
    """A count as the value of a reply: `24`, or `24+6` with supporters."""
    return f"{count.heads}+{count.supporters}" if count.supporters else str(count.heads)


def count_of(value: str) -> CountRead:
    """The reverse of `count_value`."""
    heads, _plus, supporters = value.partition("+")
    return CountRead(int(heads), int(supporters or 0))


def school_asked(body: str) -> str | None:
    """The school after WHERE or DONDE, "" where none is named; None for any other text."""
    question = WHERE.fullmatch(plain_words(body))
    school = question["school"] or "" if question else None
    return None if school and NO_SCHOOL.search(school) else school


def _where(plain: str) -> ParsedReply | None:
    return ParsedReply(Intent.WHERE) if school_asked(plain) else None


def _likely(body: str, question_kind: str | None, chances: Mapping[str, float]) -> ParsedReply | None:
    """The answer in words of one's own, where a question is open that it can answer."""
    if (
        question_kind == QuestionKind.HEAD_COUNT
        and chances["count"] >= COUNT_FROM
        and (count := read_count(body))
    ):
        return ParsedReply(Intent.NUMBER, count_value(count))
    label = max(chances, key=lambda one: chances[one])
    if chances[label] < ANSWER_FROM:
        return None
    if question_kind == QuestionKind.COMING and label in (Intent.COMING, Intent.NOT_COMING):
        return ParsedReply(Intent(label))
    return _check_in(body) if label == "check_in" else None


def _check_in(body: str) -> ParsedReply | None:
    """Somebody is here: with the one code that is said, or with none; several figures are for a person."""
    words = plain_words(body).split()
    codes = CODE.findall(body) or CODE.findall(" ".join(DIGIT_WORDS.get(word, word) for word in words))
    if len(codes) == 1:
        return ParsedReply(Intent.HERE, re.sub(r"\D", "", codes[0]))
    has_figures = re.search(r"\d", body) or sum(word in DIGIT_WORDS for word in words) > 2
    return None if has_figures else ParsedReply(Intent.HERE)


def plain_words(body: str) -> str:
    """Lower case, accents folded, keycap and full-width digits as digits, punctuation and emoji gone."""
    text = unicodedata.normalize("NFKD", body).lower().replace("'", "").replace("’", "")
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "#") else _gap(c) for c in text)
    return " ".join(kept.split())


def _gap(letter: str) -> str:
    """Accents (combining marks, the keycap of 2️⃣) vanish; anything else separates words."""
    return "" if unicodedata.category(letter) in {"Mn", "Me"} else " "


def _answer(plain: str, question_kind: str | None) -> ParsedReply | None:
    number = _number(plain)
    if question_kind == QuestionKind.COMING and (plain in COMING_WORDS or number == "1"):
        return ParsedReply(Intent.COMING)
    if question_kind == QuestionKind.COMING and (plain in NOT_COMING_WORDS or number == "2"):
        return ParsedReply(Intent.NOT_COMING)
    if question_kind in WHICH and plain in ALL_WORDS:
        return ParsedReply(Intent.NUMBER, "all")
    return ParsedReply(Intent.NUMBER, number) if number is not None else None


def _wish(plain: str) -> ParsedReply | None:
    if plain in HELP_WORDS:
        return ParsedReply(Intent.HELP)
    if school_asked(plain) == "":
        return ParsedReply(Intent.WHERE)
    if plain in _language_words():
        return ParsedReply(Intent.LANGUAGE, _language_words()[plain])
    return ParsedReply(Intent.URGENT_OK) if plain in {"urgent", "urgente"} else None


@cache
def _language_words() -> dict[str, str]:
    """Every language by its name in each of them: English, inglés, Spanish, español."""
    readers = [Locale.parse(one.locale).languages for one in LANGUAGES.values()]
    names = {plain_words(names[code]): code for code in LANGUAGES for names in readers if code in names}
    return {name: code for name, code in names.items() if name}


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
