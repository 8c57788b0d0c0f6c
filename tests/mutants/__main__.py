"""`make mutants`: by module, how many mutants the tests killed, and each survivor with its reason.

Arguments: modules of `mobilize` ("texts.receiving.receipts"); without any, all that `modules.toml` names.
mutmut changes each in a folder of its own under `mutants/`, and runs the tests about that module alone: what
other rooms' tests would notice does not count. Fails where a module is under 90 % killed, or where a mutant
survives without a reason in `survivors.toml`. mutmut changes the bodies of functions: constants, decorated
functions and class bodies stay. Tests run on SQLite, and also on PostgreSQL where `modules.toml` says so: for
what only that database runs. What no test reaches stands in a column of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from tests.conftest import TEST_KEY
from tests.services.databases import SqliteDatabase, make_template
from tests.services.postgres import Postgres, find_binaries

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORK = ROOT / "mutants"
COPIED = ["Makefile", "README.md", "config.py", "deploy", "docs", "pyproject.toml", "templates", "wsgi.py"]
# Without those that write a cache, or collect garbage five times at the end.
PLUGINS = ["no:cacheprovider", "no:unraisableexception", "tests.mutants.plugin"]
SETTINGS = {"MOBILIZE_ENV": "test", "SECRET_KEYS": f"t1:{TEST_KEY}"}
BAR = 0.9
KILLED, TIMEOUT, UNREACHED = "killed", "timeout", "no tests"

# What became of each mutant, by its name.
Results = dict[str, str]


def main(modules: Sequence[str]) -> int:
    """Run the mutants and print the table; 0 where the bar holds and each survivor has its reason, else 1."""
    plan = tomllib.loads((HERE / "modules.toml").read_text(encoding="utf-8"))
    tests: dict[str, list[str]] = plan["tests"]
    with tempfile.TemporaryDirectory(prefix="mobilize-mutants-") as folder, _postgres() as server:
        os.environ["SQLITE_TEMPLATE"] = str(_migrated(Path(folder)))
        os.environ["POSTGRES_TEMPLATE"] = str(server.folder)
        both = plan["on_postgres_too"]
        results = {module: _run(module, tests[module], module in both) for module in modules or tests}
    reasons = tomllib.loads((HERE / "survivors.toml").read_text(encoding="utf-8"))
    unexplained = [name for module in results for name in _explain(module, results[module], reasons)]
    _print_table(results)
    under = [module for module, statuses in results.items() if _share(Counter(statuses.values())) < BAR]
    print(f"\n{len(unexplained)} survive without a reason. Under {BAR:.0%}: {', '.join(under) or 'none'}.")
    return 1 if unexplained or under else 0


def _migrated(folder: Path) -> Path:
    """A migrated SQLite file, made once for all mutants."""
    return SqliteDatabase(folder, SETTINGS).template


@contextmanager
def _postgres() -> Iterator[Postgres]:
    """A server with a migrated template, made once for all mutants."""
    server = Postgres(find_binaries())
    try:
        make_template(server, SETTINGS)
        yield server
    finally:
        server.stop()


def _run(module: str, tests: Sequence[str], on_postgres_too: bool) -> Results:
    """Change one module in every place, from the start."""
    print(f"\n{module}", flush=True)
    folder = WORK / module
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("mobilize", "workers", "tests", *COPIED):
        if name != "pyproject.toml":
            (folder / name).symlink_to(ROOT / name)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    settings = _settings(module, tests, on_postgres_too)
    (folder / "pyproject.toml").write_text(f"{project}\n{settings}", encoding="utf-8")
    _mutmut(folder, "run", "--max-children", str(os.cpu_count() or 2))
    return _read(_mutmut(folder, "results", "--all", "true", quiet=True).splitlines())


def _settings(module: str, tests: Sequence[str], on_postgres_too: bool) -> str:
    """mutmut's part of pyproject.toml. A list in JSON is one in TOML."""
    chosen = [] if on_postgres_too else ["-k", "not postgres"]
    values = {
        "source_paths": ["mobilize", "workers"],
        "only_mutate": [str(file_of(module).relative_to(ROOT))],
        "also_copy": COPIED,
        "pytest_add_cli_args_test_selection": tests,
        "pytest_add_cli_args": [*chosen, *(f"-p{name}" for name in PLUGINS)],
        "process_isolation": "fork",
        # A mutant has six times what its tests take and a minute more: "timeout" is a mutant that hangs.
        "timeout_multiplier": 6,
        "timeout_constant": 10,
    }
    return "\n".join(["[tool.mutmut]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())])


def file_of(module: str) -> Path:
    """The file of a module or, of a package, what it begins with."""
    path = ROOT / "mobilize" / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _mutmut(folder: Path, *arguments: str, quiet: bool = False) -> str:
    """The output of mutmut; shown as it runs unless `quiet`."""
    argv = [sys.executable, "-m", "mutmut", *arguments]
    output = subprocess.PIPE if quiet else None
    return subprocess.run(argv, cwd=folder, stdout=output, text=True, check=True).stdout or ""


def _read(lines: Iterable[str]) -> Results:
    """The status of each mutant, from what `mutmut results` prints."""
    results = (line.strip().partition(": ") for line in lines)
    return {name: status for name, separator, status in results if separator}


def _explain(module: str, results: Results, reasons: dict[str, str]) -> list[str]:
    """Print each survivor with its reason, and the change itself where there is none; returns the latter."""
    unexplained = []
    for name, status in results.items():
        if status in (KILLED, TIMEOUT):
            continue
        short = name.removeprefix("mobilize.")
        reason = next((why for which, why in reasons.items() if fnmatchcase(short, which)), None)
        print(f"\n{short} ({status}): {reason or 'NO REASON GIVEN'}")
        if reason is None:
            unexplained.append(name)
            print(_mutmut(WORK / module, "show", name, quiet=True))
    return unexplained


def _print_table(results: dict[str, Results]) -> None:
    """One line a module and one for all. What no test reaches is no part of the share; a timeout counts."""
    print(f"\n{'module':<38}{'mutants':>8}{'killed':>8}{'':>7}{'by timeout':>12}{'unreached':>11}")
    total: Counter[str] = Counter()
    for module, result in results.items():
        counts = Counter(result.values())
        total += counts
        print(_row(module, counts))
    print(_row("all", total))


def _row(name: str, counts: Counter[str]) -> str:
    killed = counts[KILLED] + counts[TIMEOUT]
    rest = f"{_share(counts):>7.1%}{counts[TIMEOUT]:>12}{counts[UNREACHED]:>11}"
    return f"{name:<38}{counts.total() - counts[UNREACHED]:>8}{killed:>8}{rest}"


def _share(counts: Counter[str]) -> float:
    return (counts[KILLED] + counts[TIMEOUT]) / max(1, counts.total() - counts[UNREACHED])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
