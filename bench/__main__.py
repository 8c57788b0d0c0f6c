"""`make bench`: run the measurements, print one table, write `bench/results.json`.

Each `bench/<name>_bench.py` has `run() -> {row: {"value", "unit", "bar", "better"}}`; `ONLY=checkin,texts`
chooses some of them, and `ROWS=post,page` some rows of a bench that has such `PARTS`.
A row that misses its bar is marked, and the exit code stays 0: machines differ, and people read the table.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NAMES = (
    "import",
    "posters",
    "checkin",
    "api",
    "look",
    "texts",
    "turnout",
    "morning",
    "migrations",
    "growth",
    "rest",
    "journeys",
)


def main() -> int:
    """Run what `ONLY` chooses, and keep the rows of the others from the last run."""
    chosen = [name for name in os.environ.get("ONLY", "").replace("|", ",").split(",") if name] or list(NAMES)
    unknown = set(chosen) - set(NAMES)
    if unknown:
        print(f"ONLY={','.join(sorted(unknown))} is unknown; choose from {', '.join(NAMES)}", file=sys.stderr)
        return 1
    rows: dict[str, Any] = {}
    for name in chosen:
        print(f"{name} ...", file=sys.stderr, flush=True)
        measured = import_module(f"bench.{name}_bench").run()
        print_table(measured)
        rows |= measured
    results = HERE / "results.json"
    some = len(chosen) < len(NAMES) or os.environ.get("ROWS")
    before = json.loads(results.read_text()) if results.exists() and some else {}
    results.write_text(json.dumps(before | rows, indent=1) + "\n")
    return 0


def print_table(rows: dict[str, Any]) -> None:
    """One line a row: what, value, unit, bar, and whether it is met."""
    for name, row in rows.items():
        value = f"{row['value']:,.3g}" if abs(row["value"]) < 1000 else f"{row['value']:,.0f}"
        bar = "" if row["bar"] is None else f"{'>=' if row['better'] == 'higher' else '<='} {row['bar']:g}"
        print(
            f"  {name:<44} {value:>10} {row['unit']:<10} {bar:<12} {'' if meets(row) else 'MISSED'}",
            flush=True,
        )


def meets(row: dict[str, Any]) -> bool:
    """The value is at its bar or better; a row without a bar only informs."""
    if row["bar"] is None:
        return True
    return bool(row["value"] >= row["bar"] if row["better"] == "higher" else row["value"] <= row["bar"])


if __name__ == "__main__":
    sys.exit(main())
