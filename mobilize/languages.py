"""The languages of the service: one list of them, texts in each, and dates and times as each writes them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date as babel_format_date
from babel.dates import format_time as babel_format_time
from babel.dates import format_timedelta, match_skeleton
from babel.lists import format_list
from babel.support import NullTranslations, Translations
from flask import Flask, has_request_context, request
from flask_babel import Babel, force_locale, format_date, format_time, get_locale, gettext, ngettext
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from mobilize import clock, settings


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the service, `name` as its readers call it.

    `locale` (Babel's) has its catalogue, numbers and days; `day` and `day_with_year` are CLDR patterns of a
    date, and `halves` the words for before and after noon; None: times are written as CLDR has them. Where it
    is `required`, broadcasts and statements have to be written in it.
    """

    name: str
    locale: str
    day: str
    day_with_year: str
    halves: tuple[str, str] | None
    required: bool

    @property
    def direction(self) -> str:
        """How its lines run: "ltr", or "rtl" as Arabic and Hebrew do."""
        return str(Locale.parse(self.locale).text_direction)


_CATALOGUES = Path(__file__).parent / "translations"
# What rosters call a language that CLDR calls otherwise.
_ROSTERS_CODES = {"fil": "tl"}


def by_catalogue(folder: Path) -> dict[str, Language]:
    """The languages that have a catalogue in this folder of catalogues, each written as CLDR has it.

    Raises `ValueError` for a catalogue that Babel would not find, or whose language CLDR does not know.
    """
    locales = sorted(path.parents[1].name for path in folder.glob("*/LC_MESSAGES/messages.po"))
    return {_ROSTERS_CODES.get(locale, locale): _by_cldr(locale) for locale in locales}


def _by_cldr(name: str) -> Language:
    try:
        locale = Locale.parse(name)
    except (ValueError, UnknownLocaleError) as wrong:
        raise ValueError(f"translations/{name}: CLDR knows no such language") from wrong
    if str(locale) != name:
        raise ValueError(f"translations/{name}: call this folder {locale.language}")
    own_name = locale.get_language_name(name) or name
    skeleton = match_skeleton("MMMMEEEEd", locale.datetime_skeletons) or "MMMEd"
    day = locale.datetime_skeletons[skeleton].pattern
    return Language(
        name=own_name[:1].upper() + own_name[1:],
        locale=name,
        day=re.sub(r"E+", "EEEE", re.sub(r"M{3,}", "MMMM", day)),
        day_with_year=locale.date_formats["full"].pattern,
        halves=None,
        required=False,
    )


# In this order on pages, in forms and on paper; behind these, whatever else has a catalogue.
LANGUAGES = {
    "en": Language(
        name="English",
        locale="en",
        day="EEEE, MMMM d",
        day_with_year="EEEE, MMMM d, y",
        halves=("am", "pm"),
        required=True,
    ),
    "es": Language(
        name="Español",
        # As educators here write it: 2,189 members at 7:05 p.m., not 2.189 at 19:05.
        locale="es_US",
        day="EEEE d 'de' MMMM",
        day_with_year="EEEE d 'de' MMMM 'de' y",
        halves=("a. m.", "p. m."),
        required=True,
    ),
}
LANGUAGES |= {code: one for code, one in by_catalogue(_CATALOGUES).items() if code not in LANGUAGES}
# What pages and texts are first written in, and where something is not in the reader's language.
DEFAULT = "en"
COOKIE = "language"
_CACHED_LANGUAGE = "mobilize.language"

_ = gettext
__all__ = [
    "DEFAULT",
    "LANGUAGES",
    "Language",
    "N_",
    "Translated",
    "_",
    "hour_of",
    "in_each",
    "in_language",
    "language",
    "listed",
    "name_of",
    "ngettext",
    "required_languages",
    "say_ago",
    "say_date",
    "say_day",
    "say_in",
    "say_time",
    "say_when",
    "time_writer",
]


