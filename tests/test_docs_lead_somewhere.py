"""Every reference to a file, a module or a name in one leads somewhere, in documents and in the code."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATH = re.compile(
    r"(?<![\w/.:@-])((?:[a-z_.-]+/)+[\w.-]+\.(?:py|md|html|js|mjs|css|toml|txt|png|sh|json|po))\b(?!/)"
)
# `texts/carriers/twilio.py: send`, `send` in `texts/carriers/twilio.py`, and `twilio.send` or
# `texts.twilio.send()`.
IN_FILE = re.compile(r"`([\w/.-]+\.\w+): (\w+)")
OF_FILE = re.compile(r"`(\w+)`\s+(?:of|in|to|from)\s+`([\w/.-]+\.\w+)`")
DOTTED = re.compile(r"`((?:[a-z_]\w*\.)+[A-Za-z_]\w*)(?:\(\))?`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FOLDERS = ("bench/", "deploy/", "docs/", "mobilize/", "templates/", "tests/", "workers/")
# Made when something runs, or a pattern.
GENERATED = {"bench/results.json"}
ENDINGS = {".html", ".js", ".md", ".po", ".py", ".txt"}
# Of Flask and of WSGI, under names that modules of ours have too.
# These endpoints lie in a module of another name; the manual's own test looks after them.
ENDPOINTS = {f"grants.{name}" for name in ("give_link", "hand_link_over", "take_back", "open_own_line")}
ENDPOINTS |= {"line.add"}
FOREIGN = {"app.extensions", "wsgi.input", *ENDPOINTS}
NOT_OURS = {".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "mutants", "node_modules", "var"}


TRACKED = [
    path.relative_to(ROOT)
    for top in sorted(ROOT.iterdir())
    if top.name not in NOT_OURS
    for path in ([top] if top.is_file() else sorted(top.rglob("*")))
    if path.is_file() and not {"vendor", "__pycache__", "node_modules"} & set(path.parts)
]
DOCUMENTS = [path for path in TRACKED if path.suffix == ".md" and path.name != "CHANGELOG.md"]
CODE = [path for path in TRACKED if path.suffix in {".py", ".js", ".html"}]
# The words of every module, by its name, and by the names of the folders it lies in.
WORDS: dict[str, set[str]] = defaultdict(set)
for _path in TRACKED:
    if _path.suffix == ".py":
        _words = {_path.stem, *re.findall(r"\w+", (ROOT / _path).read_text(encoding="utf-8"))}
        for _name in (_path.stem, *(_path.parts[:-1] if _path.parts[0] != "tests" else ())):
            WORDS[_name] |= _words


def leads_somewhere(reference: str, source: Path) -> bool:
    """Whether there is such a file or folder."""
    return bool(places_of(reference, source))


def places_of(reference: str, source: Path) -> list[Path]:
    """The files or folders it names: from the root, in `mobilize/` or `static/`, or beside `source`."""
    places = (Path(), Path("mobilize"), Path("mobilize/static"), source.parent)
    return [path for place in places if (path := ROOT / place / reference).exists()]


def lost(source: Path, text: str) -> Iterator[str]:
    """References of a document that lead nowhere; in code those that begin with a folder of ours."""
    is_document = source.suffix == ".md"
    named = [ref for ref in PATH.findall(text) if is_document or ref.startswith(FOLDERS)]
    linked = [ref for ref in LINK.findall(text) if is_document and "://" not in ref]
    for reference in [*named, *linked]:
        if reference not in GENERATED and not leads_somewhere(reference, source):
            yield reference


def lost_names(source: Path, text: str) -> Iterator[str]:
    """Names that are said to be in a file or module of ours, and are not. What begins with no module is not
    ours."""
    for file, name in [*IN_FILE.findall(text), *(pair[::-1] for pair in OF_FILE.findall(text))]:
        if not any(name in words_of(path) for path in places_of(file, source)):
            yield f"{file}: {name}"
    for reference in DOTTED.findall(text):
        *owners, name = reference.split(".")
        if reference in FOREIGN or not WORDS.keys() & set(owners) or Path(reference).suffix in ENDINGS:
            continue
        if not all(owner in WORDS for owner in owners) or name not in WORDS[owners[-1]] | columns(owners[-1]):
            yield reference


@cache
def words_of(path: Path) -> set[str]:
    return set(re.findall(r"\w+", path.read_text(encoding="utf-8")))


def columns(table: str) -> set[str]:
    """The words of the models that hold this table."""
    models = [ROOT / path for path in TRACKED if path.name == "models.py"]
    sources = [path.read_text(encoding="utf-8") for path in models]
    return {
        word
        for source in sources
        if f'__tablename__ = "{table}"' in source
        for word in re.findall(r"\w+", source)
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_what_a_document_names_is_there(path: Path) -> None:
    assert sorted(lost(path, (ROOT / path).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_what_a_document_names_in_a_module_is_there(path: Path) -> None:
    assert sorted(lost_names(path, (ROOT / path).read_text(encoding="utf-8"))) == []


def test_what_the_code_names_is_there() -> None:
    assert len(CODE) > 300
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in CODE}
    results = {str(path): [*lost(path, text), *lost_names(path, text)] for path, text in texts.items()}
    assert {path: names for path, names in results.items() if names} == {}


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    here = {path.name for path in DOCUMENTS if path.parent == Path("docs")} - {"README.md", "progress.md"}
    assert here <= set(LINK.findall(index))


def test_these_tests_see_a_lost_reference() -> None:
    nowhere = "/".join(["docs", "nowhere.md"])
    text = f"`turnout/paper.py`, [texts](texts.md), {nowhere} and [away](https://example.org/a.md)"
    assert list(lost(Path("docs/README.md"), text)) == ["turnout/paper.py", nowhere]


def test_these_tests_see_a_lost_name() -> None:
    text = (
        "`texts/carriers/twilio.py: send`, `twilio.send()`, `rules.kinds`, `members.urgent_off_at`, "
        "`os.path`, `send` in `texts/carriers/twilio.py`, `ROOMS` of\n`workers/timetable.py`, "
    )
    nowhere = ["texts/carriers/twilio.py: no_such", "twilio.no_such", "roster.no_such.lines"]
    text += " ".join(f"`{name}`" for name in nowhere)
    assert list(lost_names(Path("README.md"), text)) == [
        nowhere[0],
        "workers/timetable.py: ROOMS",
        *nowhere[1:],
    ]
