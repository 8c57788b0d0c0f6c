"""The printed guides: each label they name is on our pages, in that language, and each is two pages long."""

import re
from functools import cache
from pathlib import Path

import pypdfium2
import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from markupsafe import escape
from playwright.sync_api import Page

from mobilize.accounts.models import RoleName
from mobilize.home import guides
from mobilize.languages import LANGUAGES
from tests.builders import make_person, make_site, sign_in
from tests.services.client import Client
from tests.test_every_word_is_said_in_spanish import catalogue_of, messages

BOLD = re.compile(r"\*\*(.+?)\*\*")
LETTER = (612, 792)
ALL = sorted(tuple(path.name.split(".")[:2]) for path in guides.FOLDER.glob("*.md"))


def source_of(name: str, language: str) -> str:
    return (guides.FOLDER / f"{name}.{language}.md").read_text(encoding="utf-8")


def labels_of(name: str, language: str) -> set[str]:
    return set(BOLD.findall(source_of(name, language)))


@cache
def spoken(language: str) -> dict[str, set[str]]:
    """English text of our pages and templates: what they say in that language."""
    catalogue = catalogue_of(language) if language != "en" else None
    result: dict[str, set[str]] = {}
    for text in messages():
        forms = [text] if isinstance(text, str) else list(text)[:2]
        message = catalogue.get(forms[0]) if catalogue else None
        strings = message.string if message else forms
        result[forms[0]] = {strings} if isinstance(strings, str) else set(strings or ())
    return result


def untrue(labels: set[str], language: str) -> set[str]:
    """Those of them that no page says."""
    on_pages = set().union(*spoken(language).values())
    return {label for label in labels if label not in on_pages}


def test_every_guide_is_there_in_every_language_that_is_required() -> None:
    required = {(name, code) for name in guides.NAMES for code, one in LANGUAGES.items() if one.required}
    assert set(ALL) >= required
    assert {name for name, _language in ALL} == set(guides.NAMES)


@pytest.mark.parametrize("name", guides.MANUALS)
def test_a_manual_is_read_by_whoever_writes_a_program(sqlite_app: Flask, name: str) -> None:
    page = Client(sqlite_app, use_cookies=True).get(f"/manuals/{name}").text
    words = page.partition('<article class="guide-text"')[2].partition("</article>")[0]
    assert "Idempotency-Key" in words or "webhook-signature" in words
    assert "<table>" in words and "<pre>" in words
    assert set(re.findall(r'href="(?!https?:|#)([^"]*)"', words)) <= set(guides.SERVED.values()), (
        "files beside it"
    )
    assert "localhost:5000" not in words and "<code>make run" not in words, "it is about this installation"


@pytest.mark.parametrize("address", sorted(guides.SERVED.values()))
def test_what_a_manual_leads_to_is_there(sqlite_app: Flask, address: str) -> None:
    client = Client(sqlite_app, use_cookies=True)
    assert client.get(address).status_code == 200
    assert f'href="{address}"' in client.get("/manuals/api").text


def test_no_other_file_is_a_manual(sqlite_app: Flask) -> None:
    client = Client(sqlite_app, use_cookies=True)
    for name in ("threats", "../config.py", "%2e%2e/config.py", "guides/office.en"):
        assert client.get(f"/manuals/{name}").status_code == 404


@pytest.mark.parametrize(("name", "language"), ALL)
def test_every_label_a_guide_names_is_on_a_page(name: str, language: str) -> None:
    labels = labels_of(name, language)
    assert len(labels) >= 10
    assert untrue(labels, language) == set()


@pytest.mark.parametrize("name", guides.NAMES)
def test_both_languages_name_the_same_labels(name: str) -> None:
    spanish = {word for label in labels_of(name, "en") for word in spoken("es")[label]}
    languages = ("en", "es")
    assert labels_of(name, "es") <= spanish
    assert not {label for label in labels_of(name, "en") if not spoken("es")[label] & labels_of(name, "es")}
    for mark in ("### ", "## ", "1. "):
        lines = [source_of(name, language).count(f"\n{mark}") for language in languages]
        assert len(set(lines)) == 1, mark


def test_these_tests_see_a_label_that_is_gone() -> None:
    assert untrue({"Open the line page", "Open the line pages"}, "en") == {"Open the line pages"}
    assert untrue({"Abrir la página de línea", "Open the line page"}, "es") == {"Open the line page"}


@pytest.mark.parametrize(("name", "language"), ALL)
def test_anybody_opens_a_guide_in_their_language(sqlite_app: Flask, name: str, language: str) -> None:
    answer = Client(sqlite_app).get(f"/guides/{name}?lang={language}")
    assert answer.status_code == 200
    assert f"<h1>{escape(guides.guide(name, language).title)}</h1>" in answer.text
    assert "<strong>" in answer.text and "**" not in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["nobody", "chair.en", "..%2FREADME", "%2e%2e", "chair/..", "CHAIR"])
def test_there_is_no_other_guide(sqlite_app: Flask, name: str) -> None:
    assert Client(sqlite_app).get(f"/guides/{name}").status_code == 404
    with pytest.raises(FileNotFoundError):
        guides.guide(name, "en")


def test_raw_html_is_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guides, "FOLDER", tmp_path)
    text = "# A title\n\n<script>alert(1)</script> and [a link](javascript:alert(1)), <b>bold</b>\n"
    (tmp_path / "chair.en.md").write_text(text)
    body = guides.guide.__wrapped__("chair", "en").body
    assert "<script" not in body and "<b>" not in body and "href" not in body
    assert guides.guide.__wrapped__("chair", "es").language == "en"  # what is in no other language yet


@pytest.mark.parametrize(("name", "language"), ALL)
def test_a_guide_is_two_pages_of_letter(
    pg_app: Flask, live_server: str, page: Page, name: str, language: str
) -> None:
    page.goto(f"{live_server}/guides/{name}?lang={language}")
    assert [one["id"] for one in Axe().run(page).response["violations"]] == []
    paper = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    assert [tuple(round(n) for n in sheet.get_size()) for sheet in paper] == [LETTER, LETTER]
    first, second = (sheet.get_textpage().get_text_bounded() for sheet in paper)
    assert guides.guide(name, language).title[:20] in first
    assert re.search("When it goes wrong|Cuando algo sale mal", second)
    assert not re.search("When it goes wrong|Cuando algo sale mal", first)


@pytest.mark.parametrize(
    ("role", "path", "name"),
    [
        (RoleName.CHAIR, "/overview", "chair"),
        (RoleName.ORGANIZER, "/overview", "organizer"),
        (RoleName.ADMIN, "/overview", "office"),
        (RoleName.ADMIN, "/setup", "office"),
    ],
)
def test_it_is_linked_where_it_is_needed(sqlite_app: Flask, role: RoleName, path: str, name: str) -> None:
    client = Client(sqlite_app)
    sign_in(
        client, make_person(role=role, site=make_site()) if role is RoleName.CHAIR else make_person(role=role)
    )
    assert f'href="/guides/{name}"' in client.get(path).text
