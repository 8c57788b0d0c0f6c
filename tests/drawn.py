"""A part of what is long, drawn by seed: `make test` plays the part, `WHOLE=1 make test` all of it, DRAW=n
another part."""

import os
import random
import zlib
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
SEED = int(os.environ.get("DRAW", "1"))


def part(of: Iterable[T], size: int) -> list[T]:
    """So many of them, in their order; all where WHOLE is set."""
    listed = list(of)
    if is_whole() or size >= len(listed):
        return listed
    chosen = random.Random(SEED).sample(range(len(listed)), size)  # noqa: S311 - a draw of tests
    return [listed[n] for n in sorted(chosen)]


def is_whole() -> bool:
    """All is played, and not a part."""
    return bool(os.environ.get("WHOLE"))


def rank(name: str) -> int:
    """The place of a name among others, by the seed."""
    return zlib.crc32(f"{SEED} {name}".encode())


# Rooms whose tests are of pages and rules; check-ins, texts, migrations and backups are stored by each
# database in its own way.
ON_ONE_DATABASE = {
    "accounts", "actions", "api", "demo", "jobs", "journeys", "look", "monitoring", "privacy", "reminders",
    "roster", "security", "setup", "turnout", "webhooks",
}  # fmt: skip


def is_drawn(name: str, one_in: int) -> bool:
    """One in so many, by its name."""
    return rank(name) % one_in == 0
