"""docs/pages.md, which `make look` writes, is made of what it has looked at."""

from flask import Flask

from tests.look.pages_document import pages_document, reading_rows


def test_the_document_has_axe_lighthouse_and_how_texts_read(sqlite_app: Flask) -> None:
    reading = reading_rows(sqlite_app)
    document = pages_document(
        [["pages", "chair", "es", 31, 0]], [["lighthouse", "front", 98, 100, 100, 100, 41.5]], reading
    )
    assert "| pages | chair | es | 31 | 0 |" in document
    assert "| front | 98 | 100 | 100 | 100 | 41.5 |" in document
    assert len(reading) >= 12 and "| /guides/chair | es |" in document


def test_what_was_not_looked_at_says_so() -> None:
    assert pages_document([], [], []).count("Not looked at with this release yet.") == 3
