"""No private part of a library is used: it would move with the next version, without a word in its notes."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for place in ("mobilize", "workers") for path in (ROOT / place).rglob("*.py"))
LIBRARIES = {"sqlalchemy", "werkzeug", "flask", "psycopg", "flask_sqlalchemy", "celery", "kombu", "granian"}
# Public by their documentation: of Werkzeug, of named tuples, of SQLAlchemy's rows, of WTForms, and of `os`.
DOCUMENTED = {"_get_current_object", "_get_file_stream", "_replace", "_mapping", "_fields", "_exit"}


def private(source: str) -> list[str]:
    """Private modules and names of libraries that are imported, and private attributes of what is not ours:
    anything but `self`, `cls` or a name that this file itself defines."""
    tree = ast.parse(source)
    return [*_imported(tree), *_attributes(tree)]


def _imported(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if name.split(".")[0] in LIBRARIES and _is_private(name)]


def _is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def _attributes(tree: ast.AST) -> list[str]:
    defined = _defined(tree)
    used = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return [name for name in used if _is_private(name) and name not in defined | DOCUMENTED]


def _defined(tree: ast.AST) -> set[str]:
    """Private names this file gives to something of its own."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def test_a_file_uses_only_what_a_library_offers() -> None:
    used = {str(path.relative_to(ROOT)): private(path.read_text(encoding="utf-8")) for path in FILES}
    assert len(used) > 300
    assert {path: names for path, names in used.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("bind.type._cached_bind_processor(dialect)", ["_cached_bind_processor"]),
        ("from werkzeug._internal import x", ["werkzeug._internal.x"]),
        ("class A:\n    def f(self):\n        self._x = 1\n    def g(self):\n        return self._x", []),
        ("db.session.get(1).__dict__", []),
    ],
)
def test_this_test_sees_them(source: str, names: list[str]) -> None:
    assert private(source) == names
