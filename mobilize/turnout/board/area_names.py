"""Places for the names of areas on a map, so that each can be read."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from mobilize.roster.map_projection import LatLon

# The place that a name takes, as shares of the height of its letters: a letter's width, and a line.
LETTER_WIDTH, LINE_HEIGHT = 0.62, 1.2
# How far it may be moved from the middle of its area, in lines and in widths of itself.
MOVED_DOWN = (0, -0.5, 0.5, -1, 1, -1.5, 1.5, -2, 2, -2.5, 2.5, -3, 3)
MOVED_ASIDE = (0, -0.25, 0.25, -0.5, 0.5, -0.75, 0.75, -1, 1)


def names_apart(
    middles: Mapping[UUID, LatLon],
    names: Mapping[UUID, str],
    circles: Sequence[tuple[LatLon, float]],
    view: tuple[float, float, float, float],
    size: float,
) -> dict[UUID, LatLon]:
    """The middle of the base line of each name: near the middle of its area and nearest to that one, none
    over another, and over as few circles (middle, radius) as can be. A name out of `view` is not moved.

    `size`: the height of a letter, in the picture's units, as all others.
    """
    edges = _Box(view[0], view[1], view[0] + view[2], view[1] + view[3])
    covered = [_Box.around(x, y, 2 * radius, 2 * radius) for (x, y), radius in circles]
    at, taken = dict(middles), list[_Box]()
    line = LINE_HEIGHT * size
    for area_id, (x, y) in sorted(middles.items(), key=lambda one: one[1][::-1]):
        if not _Box.around(x, y, 0, 0).is_within(edges):
            continue
        width = LETTER_WIDTH * size * len(names.get(area_id, ""))
        # The nearest first, so that it is taken of those that are equally good.
        boxes = [
            _Box.around(x + a * width, y + d * line, width, line) for d in MOVED_DOWN for a in MOVED_ASIDE
        ]
        best = min(
            boxes,
            key=lambda box: (
                box.over(taken),
                not box.is_within(edges),
                _nearest(box.middle, middles) != area_id,
                box.over(covered),
            ),
        )
        taken.append(best)
        at[area_id] = round(best.middle[0], 1), round(best.bottom - line / 3, 1)
    return at


def _nearest(point: LatLon, middles: Mapping[UUID, LatLon]) -> UUID:
    return min(middles, key=lambda area_id: math.dist(point, middles[area_id]))


class _Box(NamedTuple):
    """A rectangle of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> "_Box":
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def overlaps(self, other: "_Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def over(self, others: Iterable["_Box"]) -> int:
        """The number of others that it lies over."""
        return sum(self.overlaps(other) for other in others)

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def is_within(self, other: "_Box") -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )
