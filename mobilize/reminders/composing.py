"""A text somebody writes herself: its blanks, how it reads at each place, and what speaks against it."""

import re
import string
from dataclasses import dataclass

from mobilize import settings
from mobilize.actions.models import Event
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.blanks import blanks_for
from mobilize.texts.segments import fold, letters_outside_gsm, segments
from mobilize.texts.wordings import LONGEST, render

# What may stand in braces. Each is filled for the place the text is about.
BLANKS = ("union", "action", "day", "time", "place", "link")
REHEARSAL = {"en": "DRILL. ", "es": "SIMULACRO. "}
# Carriers filter texts with links that hide where they lead (CTIA Messaging Principles, 5.3.3).
SHORTENERS = re.compile(
    r"\b(bit\.ly|tinyurl\.com|t\.co|goo\.gl|ow\.ly|is\.gd|buff\.ly|rebrand\.ly|cutt\.ly|shorturl\.at|rb\.gy)\b",
    re.IGNORECASE,
)
# Bare answers that the carrier keeps for itself, when a text asks for them.
_ASKS = r"\b(?:reply|text|answer|send|respond|responde|contesta|manda|envía|escribe)\b[^.?!\n]{0,24}?"
_TAKEN = r"\b(YES|START|UNSTOP|CANCEL|END|QUIT|UNSUBSCRIBE|REVOKE|OPTOUT|HELP|INFO)\b"
ASKS_FOR_A_KEYWORD = re.compile(f"(?i:{_ASKS}){_TAKEN}")


@dataclass(frozen=True)
class Written:
    """What somebody wrote, in both languages."""

    en: str
    es: str

    def in_language(self, language: str) -> str:
        return self.es if language == "es" else self.en


def check_written(written: Written) -> None:
    """Raise `Refused` where a language is missing, or a blank is not one of ours."""
    if not written.en or not written.es:
        raise Refused("no_words", _("Write it in English and in Spanish: members read one or the other."))
    for text in (written.en, written.es):
        _check_blanks(text)


def body_for(written: Written, event: Event, language: str) -> dict[str, str]:
    """The blank of the wording `as_written`, for one place: its own blanks are filled."""
    blanks = {"union": settings().union_name, **blanks_for(event, language)}
    text = written.in_language(language).format_map(blanks)
    return {"body": (REHEARSAL[language] if event.action.drill else "") + text}


def folded(written: Written) -> Written:
    """The same without the accents that make it dearer."""
    return Written(fold(written.en), fold(written.es))


def warnings(written: Written, longest: dict[str, str]) -> list[str]:
    """What a person should know before she sends it. `longest` is the longest body in each language."""
    found = [_dear_letters(language, body) for language, body in longest.items()]
    found += [_lost_accents(language, written, body) for language, body in longest.items()]
    for text in (written.en, written.es):
        shortener, keyword = SHORTENERS.search(text), ASKS_FOR_A_KEYWORD.search(text)
        if shortener:
            said = _("Carriers stop texts with short links like %(link)s.", link=shortener[0])
            found.append(said + " " + _("Write the whole address, or {link}."))
        if keyword:
            said = _("It asks for the answer %(word)s, which the carrier keeps for itself.", word=keyword[1])
            found.append(said + " " + _("Ask for 1 or 2, or for a word of your own."))
        if "{union}" not in text and settings().union_name not in text:
            found.append(_("It does not say who is texting. Begin with {union}."))
    return list(dict.fromkeys(warning for warning in found if warning))


def is_long(longest: dict[str, str]) -> bool:
    """Some text is over two segments: it wants a confirmation of its own."""
    return any(segments(body) > LONGEST for body in longest.values())


def as_it_leaves(written: Written, event: Event, language: str) -> str:
    """The body at this place in this language."""
    return render("as_written", language, body_for(written, event, language))


def _check_blanks(text: str) -> None:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        said = _("A brace { or } stands alone. Braces are only for blanks like {place}.")
        raise Refused("bad_braces", said) from None
    for _text, name, spec, conversion in parts:
        if name is not None and (name not in BLANKS or spec or conversion):
            listed = ", ".join(f"{{{blank}}}" for blank in BLANKS)
            said = _("There is no blank %(name)s. There are: %(listed)s.", name=f"{{{name}}}", listed=listed)
            raise Refused("unknown_blank", said)


def _lost_accents(language: str, written: Written, body: str) -> str | None:
    """Over two segments a text leaves in plain letters, where that makes it shorter."""
    if not letters_outside_gsm(written.in_language(language)) or letters_outside_gsm(body):
        return None
    which = _("The Spanish text") if language == "es" else _("The English text")
    said = _("%(which)s leaves without some accents: with them it would take over two segments.", which=which)
    return str(said)


def _dear_letters(language: str, body: str) -> str | None:
    dear, plain = segments(body), segments(fold(body))
    if plain >= dear:
        return None
    letters = " ".join(letters_outside_gsm(body)[:6])
    which = _("The Spanish text") if language == "es" else _("The English text")
    return _(
        "%(which)s takes %(dear)s segments instead of %(plain)s because of these letters: %(letters)s",
        which=which,
        dear=dear,
        plain=plain,
        letters=letters,
    )
