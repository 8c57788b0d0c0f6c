"""The morning of `make bench ONLY=morning`, small and short: the shipped service, and everybody at it."""

from pathlib import Path

import pytest
from flask import Flask

from bench.morning_bench import NEVER, morning
from bench.morning_plan import Size
from bench.morning_seed import add_history
from bench.turnout_seed import seed
from tests.drawn import part

pytestmark = pytest.mark.timeout(240)

SMALL = Size(
    seconds=20, sites=6, members=180, phones=12, boards=5, walls=2, check_ins=60, ticks=24, texts=30,
    planned=60, sign_ins=3, spike_rate=30, spike_seconds=1,
)  # fmt: skip


@pytest.mark.parametrize("database", part(["pg_app", "sqlite_app"], 1))
def test_nothing_of_a_busy_morning_is_lost_or_doubled(
    request: pytest.FixtureRequest, base_environ: dict[str, str], tmp_path: Path, database: str
) -> None:
    app: Flask = request.getfixturevalue(database)
    seed(SMALL.sites, SMALL.members)
    add_history(50)
    rows = morning(SMALL, app.config["DATABASE_URL"], base_environ["SECRET_KEYS"], None, tmp_path)
    assert rows["lost or doubled"]["value"] == 0
    for row in ("a change on the line's other phones, p95", "a change on the board, p95"):
        assert 0 < rows[row]["value"] < NEVER
