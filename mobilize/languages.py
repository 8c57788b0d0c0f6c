"""English and Spanish: which one this person reads, and the words in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import lru_cache

from flask import Flask, current_app, has_request_context, request
from flask_babel import Babel, force_locale, format_date, format_time, gettext, ngettext
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from mobilize import clock

LANGUAGES = {"en": "English", "es": "Español"}
COOKIE = "language"
# Spanish as educators here write it: 2,189 members at 7:05 p.m., not 2.189 at 19:05.
_LOCALES = {"en": "en", "es": "es_US"}
_FOUND = "mobilize.language"

_ = gettext
__all__ = [
    "LANGUAGES",
    "_",
    "in_language",
    "language",
    "ngettext",
    "say_date",
    "say_day",
    "say_time",
    "say_when",
]


def init_app(app: Flask) -> None:
    """Set up translations; the catalogues are in `mobilize/translations`."""
    Babel(app, locale_selector=_locale_here, default_translation_directories="translations")


def language() -> str:
    """ "en" or "es": what this person chose, else what her browser asks for."""
    if not has_request_context():
        return "en"
    asked = request.environ
    found: str | None = asked.get(_FOUND)
    if found is None:
        found = asked[_FOUND] = _chosen() or _asked_for(asked.get("HTTP_ACCEPT_LANGUAGE", ""))
    return found


def _chosen() -> str | None:
    asked = request.environ
    if not asked.get("QUERY_STRING") and COOKIE not in asked.get("HTTP_COOKIE", ""):
        return None
    chosen = request.args.get("lang") or request.cookies.get(COOKIE)
    return chosen if chosen in LANGUAGES else None


@lru_cache(1000)
def _asked_for(header: str) -> str:
    """Phones of one city say the same few things."""
    return parse_accept_header(header, LanguageAccept).best_match(LANGUAGES, "en")


@contextmanager
def in_language(code: str) -> Iterator[None]:
    """Everything said inside is in `code`; a language we do not write in is answered in English."""
    with force_locale(_LOCALES.get(code, "en")):
        yield


def say_time(moment: datetime, zone: str | None = None) -> str:
    """The time of day where it happens: 7:00 AM."""
    return str(format_time(_wall(moment, zone), "short", rebase=False))


def say_date(moment: datetime, zone: str | None = None) -> str:
    """The day where it happens: Tuesday, March 3."""
    pattern = "EEEE d 'de' MMMM" if _locale() == "es" else "EEEE, MMMM d"
    return str(format_date(_wall(moment, zone), pattern, rebase=False))


def say_day(day: date) -> str:
    """A calendar day with its year: Sep 1, 2026."""
    return str(format_date(day, "medium"))


def say_when(start: datetime, end: datetime, zone: str | None = None) -> str:
    """Day and span where it happens: Tuesday, March 3, 7:00–7:45 AM."""
    first, last = say_time(start, zone), say_time(end, zone)
    hour, _, half = first.partition("\u202f")
    if half and last.endswith(half):
        first = hour
    return f"{say_date(start, zone)}, {first}–{last}"


def _locale_here() -> str:
    return _LOCALES[language()]


def _locale() -> str:
    from flask_babel import get_locale

    return str(get_locale() or "en")[:2]


def _wall(moment: datetime, zone: str | None) -> datetime:
    return clock.local(moment, zone or current_app.config["MOBILIZE"].union_timezone)
