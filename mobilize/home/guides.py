"""The printed guides: what a chair, a captain, an organizer and the office do, each on two pages of paper.

Each is a Markdown file per language in `docs/guides/`, `chair.en.md`: its first line is the title, and a line
of `---` begins the second page. What stands in bold is a label of our pages, in that language.

And the manuals of `docs/` for people who write programs, in English, as programs are.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from mobilize.languages import DEFAULT

# In this order where all of them are listed.
NAMES = ("captain", "chair", "organizer", "office")
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "guides"
# Raw HTML in a file is shown as the letters it is made of.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
MANUALS = ("api", "webhooks")
# What manuals name and every installation has, by where it is there; other files are in the repository alone.
SERVED = {
    "openapi.json": "/api/v1/openapi.json",
    "webhooks.md": "/manuals/webhooks",
    "examples/mobilize_connector.py": "/manuals/examples/mobilize_connector.py",
    "examples/turnout_to_csv.py": "/manuals/examples/turnout_to_csv.py",
}
_LINK_TO_FILE = re.compile(r'<a href="(?!https?:|#)([^"]*)">(.*?)</a>')
# Where manuals say that an installation is.
_HERE = "http://localhost:5000"


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


@cache
def manual(name: str, base: str) -> Guide:
    """The manual of one of `MANUALS`, as an installation at `base` has it. Raises `FileNotFoundError` for any
    other name."""
    if name not in MANUALS:
        raise FileNotFoundError(name)
    title, _, text = (FOLDER.parent / f"{name}.md").read_text(encoding="utf-8").partition("\n")
    body = _LINK_TO_FILE.sub(_link, _MARKDOWN.render(text)).replace(_HERE, base)
    # A table is moved by itself where it is wider than a phone.
    body = body.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace(
        "</table>", "</table></div>"
    )
    return Guide(name, DEFAULT, title.removeprefix("# "), Markup(body))  # noqa: S704


def example(name: str) -> str:
    """The text of an example that a manual names. Raises `FileNotFoundError` for any other name."""
    if f"examples/{name}" not in SERVED:
        raise FileNotFoundError(name)
    return (FOLDER.parent / "examples" / name).read_text(encoding="utf-8")


def _link(match: re.Match[str]) -> str:
    address = SERVED.get(match[1])
    return f'<a href="{address}">{match[2]}</a>' if address else match[2]


def guides(language: str) -> list[Guide]:
    """All of them."""
    return [guide(name, language) for name in NAMES]
