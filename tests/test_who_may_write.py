"""Who may write: operations. Views, commands, queries and forms open no transaction."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
READERS = ("views", "commands", "queries", "forms")


def transactions(source: str) -> list[int]:
    """Lines that name `atomic`, under whatever module, or import it."""
    nodes = list(ast.walk(ast.parse(source)))
    used = [node for node in nodes if isinstance(node, ast.Name) and node.id == "atomic"]
    used += [node for node in nodes if isinstance(node, ast.Attribute) and node.attr == "atomic"]
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    used += [node for node in imports if any(alias.name == "atomic" for alias in node.names)]
    return sorted(node.lineno for node in used)


def test_views_commands_queries_and_forms_open_no_transaction() -> None:
    """A view or command calls an operation, perhaps inside `after_step_up()`."""
    paths = [path for path in (ROOT / "mobilize").rglob("*.py") if path.stem.endswith(READERS)]
    lines = {str(path): transactions(path.read_text(encoding="utf-8")) for path in paths}
    assert len(paths) > 50
    assert {path: results for path, results in lines.items() if results} == {}


def test_this_test_sees_a_transaction() -> None:
    source = "from mobilize.database import atomic as a\nwith database.atomic():\n    y\nwith atomic():\n  y"
    assert transactions(source) == [1, 2, 4]
