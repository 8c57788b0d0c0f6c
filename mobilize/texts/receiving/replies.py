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
from mobilize.texts.receiving.reading import phrases
from mobilize.texts.receiving.reading.classifier import probabilities
from mobilize.texts.receiving.reading.codes import (
    NUMBER_WORDS,
    code_alone,
    code_beside_here,
    codes_in,
    spoken_digits,
)
from mobilize.texts.receiving.reading.counts import CountRead, read_count
from mobilize.texts.receiving.reading.features import fold, tokens
from mobilize.texts.receiving.reading.lexicon import classes

ANSWERS = {
    QuestionKind.HEAD_COUNT: (Intent.NUMBER,),
    QuestionKind.COMING: (Intent.COMING, Intent.NOT_COMING),
    QuestionKind.WHO_COMES: (Intent.NUMBER,),
    QuestionKind.WHO_DOES_NOT: (Intent.NUMBER,),
    QuestionKind.WHO_IS_HERE: (Intent.NUMBER,),
}
WHICH = (QuestionKind.WHO_COMES, QuestionKind.WHO_DOES_NOT, QuestionKind.WHO_IS_HERE)
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
# The value of an alarm, or of a wrong number, that is also the wish to get no more texts.
STOPS = "stop"
# The value of a wish to get no more texts that may not have been meant: obeyed, and asked about.
DOUBTFUL = "doubtful"
# The value of an answer that also asks something: it is noted, and waits for a person.
ASKS = "asks"
# Probabilities from which a text is taken for what must not be overlooked, or not taken in error: what was
# left out of the training (`python -m tests.reading folds`) says what each costs.
ALARM_FROM, ALARM_FROM_WITH_WORDS, ALARM_FROM_OVER_ANSWER = 0.15, 0.075, 0.25
STOP_FROM, STOP_FROM_WITH_WORDS, DOUBTFUL_FROM = 0.75, 0.3, 0.3
WRONG_NUMBER_FROM, ANSWER_FROM, SURE = 0.5, 0.5, 0.7
QUESTION_FROM = 0.15
# Whoever may wish for texts again, and is read as wishing for none, is told how.
START_FROM = 0.05
# A chair was asked for a figure, and reads what was understood.
COUNT_FROM = 0.1


@dataclass(frozen=True)
class ParsedReply:
    """`value`: the text code for HERE (None where none was said), the figure for NUMBER (or "all" of a
    phone), its code for LANGUAGE."""

    intent: Intent
    value: str | None = None


def read_reply(body: str, question_kind: str | None = None) -> ParsedReply:
    """The meaning of `body` from a number whose open question is of this kind (None: no question is open)."""
    if is_reaction(body):
        return _liked(fold(body), question_kind)
    plain = plain_words(body)
    keyword = _keyword(body, plain, question_kind)
    if keyword:
        return keyword
    exact = _answer(body, plain, question_kind) or _wish(plain)
    if exact:
        return exact
    chances = probabilities(body, of_chair=question_kind == QuestionKind.HEAD_COUNT)
    return (
        _danger(plain, chances)
        or _no_more_texts(body, plain, chances)
        or _who(plain)
        or _wrong_number(plain, chances)
        or _here(plain)
        or _likely(body, question_kind, chances)
        or _where(plain)
        or ParsedReply(Intent.OTHER)
    )


def is_reaction(body: str) -> bool:
    """Whether a text is a tap on one of ours: its words are ours, STOP and HELP in it too."""
    return bool(phrases.REACTION.match(fold(body)))


def _liked(reaction: str, question_kind: str | None) -> ParsedReply:
    is_answer = question_kind == QuestionKind.COMING
    if is_answer and phrases.LIKED.match(reaction):
        return ParsedReply(Intent.COMING)
    return ParsedReply(Intent.NOT_COMING if is_answer and phrases.DISLIKED.match(reaction) else Intent.OTHER)


