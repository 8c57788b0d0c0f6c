"""The printed guides: what a chair, a captain, an organizer and the office do, each on two pages of paper.

Each is a Markdown file per language in `docs/guides/`, `chair.en.md`: its first line is the title, and a line
of `---` begins the second page. What stands in bold is a label of our pages, in that language.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from mobilize.languages import DEFAULT

# In this order where all of them are listed.
NAMES = ("captain", "chair", "organizer", "office")
FOLDER = Path(__file__).resolve().parents[1] / "docs" / "guides"
# Raw HTML in a file is shown as the letters it is made of.
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


@dataclass(frozen=True, slots=True)
class Guide:
    """One guide. `language` is what it is written in: English where there is none in the reader's."""

    name: str
    language: str
    title: str
    body: Markup


@cache
def guide(name: str, language: str) -> Guide:
    """The guide of one of `NAMES`, for whoever reads `language`. Read from its file once in each process.

    Raises `FileNotFoundError` for any other name, whatever stands in it.
    """
    if name not in NAMES:
        raise FileNotFoundError(name)
    path = FOLDER / f"{name}.{language}.md"
    if not path.exists() and language != DEFAULT:
        return guide(name, DEFAULT)
    title, _, text = path.read_text(encoding="utf-8").partition("\n")
    return Guide(name, language, title.removeprefix("# "), Markup(_MARKDOWN.render(text)))  # noqa: S704


def guides(language: str) -> list[Guide]:
    """All of them."""
    return [guide(name, language) for name in NAMES]
