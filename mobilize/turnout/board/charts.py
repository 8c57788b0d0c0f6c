"""Chart of arrivals: bars, values and times as places in a picture that needs no inline style."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mobilize.turnout.figures.people import Arrivals

WIDTH, HEIGHT = 360, 200
# Room for the values beside the bars, for the one above the tallest, and for the times below.
LEFT, TOP, BOTTOM = 44, 20, 24
WIDEST = 28
LEVELS_AT_MOST = 4
# Minutes between two times, and how wide the words of one are.
INTERVALS = (5, 10, 15, 30, 60, 120, 240)
TIME_WIDTH = 66


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One step: where it stands in the picture, and what it says."""

    at: datetime
    count: int
    together: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ArrivalsChart:
    """`levels`: values of the upright axis with their height; `times`: moments of the other with their
    place; `tallest`: the bar that says its value."""

    bars: Sequence[ChartBar]
    levels: Sequence[tuple[float, int]]
    times: Sequence[tuple[float, datetime]]
    tallest: ChartBar


def arrivals_chart(arrived: Arrivals) -> ArrivalsChart | None:
    """The picture; None when nobody came."""
    if not arrived.most:
        return None
    wide = min((WIDTH - LEFT) / len(arrived.steps), WIDEST)
    drawn, together = [], 0
    for n, (at, count) in enumerate(arrived.steps):
        together += count
        x, y = LEFT + n * wide, _y(count, arrived.most)
        drawn.append(
            ChartBar(at, count, together, _round(x), y, _round(wide * 0.8), _round(HEIGHT - BOTTOM - y))
        )
    levels = [(_y(value, arrived.most), value) for value in _levels(arrived.most)]
    return ArrivalsChart(drawn, levels, _times(drawn, wide), max(drawn, key=lambda bar: bar.count))


def _y(count: int, most: int) -> float:
    return _round(HEIGHT - BOTTOM - count / most * (HEIGHT - BOTTOM - TOP))


def _levels(most: int) -> range:
    """Round values from 0 on, so few that they can be read."""
    steps = (factor * 10**power for power in range(9) for factor in (1, 2, 5))
    step = next(step for step in steps if most / step <= LEVELS_AT_MOST)
    return range(0, most + 1, step)


def _times(bars: Sequence[ChartBar], wide: float) -> list[tuple[float, datetime]]:
    """Full hours, halves and quarters, as many as have room; where fewer than two of them are in the picture,
    the first step and as many after it, at the same distance."""
    interval = next((m for m in INTERVALS if m / 5 * wide >= TIME_WIDTH), INTERVALS[-1])
    full = [(bar.x, bar.at) for bar in bars if (bar.at.hour * 60 + bar.at.minute) % interval == 0]
    return full if len(full) > 1 else [(bar.x, bar.at) for bar in bars[:: interval // 5]]


def _round(place: float) -> float:
    return round(place, 1)
