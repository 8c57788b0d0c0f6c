"""docs/pages.md, which `make look` writes: what axe found, what Lighthouse says, and how texts read."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from flask import Flask

from mobilize.languages import LANGUAGES
from tests.services.client import BareClient
from tests.staged import LEFT_OUT
from tests.test_long_texts_read_easily import EASY, GRADE, PAGES, ease_of, grade_of, measured, paragraphs

DOCUMENT = Path(__file__).parents[2] / "docs/pages.md"
Row = Sequence[object]

_HEAD = """# Pages

Written by `make look`, from a world with one of everything. At 789 sites: heights, bytes and
pictures, before and now, in [pictures](pictures/README.md); seconds in [RESULTS.md](../bench/RESULTS.md).
"""


def pages_document(axe: Iterable[Row], lighthouse: Iterable[Row], reading: Iterable[Row]) -> str:
    """The document. `axe` as `make look` keeps its rows, `lighthouse` too, `reading` as `reading_rows`."""
    return "\n".join(
        [
            _HEAD,
            "## axe\n\nEvery page that opens, in both themes; and forms that were sent empty.\n",
            _table(("what", "who", "language", "pages", "with findings"), axe),
            "\nLeft out:\n",
            *(f"- `{page}`: {why}." for page, why in LEFT_OUT.items()),
            "\n## Lighthouse\n\nA phone with a slow network, simulated: the median of the runs.\n",
            _table(
                ("page", "performance", "accessibility", "best practices", "SEO", "KB"),
                [row[1:] for row in lighthouse],
            ),
            "\n## Reading\n\n"
            f"Flesch-Kincaid grade in English (at most {GRADE:g}), ease by Fernández Huerta in Spanish\n"
            f"(at least {EASY:g}).\n",
            _table(("page", "language", "words", "measure"), reading),
            "",
        ]
    )


def reading_rows(app: Flask) -> list[Row]:
    """(address, language, words, grade or ease) of the texts that are read at length."""
    rows: list[Row] = []
    client = BareClient(app)
    for path in PAGES:
        for language in (code for code, one in LANGUAGES.items() if one.required):
            text = paragraphs(client.get(path, headers={"Accept-Language": language}).text)
            measure = grade_of(text) if language == "en" else ease_of(text)
            rows.append((path, language, measured(text, language)[0], round(measure, 1)))
    return rows


def _table(heads: Row, rows: Iterable[Row]) -> str:
    rows = list(rows)
    if not rows:
        return "Not looked at with this release yet."
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