def _keyword(body: str, plain: str, question_kind: str | None) -> ParsedReply | None:
    spelled = " ".join(tokens(plain))
    if plain in phrases.STOP_WORDS or spelled in phrases.STOP_WORDS or _is_run_together(plain):
        return ParsedReply(Intent.OUT)
    if (
        plain in phrases.DOUBTFUL_WORDS
        or phrases.HOW_TO_STOP.search(plain)
        or _signs(body) & phrases.STOP_SIGNS
    ):
        return ParsedReply(Intent.OUT, DOUBTFUL)
    is_call = phrases.CALL_FOR_HELP.search(plain) or _shouts_for_help(body, plain)
    if is_call and not phrases.NO_MORE_TEXTS.search(plain):
        return ParsedReply(Intent.ALARM)
    if phrases.WANTS_TEXTS.fullmatch(plain):
        return ParsedReply(Intent.IN)
    return _code(body, plain, question_kind)


def _is_run_together(plain: str) -> bool:
    return plain.replace(" ", "") in phrases.RUN_TOGETHER


def _signs(body: str) -> set[str]:
    """The signs of a text that has nothing else."""
    return set() if plain_words(body) else {letter for letter in body if not letter.isspace()}


def _shouts_for_help(body: str, plain: str) -> bool:
    """HELP alone asks what this is; with exclamation marks, a sign like 🆘 or more words it is a call."""
    has_sign = any(unicodedata.category(letter) == "So" for letter in body)
    is_shouted = plain in {"help", "ayuda"} and (body.count("!") > 1 or has_sign)
    return is_shouted or bool(phrases.HELP_AND_MORE.match(body))


def _code(body: str, plain: str, question_kind: str | None) -> ParsedReply | None:
    """Somebody is here, and says at most the code: five digits that a chair who was asked for a count may
    have meant as one are read as a count."""
    if plain in phrases.HERE_WORDS or phrases.AT_THE_LINE.fullmatch(plain):
        return ParsedReply(Intent.HERE)
    if here := phrases.HERE.fullmatch(plain):
        return ParsedReply(Intent.HERE, here[1])
    code, is_here = code_alone(plain) or (None, False)
    if code is None or (question_kind == QuestionKind.HEAD_COUNT and _may_be_count(body, plain, is_here)):
        return None
    return ParsedReply(Intent.HERE, code)


def _may_be_count(body: str, plain: str, is_here: bool) -> bool:
    """Typed in groups like 378-06 or 3 7 8 0 6, or dictated, they are a code, unless they make a range."""
    groups = [word for word in plain.split() if word.isdigit()]
    if len(groups) == 1:
        return not is_here
    return read_count(body) is not None or len(groups) not in (0, 2, 5)


def _danger(plain: str, chances: Mapping[str, float]) -> ParsedReply | None:
    """An emergency. A wish to stop in it is obeyed where it concerns texts."""
    concerns_texts = bool(phrases.NO_MORE_TEXTS.search(plain))
    likeliest = max(chances, key=lambda one: chances[one])
    least = ALARM_FROM_WITH_WORDS if phrases.DANGER.search(plain) else ALARM_FROM
    if phrases.DANGER.fullmatch(plain):
        least = ALARM_FROM_WITH_WORDS / 4
    elif not _may_be(plain, OF_DANGER):
        least = SURE
    elif least == ALARM_FROM and likeliest in ANSWERS_IN_WORDS:
        least = ALARM_FROM_OVER_ANSWER
    danger = chances["emergency"] + chances["emergency_stop"]
    threatens = (concerns_texts or bool(phrases.ANOTHER_TEXT.search(plain))) and bool(
        phrases.POLICE.search(plain)
    )
    if danger < least and not threatens:
        return None
    stop = chances["stop"] + chances["emergency_stop"]
    # Where the wish is likelier than the danger, it is no "stop them".
    stops = concerns_texts or threatens or stop >= STOP_FROM or chances["stop"] > danger
    return ParsedReply(Intent.ALARM, STOPS if stops and not _misses_texts(plain) else None)


