"""English and Spanish are equal: nothing a page says is missing in Spanish, or loses a blank."""

import re
import tomllib
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "mobilize/translations/es/LC_MESSAGES/messages.po"


@cache
def spanish() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="es")


@cache
def said() -> frozenset[str | tuple[str, str]]:
    """Every text our code and templates hand to gettext."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["babel"]["mappings"]
    methods = [(mapping["pattern"], mapping["method"]) for mapping in mappings]
    found: set[str | tuple[str, str]] = set()
    for folder in ("mobilize", "templates"):
        trimmed = [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in methods]
        found |= {entry[2] for entry in extract_from_dir(ROOT / folder, trimmed)}
    return frozenset(found)


def test_every_text_of_a_page_has_a_spanish_one() -> None:
    catalogue = spanish()
    missing = [text for text in said() if not _translated(catalogue, text)]
    assert not missing, f"{len(missing)} without Spanish; run make words and translate: {missing[:5]}"


def test_no_blank_is_lost_in_translation() -> None:
    for message in spanish():
        if message.id and message.string:
            english = message.id if isinstance(message.id, str) else message.id[1]
            for text in [message.string] if isinstance(message.string, str) else message.string:
                assert _blanks(text) <= _blanks(english), message.id
                assert isinstance(message.id, tuple) or _blanks(text) == _blanks(english), message.id


def test_the_catalogue_holds_nothing_that_is_not_said_any_more() -> None:
    kept = {_key(message.id) for message in spanish() if message.id}
    gone = kept - {_key(text) for text in said()}
    assert not gone, f"run make words: {sorted(map(str, gone))[:5]}"


def test_members_and_captains_are_they_where_people_check_in() -> None:
    for folder in ("checkins", "grants", "line"):
        found = extract_from_dir(ROOT / "templates" / folder, [("**.html", "jinja2")])
        spoken = [entry[2] for entry in found if re.search(r"\b(she|hers?|herself)\b", str(entry[2]), re.I)]
        assert not spoken, (folder, spoken)


def _key(text: object) -> str | tuple[str, ...]:
    return text if isinstance(text, str) else tuple(text[:2])  # type: ignore[index]


def _translated(catalogue: Catalog, text: str | tuple[str, str]) -> bool:
    message = catalogue.get(_key(text))
    return bool(message and message.string and (isinstance(message.string, str) or all(message.string)))


def _blanks(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)", text))
