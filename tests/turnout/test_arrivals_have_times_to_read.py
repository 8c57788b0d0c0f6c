"""The picture of arrivals has at least two times on its axis, whenever an action starts."""

from datetime import UTC, datetime, timedelta

import pytest

from mobilize.turnout.board.charts import TIME_WIDTH, arrivals_chart
from mobilize.turnout.figures.people import ARRIVALS_STEP, Arrivals


def arrived(hour: int, minute: int, steps: int) -> Arrivals:
    start = datetime(2026, 3, 3, hour, minute, tzinfo=UTC)
    return Arrivals(tuple((start + n * ARRIVALS_STEP, n + 1) for n in range(steps)))


@pytest.mark.parametrize("steps", [4, 5, 9, 20, 60, 145])
@pytest.mark.parametrize("minute", range(0, 60, 5))
def test_two_times_or_more_stand_apart_at_steps_of_the_picture(minute: int, steps: int) -> None:
    chart = arrivals_chart(arrived(15, minute, steps))
    assert chart and len(chart.times) >= 2
    places = [x for x, _at in chart.times]
    assert all(right - left >= TIME_WIDTH - 1 for left, right in zip(places, places[1:], strict=False))
    assert set(chart.times) <= {(bar.x, bar.at) for bar in chart.bars}


def test_full_quarters_are_taken_where_there_are_two() -> None:
    chart = arrivals_chart(arrived(15, 40, 8))
    assert chart and [f"{at:%H:%M}" for _x, at in chart.times] == ["15:45", "16:00", "16:15"]
    soon = arrivals_chart(arrived(15, 40, 4))
    assert soon and [at - soon.bars[0].at for _x, at in soon.times] == [timedelta(0), timedelta(minutes=15)]
