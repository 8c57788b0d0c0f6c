"""docs/threats.md says the truth: what it names is there, and no row is without a test or a reason."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.security.__main__ import CHECKS

ROOT = Path(__file__).resolve().parents[2]
THREATS = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
_NAMED = re.compile(r"`([^`]*)`")


def rows(title: str) -> Iterator[list[str]]:
    """The cells of each row of the table under this heading."""
    part = THREATS.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def named_in(cell: str) -> list[str]:
    return [name for name in _NAMED.findall(cell) if name.startswith(("tests/", "test_"))]


def measured_in(cell: str) -> set[str]:
    """The parts of `make security`, by name."""
    return set(re.findall(r"`make security ONLY=([a-z]+)`", cell))


def exists(name: str) -> bool:
    return (ROOT / name).exists() or any((ROOT / "tests").rglob(name.partition("/")[2] or name))


def test_every_promise_names_a_test_that_exists() -> None:
    for title in ("Who came, and who is a member", "Whoever signs in", "What comes in"):
        results = list(rows(title))
        assert len(results) >= 8, title
        for what, _held_by, test in results:
            assert named_in(test) or measured_in(test), what
            assert measured_in(test) <= set(CHECKS), what
            assert [name for name in named_in(test) if not exists(name)] == [], what


def test_every_open_threat_says_why() -> None:
    results = list(rows("Open, plainly"))
    assert len(results) >= 8 and all(len(cells) == 2 and len(cells[1]) > 20 for cells in results)


def test_every_chapter_of_asvs_is_held_or_does_not_apply() -> None:
    results = list(rows("OWASP ASVS 5.0, by chapter"))
    assert [cells[0].split()[0] for cells in results] == [f"V{n}" for n in range(1, 18)]
    for chapter, _here, held in results:
        assert held == "does not apply" or _NAMED.findall(held) or "canary" in held, chapter
        assert [name for name in named_in(held) if not exists(name)] == [], chapter
