"""Whoever writes goes on writing while a new version's migrations run, also beside a report that reads long.

With 50,000 rows in each large table; `make bench ONLY=migrations` does it with five million.
"""

import pytest

from bench.migrations_bench import LARGE, migrate_under_load
from tests.services.postgres import Postgres


@pytest.mark.timeout(180)
def test_nobody_waits_for_a_second_while_large_tables_are_migrated(postgres: Postgres) -> None:
    try:
        waits, _seconds = migrate_under_load(postgres.create("migrating"), 50_000)
    finally:
        postgres.drop("migrating")
    assert set(waits.longest) == set(LARGE)
    assert max(waits.longest.values()) < 1.0, waits.longest
