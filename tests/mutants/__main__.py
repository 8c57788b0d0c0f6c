"""`make mutants`: by module, how many mutants the tests killed, and each survivor with its reason.

Arguments: modules of `mobilize` ("texts.receipts"); without any, all that `[tool.mutmut]` in pyproject.toml
names. Fails under 90 % killed, or when a mutant survives without a reason in `survivors.toml`. mutmut changes
the bodies of functions: constants, decorated functions and class bodies stay. Tests run on SQLite alone.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.conftest import TEST_KEY
from tests.services.databases import SqliteDatabase

ROOT = Path(__file__).resolve().parents[2]
REASONS = Path(__file__).with_name("survivors.toml")
BAR = 0.9
KILLED = {"killed", "timeout", "segfault"}
UNTESTED = "not checked"

Results = dict[str, dict[str, str]]


def main(modules: Sequence[str]) -> int:
    """Run the mutants and print the table; 0 where the bar holds and each survivor has its reason, else 1."""
    patterns = [f"mobilize.{module}.*" for module in modules]
    with tempfile.TemporaryDirectory(prefix="mobilize-mutants-") as folder:
        os.environ["SQLITE_TEMPLATE"] = str(_migrated(Path(folder)))
        _mutmut("run", "--max-children", str(os.cpu_count() or 2), *patterns)
    results = _read(_mutmut("results", "--all", "true", quiet=True).splitlines())
    if not results:
        print("No mutant was tested.")
        return 1
    reasons = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    is_enough = _print_table(results)
    unexplained = [name for name in _survivors(results) if name not in reasons]
    _print_survivors(results, reasons)
    return 0 if is_enough and not unexplained else 1


def _migrated(folder: Path) -> Path:
    """A migrated SQLite file, made once for all mutants."""
    settings = {"MOBILIZE_ENV": "test", "SECRET_KEYS": f"t1:{TEST_KEY}"}
    return SqliteDatabase(folder, settings).template


def _mutmut(*arguments: str, quiet: bool = False) -> str:
    """The output of mutmut; shown as it runs unless `quiet`."""
    argv = [sys.executable, "-m", "mutmut", *arguments]
    output = subprocess.PIPE if quiet else None
    return subprocess.run(argv, cwd=ROOT, stdout=output, text=True, check=quiet).stdout or ""


def _read(lines: Iterable[str]) -> Results:
    """Module -> mutant -> what became of it, of those that were tested."""
    results: Results = defaultdict(dict)
    for line in lines:
        name, separator, status = line.strip().partition(": ")
        if separator and status != UNTESTED:
            results[name.rpartition(".")[0]][name] = status
    return results


def _survivors(results: Results) -> list[str]:
    return [name for mutants in results.values() for name, status in mutants.items() if status not in KILLED]


def _print_table(results: Results) -> bool:
    """One line a module and one for all; whether all of them together reach the bar."""
    total: Counter[bool] = Counter()
    print(f"\n{'module':<44}{'mutants':>8}{'killed':>8}{'':>7}")
    for module, mutants in sorted(results.items()):
        counts = Counter(status in KILLED for status in mutants.values())
        total += counts
        print(_row(module, counts))
    print(_row("all", total))
    return total[True] >= BAR * total.total()


def _row(name: str, counts: Counter[bool]) -> str:
    return f"{name:<44}{counts.total():>8}{counts[True]:>8}{counts[True] / counts.total():>7.0%}"


def _print_survivors(results: Results, reasons: dict[str, str]) -> None:
    for name in _survivors(results):
        print(f"\n{name}: {reasons.get(name, 'NO REASON GIVEN')}")
        if name not in reasons:
            print(_mutmut("show", name, quiet=True))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
