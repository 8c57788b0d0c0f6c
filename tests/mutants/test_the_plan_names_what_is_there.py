"""`make mutants` changes modules that are there, and asks tests that are there."""

import tomllib

from tests.mutants.__main__ import HERE, ROOT, file_of


def test_each_module_and_its_tests_are_there() -> None:
    plan = tomllib.loads((HERE / "modules.toml").read_text(encoding="utf-8"))
    assert len(plan["tests"]) > 10 and set(plan["on_postgres_too"]) <= plan["tests"].keys()
    assert [module for module in plan["tests"] if not file_of(module).is_file()] == []
    assert [test for tests in plan["tests"].values() for test in tests if not (ROOT / test).is_file()] == []