class Translated(Mapping[str, str]):
    """A text in the languages it was written in, by their codes and in the order of `LANGUAGES`. An empty one
    is not there. It never changes, and equals another with the same texts.

    Raises `ValueError` for a language that is not one of the service's.
    """

    __slots__ = ("_texts",)

    def __init__(self, texts: Mapping[str, str] | None = None, /, **more: str):
        by_code = {**(texts or {}), **more}
        unknown = by_code.keys() - LANGUAGES.keys()
        if unknown:
            raise ValueError(f"not a language of the service: {sorted(unknown)}")
        self._texts = {code: by_code[code] for code in LANGUAGES if by_code.get(code)}

    @classmethod
    def stored(cls, texts: Mapping[str, str]) -> "Translated":
        """The same from the database, less what is in a language that the service had once."""
        return cls({code: text for code, text in texts.items() if code in LANGUAGES})

    def in_(self, language: str) -> str:
        """The text for whoever reads `language`; "" where it is empty."""
        return self._texts.get(self.language_for(language), "")

    def language_for(self, language: str) -> str:
        """The language in which whoever reads `language` has it: that, or else the default one."""
        return language if language in self._texts else DEFAULT

    @property
    def is_whole(self) -> bool:
        """Whether it is written in all languages that are required."""
        return all(code in self for code in required_languages())

    def map(self, change: Callable[[str], str]) -> "Translated":
        """The text changed in each language."""
        return Translated({code: change(text) for code, text in self.items()})

    def __getitem__(self, code: str) -> str:
        return self._texts[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __eq__(self, other: object) -> bool:
        return self._texts == other._texts if isinstance(other, Translated) else super().__eq__(other)

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        return f"Translated({self._texts!r})"


_in_language = ContextVar("in_language", default=DEFAULT)


def N_(text: str) -> str:  # noqa: N802 - what gettext calls it
    """`text` as it is, collected for translation: for words in a table, which `_` translates on use."""
    return text


def init_app(app: Flask) -> None:
    """Set up translations; the catalogues are in `mobilize/translations`."""
    Babel(app, locale_selector=_locale_here, default_translation_directories="translations")


def language() -> str:
    """The code of the reader's language: their choice, else the best match for their browser's languages;
    where nobody asks for a page, that of `in_language`."""
    if not has_request_context():
        return _in_language.get()
    environ = request.environ
    chosen: str | None = environ.get(_CACHED_LANGUAGE)
    if chosen is None:
        chosen = environ[_CACHED_LANGUAGE] = _chosen() or _best_match(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
    return chosen


def _chosen() -> str | None:
    environ = request.environ
    if not environ.get("QUERY_STRING") and COOKIE not in environ.get("HTTP_COOKIE", ""):
        return None
    chosen = request.args.get("lang") or request.cookies.get(COOKIE)
    return chosen if chosen in LANGUAGES else None


@lru_cache(1000)
def _best_match(header: str) -> str:
    """The best language for an Accept-Language header. Cached: a city sends few different ones."""
    names = {name: code for code, one in LANGUAGES.items() for name in (code, one.locale)}
    return names[parse_accept_header(header, LanguageAccept).best_match(names, DEFAULT)]


@contextmanager
def in_language(code: str) -> Iterator[None]:
    """A context in which texts are written in the language `code`; in English where there is no catalogue."""
    before = _in_language.set(code if code in LANGUAGES else DEFAULT)
    try:
        with force_locale(LANGUAGES.get(code, LANGUAGES[DEFAULT]).locale):
            yield
    finally:
        _in_language.reset(before)


def in_every_language(words: Callable[[str], str]) -> Translated:
    """What `words` writes when it is called in each language of the service, with the code of it."""
    texts = {}
    for code in LANGUAGES:
        with in_language(code):
            texts[code] = words(code)
    return Translated(texts)


def say_in(code: str, text: str) -> str:
    """A text that `N_` collected, in the language `code`; without an application too, as paper is drawn."""
    return _catalogue(LANGUAGES[code].locale).gettext(text)


def in_each(text: str) -> str:
    """The same in every language on one line: All areas / Todas las áreas."""
    return " / ".join(say_in(code, text) for code in LANGUAGES)


@cache
def _catalogue(locale: str) -> NullTranslations:
    return Translations.load(_CATALOGUES, [locale])


def required_languages() -> list[str]:
    """The codes of those in which a broadcast and a statement have to be written."""
    return [code for code, one in LANGUAGES.items() if one.required]


def name_of(code: str, otherwise: str = "") -> str:
    """The name of the language `code` in the reader's, within a sentence: Spanish, español. `otherwise` where
    the reader's has none."""
    reader = get_locale() or Locale(DEFAULT)
    return reader.languages.get(code) or otherwise or LANGUAGES[code].name


def listed(words: Iterable[str]) -> str:
    """Words as the reader lists them: in English and in Spanish."""
    return format_list(list(words), locale=get_locale() or DEFAULT)


def say_time(moment: datetime, zone: str | None = None) -> str:
    """The time of day where it happens: 7:00 AM."""
    if zone is None:
        return str(format_time(_wall(moment, zone), "short", rebase=False))
    return _time_of_minute(int(moment.timestamp() // 60), zone, str(get_locale()))


def time_writer(zone: str) -> Callable[[datetime], str]:
    """`say_time` of one zone, for many times: the reader's language is looked up once."""
    locale = str(get_locale())
    return lambda moment: _time_of_minute(int(moment.timestamp() // 60), zone, locale)


@lru_cache(5000)
def _time_of_minute(minute: int, zone: str, locale: str) -> str:
    """Cached: a page of a line has one for each name."""
    return str(
        babel_format_time(clock.local(datetime.fromtimestamp(minute * 60, UTC), zone), "short", locale=locale)
    )


def say_date(moment: datetime, zone: str | None = None) -> str:
    """The day where it happens: Tuesday, March 3."""
    return str(format_date(_wall(moment, zone), _readers().day, rebase=False))


def say_ago(moment: datetime, now: datetime) -> str:
    """How long ago it was, a second at least: 40 seconds ago."""
    past = max(now - moment, timedelta(seconds=1))
    return format_timedelta(-past, add_direction=True, threshold=1.5, locale=get_locale() or DEFAULT)


def say_day(day: date) -> str:
    """A calendar day with its year: Sep 1, 2026."""
    return str(format_date(day, "medium"))


def day_in_sentence(starts_at: datetime, language: str, *, year: bool = False) -> str:
    """`Tuesday, December 8` or `martes 8 de diciembre`; `starts_at` is local."""
    spoken = LANGUAGES[language]
    return babel_format_date(
        starts_at.date(), spoken.day_with_year if year else spoken.day, locale=spoken.locale
    )


def hour_of(local: datetime, language: str) -> tuple[str, str]:
    """The time of day and its half, as paper and texts have them: ("7:00", "am"); ("07:00", "") in a language
    that has no words of its own for the halves. `local`: by the clock of the place."""
    spoken = LANGUAGES[language]
    if spoken.halves is None:
        return babel_format_time(local.time(), "short", locale=spoken.locale).replace("\u202f", " "), ""
    return f"{local.hour % 12 or 12}:{local.minute:02d}", spoken.halves[local.hour >= 12]


def say_when(start: datetime, end: datetime, zone: str | None = None, *, on_page: bool = True) -> str:
    """Day and span where it happens: Tuesday, March 3, 7:00–7:45 AM. On a page the span stays on one line, by
    a word joiner, which a message does without."""
    first, last = say_time(start, zone), say_time(end, zone)
    hour, _, half = first.partition("\u202f")
    if half and last.endswith(half):
        first = hour
    joined = "–\u2060" if on_page else "–"
    return f"{say_date(start, zone)}, {first}{joined}{last}"


def _locale_here() -> str:
    return LANGUAGES[language()].locale


def _readers() -> Language:
    """The language that texts are written in just now: the reader's, or that of `in_language`."""
    locale = str(get_locale() or DEFAULT)
    return next((one for one in LANGUAGES.values() if one.locale == locale), LANGUAGES[DEFAULT])


def _wall(moment: datetime, zone: str | None) -> datetime:
    return clock.local(moment, zone or settings().union_timezone)
