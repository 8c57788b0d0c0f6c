"""What an operation writes into the journal, the replay knows; and it expects nothing that nobody writes."""

import ast
from pathlib import Path

from flask import Flask

from mobilize.privacy.replay import HANDLERS

ROOT = Path(__file__).parents[2] / "mobilize"


def kinds_in(source: str) -> list[str]:
    """The kinds that are given to `journal.note`."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    notes = [call for call in calls if ast.unparse(call.func) == "journal.note"]
    return [ast.literal_eval(call.args[0]) for call in notes]


def test_every_kind_has_its_handler_and_every_handler_its_kind(app: Flask) -> None:
    written = [kind for path in ROOT.rglob("*.py") for kind in kinds_in(path.read_text(encoding="utf-8"))]
    assert set(written) == set(HANDLERS)


def test_this_test_sees_a_kind() -> None:
    assert kinds_in('def f():\n    journal.note("void", {}, now=now)\nother.note("x")') == ["void"]
