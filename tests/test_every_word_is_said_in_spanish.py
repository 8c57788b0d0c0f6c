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


def test_every_row_of_the_glossary_is_true() -> None:
    """Where the English word is said, the Spanish one is too; the name in code is there."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mobilize").rglob("*.py"))
    rows = glossary()
    assert len(rows) > 60
    for english, spanish, name in rows:
        assert not name or re.search(rf"\b{name}\b", code), name
        if spanish and "only)" not in english:
            for word, term in zip(_terms(english), _paired(spanish, len(_terms(english))), strict=True):
                translations = [es for en, es in spoken() if re.search(rf"\b{re.escape(word)}", en)]
                assert any(term in es for es in translations), (word, term)


@pytest.mark.parametrize("word", ["clave", "claves", "hueco", "huecos", "aval", "rol", "roles", "informe"])
def test_a_word_that_was_replaced_does_not_come_back(word: str) -> None:
    # What apps call their key, and what PostgreSQL calls its users.
    kept = {
        "Type this key into the app, as a time-based code:",
        "Behind the pooler the role has no %(setting)s.",
    }
    again = [
        message.id
        for message in catalogue_of("es")
        if message.id not in kept and re.search(rf"\b{word}\b", " ".join(_forms(message.string)), re.I)
    ]
    assert again == [], "docs/words.md says which one stands for it"


def glossary() -> list[tuple[str, str, str]]:
    """(English, Spanish, name in code) of each row of docs/words.md above its part about code."""
    table = (ROOT / "docs/words.md").read_text(encoding="utf-8").partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]
    rows = [(row[0].casefold(), row[1].casefold(), row[2].strip("`")) for row in cells if len(row) == 4]
    return rows[2:]


@cache
def spoken() -> tuple[tuple[str, str], ...]:
    """(English, Spanish) of everything that pages and texts say, in small letters."""
    pages = [(" ".join(_forms(one.id)), " ".join(_forms(one.string))) for one in catalogue_of("es") if one.id]
    texts = [
        (
            path.read_text(encoding="utf-8"),
            path.with_name(path.name.replace(".en.", ".es.")).read_text("utf-8"),
        )
        for path in (ROOT / "templates/texts").glob("*.en.txt")
    ]
    return tuple((en.casefold(), es.casefold()) for en, es in pages + texts)


def _terms(cell: str) -> list[str]:
    """The words of a cell, less what stands in brackets: admin, the office."""
    return [term.strip() for term in re.sub(r"\(.*?\)", "", cell).split(",") if term.strip()]


def _paired(cell: str, count: int) -> list[str]:
    """As many terms of a Spanish cell as there are English ones; of several for one, the first."""
    terms = _terms(cell)
    return terms[:count] if len(terms) >= count else terms * count


def _forms(text: object) -> list[str]:
    return [text] if isinstance(text, str) else [str(form) for form in text]  # type: ignore[attr-defined]


def _key(text: object) -> str | tuple[str, ...]:
    return text if isinstance(text, str) else tuple(text[:2])  # type: ignore[index]


def _translated(catalogue: Catalog, text: str | tuple[str, str]) -> bool:
    message = catalogue.get(_key(text))
    return bool(message and message.string and (isinstance(message.string, str) or all(message.string)))


def _blanks(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)", text))
