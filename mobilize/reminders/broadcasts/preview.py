"""Preview of a broadcast: its merge fields, how it reads at each place, and warnings about it."""

import re
import string

from mobilize import settings
from mobilize.actions.models import Event
from mobilize.errors import Refused
from mobilize.languages import N_, Translated, _, listed, name_of, required_languages, say_in
from mobilize.reminders.merge_fields import merge_fields_for
from mobilize.segments import fold, letters_outside_gsm, segments
from mobilize.texts.templates import FIRST_TEXT, LONGEST, render

# What may stand in braces. Each is filled for the place the text is about.
MERGE_FIELDS = ("union", "action", "day", "time", "place", "link")
DRILL_PREFIX = N_("DRILL.")
# Carriers filter texts with links that hide where they lead (CTIA Messaging Principles, 5.3.3).
SHORTENERS = re.compile(
    r"\b(bit\.ly|tinyurl\.com|t\.co|goo\.gl|ow\.ly|is\.gd|buff\.ly|rebrand\.ly|cutt\.ly|shorturl\.at|rb\.gy)\b",
    re.IGNORECASE,
)
# Bare answers that the carrier keeps for itself, when a text asks for them.
_ASKS = r"\b(?:reply|text|answer|send|respond|responde|contesta|manda|envía|escribe)\b[^.?!\n]{0,24}?"
_TAKEN = r"\b(YES|START|UNSTOP|CANCEL|END|QUIT|UNSUBSCRIBE|REVOKE|OPTOUT|HELP|INFO)\b"
ASKS_FOR_A_KEYWORD = re.compile(f"(?i:{_ASKS}){_TAKEN}")


def check_written(written: Translated) -> None:
    """Raise `Refused` where a required language is missing, or a merge field is not one of ours."""
    if not written.is_whole:
        each = listed(_("in %(language)s", language=name_of(code)) for code in required_languages())
        raise Refused("no_words", _("Write it %(each)s: members read one or the other.", each=each))
    for text in written.values():
        _check_merge_fields(text)


def body_for(written: Translated, event: Event, language: str) -> dict[str, str]:
    """The merge field of the wording `as_written`, for one place: those in it are filled."""
    merge_fields = {"union": settings().union_name, **merge_fields_for(event, language)}
    text = written.in_(language).format_map(merge_fields)
    return {"body": f"{say_in(language, DRILL_PREFIX)} {text}" if event.action.drill else text}


def in_short(written: Translated) -> Translated:
    """The words for a list: with the union's name, and dots for what differs from place to place."""
    merge_fields = dict.fromkeys(MERGE_FIELDS, "…") | {"union": settings().union_name}
    return written.map(lambda text: text.format_map(merge_fields))


def folded(written: Translated) -> Translated:
    """The words without the accents that make them cost more segments."""
    return written.map(fold)


def warnings(written: Translated, longest: dict[str, str]) -> list[str]:
    """Warnings for whoever is about to send it. `longest` is the longest body in each language."""
    messages = [_dear_letters(language, body) for language, body in longest.items()]
    messages += [_lost_accents(language, written, body) for language, body in longest.items()]
    messages += [_longer_first_text(language, body) for language, body in longest.items()]
    for text in written.values():
        shortener, keyword = SHORTENERS.search(text), ASKS_FOR_A_KEYWORD.search(text)
        if shortener:
            message = _("Carriers stop texts with short links like %(link)s.", link=shortener[0])
            messages.append(message + " " + _("Write the whole address, or {link}."))
        if keyword:
            message = _(
                "It asks for the answer %(word)s, which the carrier keeps for itself.", word=keyword[1]
            )
            messages.append(message + " " + _("Ask for 1 or 2, or for a word of your own."))
        if "{union}" not in text and settings().union_name not in text:
            messages.append(_("It does not say who is texting. Begin with {union}."))
    return list(dict.fromkeys(warning for warning in messages if warning))


def is_long(longest: dict[str, str]) -> bool:
    """Some text is over two segments: it wants a confirmation of its own."""
    return any(segments(body) > LONGEST for body in longest.values())


def as_it_leaves(written: Translated, event: Event, language: str) -> str:
    """The body at this place in this language."""
    return render("as_written", language, body_for(written, event, language))


def _check_merge_fields(text: str) -> None:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        message = _("There is a brace { or } alone. Braces are only for fields like {place}.")
        raise Refused("bad_braces", message) from None
    for _text, name, spec, conversion in parts:
        if name is not None and (name not in MERGE_FIELDS or spec or conversion):
            listed = ", ".join(f"{{{known_name}}}" for known_name in MERGE_FIELDS)
            message = _(
                "There is no field %(name)s. There are: %(listed)s.", name=f"{{{name}}}", listed=listed
            )
            raise Refused("unknown_blank", message)


def _lost_accents(language: str, written: Translated, body: str) -> str | None:
    """Over two segments a text leaves in plain letters, where that makes it shorter."""
    if not letters_outside_gsm(written.in_(language)) or letters_outside_gsm(body):
        return None
    which = _("The %(language)s text", language=name_of(language))
    message = _(
        "%(which)s goes out without some accents: with them it would take more than two segments.",
        which=which,
    )
    return str(message)


def _longer_first_text(language: str, body: str) -> str | None:
    """A number that was never texted is told how to stop the texts, where the words do not say it."""
    first = render(FIRST_TEXT, language, {"body": body})
    if "STOP" in body or segments(first) == segments(body):
        return None
    return _(
        "A phone's first text also says how to stop them: %(more)s segments instead of %(less)s.",
        more=segments(first),
        less=segments(body),
    )


def _dear_letters(language: str, body: str) -> str | None:
    dear, plain = segments(body), segments(fold(body))
    if plain >= dear:
        return None
    letters = " ".join(letters_outside_gsm(body)[:6])
    which = _("The %(language)s text", language=name_of(language))
    return _(
        "%(which)s takes %(dear)s segments instead of %(plain)s because of these letters: %(letters)s",
        which=which,
        dear=dear,
        plain=plain,
        letters=letters,
    )
