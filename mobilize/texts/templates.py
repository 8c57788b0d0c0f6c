"""The words of every text: `templates/texts/<wording>.<language>.txt`, with named merge fields in braces.

`{union}`, `{host}` and `{help}` are filled from the settings; all others come with the text.
"""

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from mobilize import settings
from mobilize.languages import DEFAULT, LANGUAGES
from mobilize.segments import GSM_BASIC, fold, segments

FOLDER = Path(__file__).parents[2] / "templates" / "texts"
FIRST_TEXT = "first_text"  # around the first text to a number: how to stop them
LONGEST = 2  # segments; beyond it a default wording is folded to plain letters


class BadWording(ValueError):
    """A wording that does not exist, or a merge field that was left empty. The text names wording and field
    only."""


def render(wording: str, language: str, merge_fields: dict[str, str]) -> str:
    """The body as it leaves. Accents stay unless they would push it over two segments and dropping them
    helps.

    Raises `BadWording`. The same input gives the same body, which reconciling relies on.
    """
    body = _filled(wording, language, {**_from_settings(), **merge_fields})
    if segments(body) <= LONGEST:
        return body
    folded = fold(body)
    return folded if segments(folded) < segments(body) else body


def union_that_fits(wording: str, language: str, merge_fields: dict[str, str]) -> str:
    """The union's name as this wording has room for it in one segment: in plain letters, whole words left out
    from the end, or letters of the first. `config.LONGEST_HOST` sees to it that there is room."""
    name = "".join(letter for letter in fold(settings().union_name) if letter in GSM_BASIC)
    while name and segments(render(wording, language, {**merge_fields, "union": name})) > 1:
        name = name.rpartition(" ")[0] or name[:-1]
    return name


def wordings() -> list[str]:
    """Every wording there is."""
    return sorted({path.name.split(".")[0] for path in FOLDER.glob("*.txt")})


def written_languages() -> list[str]:
    """The languages of the service in which every wording is written."""
    return [language for language in LANGUAGES if _is_whole(language)]


@cache
def _is_whole(language: str) -> bool:
    return all(_path(wording, language).exists() for wording in wordings())


# "7:00 p.m." where a sentence ends.
_ENDS_TWICE = re.compile(r"([ap]\.m\.)\.(?!\.)")


def _from_settings() -> dict[str, str]:
    chosen = settings()
    help_number = chosen.help_number
    return {
        "union": chosen.union_name,
        "host": urlsplit(chosen.public_base_url).hostname or "",
        "help": f"{help_number}." if help_number else "",
    }


def _filled(wording: str, language: str, merge_fields: dict[str, str]) -> str:
    try:
        filled = template(wording, language).format_map(merge_fields).replace("  ", " ")
        return _ENDS_TWICE.sub(r"\1", filled)
    except KeyError as missing:
        raise BadWording(f"{wording}: nothing was brought for the field {missing}") from None


@cache
def template(wording: str, language: str) -> str:
    """The words with their merge fields still open; in English where they are not written in `language`.
    Raises `BadWording`."""
    path = _path(wording, language)
    try:
        return (path if path.exists() else _path(wording, DEFAULT)).read_text(encoding="utf-8").strip()
    except OSError:
        raise BadWording(f"there is no wording {wording!r}") from None


def _path(wording: str, language: str) -> Path:
    return FOLDER / f"{wording}.{language}.txt"
