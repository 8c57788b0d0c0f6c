"""The morning of `make bench ONLY=morning`, small and short: the service as it is shipped, and everybody at it."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from bench.morning_bench import morning
from bench.morning_plan import Size
from bench.turnout_seed import seed

pytestmark = pytest.mark.timeout(240)

SMALL = Size(
    seconds=20, sites=6, members=180, phones=12, boards=5, walls=2, check_ins=60, ticks=24, texts=30,
    planned=60, sign_ins=3, spike_rate=30, spike_seconds=1,
)  # fmt: skip


def test_nothing_of_a_busy_morning_is_lost_or_doubled(
    app: Flask, base_environ: dict[str, str], tmp_path: Path
) -> None:
    seed(SMALL.sites, SMALL.members)
    rows: dict[str, dict[str, Any]] = morning(
        SMALL, app.config["DATABASE_URL"], base_environ["SECRET_KEYS"], None, tmp_path
    )
    print(rows)
    assert rows["lost or doubled"]["value"] == 0
