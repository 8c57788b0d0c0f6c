"""A part of what is long, drawn by seed: `make test` plays the part, `WHOLE=1 make test` all of it, DRAW=n
another part."""

import os
import random
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
SEED = int(os.environ.get("DRAW", "1"))


def part(of: Iterable[T], size: int) -> list[T]:
    """So many of them, in their order; all where WHOLE is set."""
    listed = list(of)
    if os.environ.get("WHOLE") or size >= len(listed):
        return listed
    chosen = random.Random(SEED).sample(range(len(listed)), size)  # noqa: S311 - a draw of tests
    return [listed[n] for n in sorted(chosen)]