def _no_more_texts(body: str, plain: str, chances: Mapping[str, float]) -> ParsedReply | None:
    """A clear wish, or one that may not have been meant; None too where a wrong number is the likelier."""
    stop = chances["stop"] + chances["emergency_stop"]
    if chances["wrong_number"] <= stop + WRONG_NUMBER_FROM and phrases.PLAIN_WISH.search(fold(body)):
        return ParsedReply(Intent.OUT)
    concerns_texts = bool(phrases.NO_MORE_TEXTS.search(plain))
    if (
        chances["wrong_number"] > stop
        or plain in phrases.SHORT_ANSWERS
        or (_concerns_something_else(plain) and not concerns_texts)
        or _misses_texts(plain)
    ):
        return None
    meanings = {one for word in tokens(plain) for one in classes(word)}
    says_so = concerns_texts or bool(OF_WISH & meanings) or bool(phrases.AWAY.search(plain))
    may_be_start = chances["start"] >= START_FROM
    if says_so and not may_be_start and stop >= (STOP_FROM_WITH_WORDS if concerns_texts else STOP_FROM):
        return ParsedReply(Intent.OUT)
    if not says_so and "joy" in meanings and stop < STOP_FROM:
        return None
    is_doubtful = stop + chances["stop_doubtful"] >= DOUBTFUL_FROM and stop > chances["start"]
    return ParsedReply(Intent.OUT, DOUBTFUL) if is_doubtful and _may_be(plain, OF_STOPPING) else None


def _concerns_something_else(plain: str) -> bool:
    if phrases.NO_STOP.search(plain):
        return True
    rest = phrases.OF_OTHER_THINGS.sub(" ", plain)
    return rest != plain and not phrases.LET_GO.search(rest)


def _misses_texts(plain: str) -> bool:
    """Whether somebody says that texts do not arrive, and nowhere that they want none."""
    rest = phrases.WHY_STOPPED.sub(" ", plain)
    if phrases.OF_TEXTS.search(plain) and not phrases.WISHED_FOR.search(plain):
        rest = phrases.NOT_ARRIVING.sub(" ", rest)
    return rest != plain and not phrases.LET_GO.search(rest)


def _may_be(plain: str, meanings: set[str]) -> bool:
    """Whether a text is long enough to mean it, or one of its words is of these classes."""
    words = tokens(plain)
    return len(words) > 2 or any(meanings.intersection(classes(word)) for word in words)


def _who(plain: str) -> ParsedReply | None:
    asks = plain in {"who", "quien"} or any(phrase in plain for phrase in phrases.WHO_PHRASES)
    return ParsedReply(Intent.WHO) if asks else None


def _wrong_number(plain: str, chances: Mapping[str, float]) -> ParsedReply | None:
    if chances["wrong_number"] < WRONG_NUMBER_FROM:
        return None
    return ParsedReply(Intent.WRONG_NUMBER, STOPS if phrases.LET_GO.search(plain) else None)


def count_value(count: CountRead) -> str:
    """A count as the value of a reply: `24`, or `24+6` with supporters."""
    return f"{count.heads}+{count.supporters}" if count.supporters else str(count.heads)


def count_of(value: str) -> CountRead:
    """The reverse of `count_value`."""
    heads, _plus, supporters = value.partition("+")
    return CountRead(int(heads), int(supporters or 0))


def school_asked(body: str) -> str | None:
    """The school after WHERE or DONDE, "" where none is named; None for any other text."""
    question = phrases.WHERE.fullmatch(plain_words(body))
    school = question["school"] or "" if question else None
    return None if school and phrases.NO_SCHOOL.search(school) else school


def _where(plain: str) -> ParsedReply | None:
    return ParsedReply(Intent.WHERE) if school_asked(plain) else None


def _here(plain: str) -> ParsedReply | None:
    code = code_beside_here(plain)
    return ParsedReply(Intent.HERE, code) if code else None


