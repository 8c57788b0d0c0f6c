"""English and Spanish are equal: nothing a page says is missing in Spanish. No language loses a blank."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent
CATALOGUES = {path.parts[-3]: path for path in (ROOT / "mobilize/translations").glob("*/*/messages.po")}


@cache
def catalogue_of(language: str) -> Catalog:
    with CATALOGUES[language].open("rb") as file:
        return read_po(file, locale=language)


@cache
def messages() -> frozenset[str | tuple[str, str]]:
    """Every text our code and templates hand to gettext."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["babel"]["mappings"]
    methods = [(mapping["pattern"], mapping["method"]) for mapping in mappings]
    result: set[str | tuple[str, str]] = set()
    for folder in ("mobilize", "templates"):
        trimmed = [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in methods]
        result |= {entry[2] for entry in extract_from_dir(ROOT / folder, trimmed)}
    return frozenset(result)


def test_every_text_of_a_page_has_a_spanish_one() -> None:
    catalogue = catalogue_of("es")
    missing = [text for text in messages() if not _translated(catalogue, text)]
    assert not missing, f"{len(missing)} without Spanish; run make words and translate: {missing[:5]}"


@pytest.mark.parametrize("language", CATALOGUES)
def test_no_blank_is_lost_in_translation(language: str) -> None:
    for message in catalogue_of(language):
        if message.id and message.string:
            english = message.id if isinstance(message.id, str) else message.id[1]
            for text in [message.string] if isinstance(message.string, str) else filter(None, message.string):
                assert _blanks(text) <= _blanks(english), message.id
                assert isinstance(message.id, tuple) or _blanks(text) == _blanks(english), message.id


@pytest.mark.parametrize("language", CATALOGUES)
def test_the_catalogue_holds_nothing_that_is_not_said_any_more(language: str) -> None:
    kept = {_key(message.id) for message in catalogue_of(language) if message.id}
    gone = kept - {_key(text) for text in messages()}
    assert not gone, f"run make words: {sorted(map(str, gone))[:5]}"


def test_members_and_captains_are_they_where_people_check_in() -> None:
    for folder in ("checkins", "grants", "line"):
        result = extract_from_dir(ROOT / "templates" / folder, [("**.html", "jinja2")])
        spoken = [entry[2] for entry in result if re.search(r"\b(she|hers?|herself)\b", str(entry[2]), re.I)]
        assert not spoken, (folder, spoken)


def _key(text: object) -> str | tuple[str, ...]:
    return text if isinstance(text, str) else tuple(text[:2])  # type: ignore[index]


def _translated(catalogue: Catalog, text: str | tuple[str, str]) -> bool:
    message = catalogue.get(_key(text))
    return bool(message and message.string and (isinstance(message.string, str) or all(message.string)))


def _blanks(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)", text))
