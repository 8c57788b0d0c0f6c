"""The fast path is used through some twenty names: the face of its modules. One more is added here."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
FACE = {
    "mobilize.fast": {"autocommit"},  # by the database alone, which opens its pool
    "mobilize.fast.group_commit": {"GroupCommit"},
    "mobilize.fast.page_cache": {"CachedPage"},
    "mobilize.fast.statements": {
        *("BatchStatement", "CachedStatement", "Rows", "all_or_nothing", "given_rows"),
        *("retried", "run", "run_for"),
    },
    "mobilize.fast.shared_drawings": {"SharedDrawing", "SharedDrawings"},
    "mobilize.fast.versions": {
        *("LineVersion", "READ_EVERY_SECONDS", "VersionCache", "line_versions", "mark_changed", "raised"),
        *("version_of", "versions"),
    },
}


def names_of_fast(source: str) -> list[tuple[str, str]]:
    """(module, name) of whatever is imported from the fast path; "" for a module as a whole."""
    results = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mobilize.fast"):
            results += [(str(node.module), alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            results += [(alias.name, "") for alias in node.names if alias.name.startswith("mobilize.fast")]
    return results


def test_others_use_its_face_and_nothing_else() -> None:
    used: dict[str, set[str]] = defaultdict(set)
    files = [path for top in ("mobilize", "workers") for path in (ROOT / top).rglob("*.py")]
    for path in [*files, ROOT / "wsgi.py"]:
        if path.parent != ROOT / "mobilize" / "fast":
            for module, name in names_of_fast(path.read_text(encoding="utf-8")):
                used[module].add(name)
    assert used == FACE


def test_this_test_sees_what_is_imported() -> None:
    source = (
        "import mobilize.fast.statements\ndef f():\n    from mobilize.fast.versions import raised as r, _x"
    )
    assert sorted(names_of_fast(source)) == [
        ("mobilize.fast.statements", ""),
        ("mobilize.fast.versions", "_x"),
        ("mobilize.fast.versions", "raised"),
    ]
