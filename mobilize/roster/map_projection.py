"""Points of the earth in a small flat picture: for maps without a background, of one local at most."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# Latitude and longitude in degrees.
LatLon = tuple[float, float]
# Degrees from the middle of the local: no local reaches farther, and a swapped sign does.
FARTHEST = 3.0
_MILES_PER_DEGREE = 69.05


@dataclass(frozen=True, slots=True)
class Projection:
    """A picture of `width` by `height` with `margin` around; its upper left corner is at `top`, `left`."""

    top: float
    left: float
    narrow: float
    scale: float
    width: int
    height: int
    margin: int

    def place(self, point: LatLon) -> tuple[float, float]:
        """Where a point stands in the picture: x from the left, y from above."""
        lat, lon = point
        x, y = (lon - self.left) * self.narrow * self.scale, (self.top - lat) * self.scale
        return round(self.margin + x, 1), round(self.margin + y, 1)

    def point_at(self, x: float, y: float) -> LatLon:
        """The reverse of `place`."""
        lon = self.left + (x - self.margin) / (self.narrow * self.scale)
        return self.top - (y - self.margin) / self.scale, lon


def fit(points: Sequence[LatLon], width: int, height: int, margin: int) -> Projection:
    """The picture in which all of these points stand, as large as fits."""
    top, left = max(lat for lat, _lon in points), min(lon for _lat, lon in points)
    # On a map this small, degrees of longitude are all as short as in its middle.
    narrow = math.cos(math.radians(median(lat for lat, _lon in points)))
    wide = max(max((lon - left) * narrow for _lat, lon in points), 1e-6)
    tall = max(max(top - lat for lat, _lon in points), 1e-6)
    scale = min((width - 2 * margin) / wide, (height - 2 * margin) / tall)
    size = round(wide * scale + 2 * margin), round(tall * scale + 2 * margin)
    return Projection(top, left, narrow, scale, *size, margin)


def middle(points: Sequence[LatLon]) -> LatLon:
    """The median of their latitudes and of their longitudes."""
    return median(lat for lat, _lon in points), median(lon for _lat, lon in points)


def is_near(point: LatLon, centre: LatLon) -> bool:
    """Whether a point can belong to the local whose middle this is; a coordinate far from it is a slip."""
    return max(abs(point[0] - centre[0]), abs(point[1] - centre[1])) <= FARTHEST


def miles(one: LatLon, other: LatLon) -> float:
    """The distance of two points of one local, as the crow flies."""
    narrow = math.cos(math.radians((one[0] + other[0]) / 2))
    return _MILES_PER_DEGREE * math.hypot(one[0] - other[0], (one[1] - other[1]) * narrow)
