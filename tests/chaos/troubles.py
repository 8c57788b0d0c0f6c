"""What goes wrong in a round, and when. The same seed plans the same troubles."""

import random
from collections.abc import Callable
from functools import partial

from mobilize.demo.carrier.store import Faults
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
# A carrier that is down spoils every call, in one way.
DOWN = ("500", "500_accepted", "hang_accepted", "drop", "drop_accepted", "garbage_accepted")
# The list lags less than the three looks take (180 s, and here so much less).
LONGEST_LAG_S = 80 * float(PATIENCE)
Trouble = tuple[float, Callable[[], object]]


def plan_troubles(ground: Ground, dice: random.Random, which: str) -> list[Trouble]:
    """(seconds into the round, what to do), in any order. `which`: chaos, or what is spoilt.

    What a spoilt worker does must show by itself: no receipt comes, which alone would bring much to light.
    """
    if which != "chaos":
        drops = {"drop_accepted": 15} if which in ("retry_blindly", "unknown_by_other") else {}
        spoilt: dict[str, object] = {"receipts_lost": 1.0, "next": drops, "shares": {}}
        return [(0.0, partial(carrier.faults.update, spoilt)) for carrier in ground.carriers]
    kills = _kills(ground, dice)
    troubles: list[Trouble] = [
        (0.0, partial(_worsen_carrier, carrier.faults, dice)) for carrier in ground.carriers
    ]
    troubles += _outages(ground, dice)
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


def _outages(ground: Ground, dice: random.Random) -> list[Trouble]:
    """In a third of the rounds one carrier is down for some of it, in a tenth both are, each for its time."""
    down = dice.choices(([], [dice.choice(ground.carriers)], list(ground.carriers)), (57, 33, 10))[0]
    troubles: list[Trouble] = []
    for carrier in down:
        begins, kind, before = dice.uniform(0.1, LASTS_S / 2), dice.choice(DOWN), carrier.faults.shares
        troubles.append((begins, partial(carrier.faults.update, {"shares": {kind: 1.0}})))
        troubles.append((dice.uniform(begins, LASTS_S), partial(carrier.faults.update, {"shares": before})))
    return troubles


def _worsen_carrier(faults: Faults, dice: random.Random) -> None:
    faults.update(
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
