"""Day and hours as they are printed, in English and Spanish side by side: needs no request and no app."""

from datetime import datetime

from babel.dates import format_date

_DAY = {"en": "EEEE, MMMM d", "es": "EEEE d 'de' MMMM"}
_DAY_WITH_YEAR = {"en": "EEEE, MMMM d, y", "es": "EEEE d 'de' MMMM 'de' y"}
_HALF = {"en": ("am", "pm"), "es": ("a. m.", "p. m.")}
# A line must not break between "7:45" and "am".
_NO_BREAK = "\N{NO-BREAK SPACE}"


def day_line(starts_at: datetime, language: str, *, year: bool = False) -> str:
    """`Tuesday, December 8` or `Martes 8 de diciembre`; `starts_at` is local."""
    pattern = (_DAY_WITH_YEAR if year else _DAY)[language]
    said = format_date(starts_at.date(), pattern, locale=language)
    return said[:1].upper() + said[1:]


def hours_line(starts_at: datetime, ends_at: datetime, language: str) -> str:
    """`7:00–7:45 am`, `11:30 am–1:00 pm`; both times are local, am and pm are said once if they can."""
    first, last = _half(starts_at, language), _half(ends_at, language)
    same = first == last and starts_at.date() == ends_at.date()
    before = _clock(starts_at) if same else f"{_clock(starts_at)}{_NO_BREAK}{first}"
    return f"{before}–{_clock(ends_at)}{_NO_BREAK}{last}".replace(" ", _NO_BREAK)


def _clock(moment: datetime) -> str:
    return f"{moment.hour % 12 or 12}:{moment.minute:02d}"


def _half(moment: datetime, language: str) -> str:
    return _HALF[language][moment.hour >= 12]
