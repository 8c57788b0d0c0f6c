"""Chart of the board: the bars of arrivals, as sizes and places that need no inline style."""

from dataclasses import dataclass
from datetime import datetime

from mobilize.turnout.figures.people import Arrivals

WIDTH, HEIGHT = 640, 160
WIDEST = 40


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One step: where it stands in the picture of 640 by 160, and what it says."""

    at: datetime
    count: int
    together: int
    x: float
    y: float
    width: float
    height: float


def bars(arrived: Arrivals) -> list[ChartBar]:
    """A bar for each step, the tallest as high as the picture; none when nobody came."""
    if not arrived.most:
        return []
    wide = min(WIDTH / len(arrived.steps), WIDEST)
    drawn, together = [], 0
    for n, (at, count) in enumerate(arrived.steps):
        together += count
        height = round(count / arrived.most * (HEIGHT - 20), 1)
        x, y = round(n * wide, 1), round(HEIGHT - height, 1)
        drawn.append(ChartBar(at, count, together, x, y, round(wide * 0.8, 1), height))
    return drawn
