"""What goes wrong in a round, and when. The same seed plans the same troubles."""

import random
from collections.abc import Callable
from functools import partial

from tests.chaos.ground import BEATS, PATIENCE, WORKERS, Ground

LASTS_S = 80 * float(PATIENCE)
# Of a round's calls to the carrier.
SHARES = {
    "429": 0.003,  # each lets everybody take a breath of two seconds
    "500": 0.02,
    "500_accepted": 0.02,
    "hang": 0.01,
    "hang_accepted": 0.01,
    "drop": 0.02,
    "drop_accepted": 0.03,
    "garbage_accepted": 0.01,
}
# The list lags less than the three looks take (180 s, and here so much less).
LONGEST_LAG_S = 80 * float(PATIENCE)
Trouble = tuple[float, Callable[[], object]]


def plan_troubles(ground: Ground, dice: random.Random, which: str) -> list[Trouble]:
    """(seconds into the round, what to do), in any order. `which`: chaos, or what is spoilt.

    What a spoilt worker does must show by itself: no receipt comes, which alone would bring much to light.
    """
    if which != "chaos":
        drops = {"drop_accepted": 15} if which == "retry_blindly" else {}
        return [(0.0, partial(ground.carrier.faults.update, {"receipts_lost": 1.0, "next": drops}))]
    kills = _kills(ground, dice)
    troubles: list[Trouble] = [(0.0, partial(_worsen_carrier, ground, dice))]
    troubles += [(dice.uniform(0.2, LASTS_S), kill) for kill in dice.sample(kills, dice.randint(1, 2))]
    if dice.random() < 0.1:
        # Dead for good: it comes back some rounds later.
        troubles.append((dice.uniform(0.2, LASTS_S), ground.redis.crash))
    return troubles


def _kills(ground: Ground, dice: random.Random) -> list[Callable[[], object]]:
    worker, beat = dice.choice(WORKERS), dice.choice(BEATS)
    return [
        partial(ground.kill, worker),
        partial(ground.kill_parent, dice.choice(WORKERS)),
        partial(ground.kill_child, dice.choice(WORKERS)),
        partial(ground.kill_child, dice.choice(WORKERS)),
        partial(ground.kill, beat),
        ground.wipe_redis,
    ]


def _worsen_carrier(ground: Ground, dice: random.Random) -> None:
    ground.carrier.faults.update(
        {
            "latency_ms": dice.choice([5, 20, 50]),
            "shares": {name: share * dice.choice([0, 1, 2]) for name, share in SHARES.items()},
            "list_lag_s": dice.choice([0, 0, dice.uniform(0, LONGEST_LAG_S)]),
            "receipts_lost": dice.choice([0, 0.2, 1.0]),
            "receipts_doubled": dice.choice([0, 0.3]),
            "receipts_reversed": dice.random() < 0.3,
            "receipt_delay_ms": dice.choice([0, 30, 1500]),
        }
    )