def _likely(body: str, question_kind: str | None, chances: Mapping[str, float]) -> ParsedReply | None:
    """The answer in words of one's own, where a question is open that it can answer."""
    is_count = chances["count"] >= COUNT_FROM or phrases.COUNT_FIRST.match(plain_words(body))
    if question_kind == QuestionKind.HEAD_COUNT and is_count and (count := read_count(body)):
        return ParsedReply(Intent.NUMBER, count_value(count))
    label = max(chances, key=lambda one: chances[one])
    if question_kind == QuestionKind.COMING and (answer := _coming(body, label, chances)):
        return answer
    return _check_in(body) if label == "check_in" and chances[label] >= ANSWER_FROM else None


def _coming(body: str, label: str, chances: Mapping[str, float]) -> ParsedReply | None:
    """Coming or not. What asks something besides is noted and waits for a person; a question is no answer."""
    signed = fold(body).strip()
    asks = bool(phrases.ASKS_SOMETHING.search(signed)) or chances["question"] >= QUESTION_FROM
    if phrases.ME_ALONE.match(plain_words(body)):
        return ParsedReply(Intent.COMING, ASKS)
    if label in (Intent.COMING, Intent.NOT_COMING) and chances[label] >= ANSWER_FROM:
        if phrases.ASKS_FIRST.match(signed):
            return None
        return ParsedReply(Intent(label), ASKS if asks else None)
    if not asks or phrases.PERHAPS.search(signed):
        return None
    if phrases.YES_FIRST.match(signed):
        return ParsedReply(Intent.COMING, ASKS)
    return ParsedReply(Intent.NOT_COMING, ASKS) if phrases.NO_FIRST.match(signed) else None


def _check_in(body: str) -> ParsedReply | None:
    """Somebody is here: with the one code that is said, or with none; several figures are for a person. One
    with a digit too few or too many is no code, and whoever sent it is asked for it."""
    plain = plain_words(body)
    codes, digits = codes_in(plain), spoken_digits(plain).split()
    if len(codes) == 1:
        return ParsedReply(Intent.HERE, codes.pop())
    if [len(figure) for figure in re.findall(r"\d+", body)] in ([4], [6]):
        return ParsedReply(Intent.HERE)
    has_figures = re.search(r"\d", body) or sum(word.isdigit() for word in digits) > 2
    return None if has_figures else ParsedReply(Intent.HERE)


def plain_words(body: str) -> str:
    """Lower case, accents folded, keycap and full-width digits as digits, punctuation and emoji gone."""
    text = unicodedata.normalize("NFKD", body).lower().replace("'", "").replace("’", "")
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "#") else _gap(c) for c in text)
    return " ".join(kept.split())


def _gap(letter: str) -> str:
    """Accents (combining marks, the keycap of 2️⃣) vanish; anything else separates words."""
    return "" if unicodedata.category(letter) in {"Mn", "Me"} else " "


def _answer(body: str, plain: str, question_kind: str | None) -> ParsedReply | None:
    if question_kind == QuestionKind.COMING and (answer := _yes_or_no(body, plain)):
        return answer
    if question_kind in WHICH and plain in phrases.ALL_WORDS:
        return ParsedReply(Intent.NUMBER, "all")
    number = None if "%" in body else _number(plain)
    return ParsedReply(Intent.NUMBER, number) if number is not None else None


def _yes_or_no(body: str, plain: str) -> ParsedReply | None:
    signs, number = _signs(body), None if "%" in body else _number(plain)
    if plain in phrases.COMING_WORDS or phrases.SURELY.fullmatch(fold(body).strip(" .!")):
        return ParsedReply(Intent.COMING)
    if plain in phrases.NOT_COMING_WORDS:
        return ParsedReply(Intent.NOT_COMING)
    if number == "1" or (signs & phrases.YES_SIGNS and not signs & phrases.NO_SIGNS):
        return ParsedReply(Intent.COMING)
    if number == "2" or (signs & phrases.NO_SIGNS and not signs & phrases.YES_SIGNS):
        return ParsedReply(Intent.NOT_COMING)
    return None


def _wish(plain: str) -> ParsedReply | None:
    if plain in phrases.HELP_WORDS:
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
