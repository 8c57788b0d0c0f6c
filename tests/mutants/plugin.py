"""A pytest plugin for the processes in which mutants are tested; mutmut forks one for each.

What the application imports is imported before that, once. Statements that are compiled once and kept are
compiled for every test: else mutmut would take the first test that uses one for the only one that does. Quick
tests come first, since the first that fails is the last that runs.
"""

from typing import Any

import pytest

import config
from mobilize import create_app
from mobilize.fast.statements import CachedStatement
from tests.conftest import TEST_KEY


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_cost)


def _cost(item: Any) -> int:
    """0 for plain functions, then those with a database, then those that hypothesis runs many times."""
    has_database = any("app" in name for name in getattr(item, "fixturenames", ()))
    return 2 * getattr(item.obj, "is_hypothesis_test", False) + has_database


def _built_anew(statement: CachedStatement, dialect: Any) -> Any:
    built = statement._build()
    return built, frozenset(built.compile(dialect=dialect).params)


CachedStatement.on = _built_anew  # type: ignore[method-assign]
create_app(
    config.load({"MOBILIZE_ENV": "test", "SECRET_KEYS": f"t1:{TEST_KEY}", "DATABASE_URL": "sqlite:///unused"})
)
