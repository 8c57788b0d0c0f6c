"""`make chaos`: ROUNDS rounds of 200 texts under faults, then the same checks on spoilt workers.

Ends with one JSON object; the exit code is 1 when a text was lost, doubled or unwanted, or a sabotage was
not found out. SEED=n plans the same troubles again; SABOTAGE=no leaves the spoilt workers out.
"""

import json
import os
import random
import sys
import time

import pytest

from mobilize.texts.operations import queue_texts
from tests.chaos import checkin, everything, power, sabotage
from tests.chaos.ground import WORKERS, Ground, open_ground
from tests.chaos.rounds import Round, Tally, compare, count_again, is_over, met_since, play

SABOTAGES = (*sabotage.IN_WORKERS, "drop_unique_key")
# Some spoilt workers never come to rest.
SABOTAGE_SHOWS_WITHIN_S = 20.0
# A Redis that died stays dead for so many rounds: long enough for a worker to keep time itself.
DEAD_FOR_ROUNDS = 4
# Rounds that have not come to rest; more than these are waited for.
AT_ONCE = 20
WHOLE = {"all": everything.main, "soak": everything.soak, "power": power.main}


def main() -> int:
    only = os.environ.get("ONLY", "")
    if only not in ("", "texts", "checkin", "webhooks", "all", "soak", "power"):
        print("ONLY: texts, checkin, webhooks, all, power or soak", file=sys.stderr)
        return 1
    if only in WHOLE:
        return WHOLE[only]()
    if only == "webhooks":
        os.environ.setdefault("WEBHOOK_EVENTS", "10000")
        return int(pytest.main(["-s", "-q", "-n0", "tests/webhooks/test_nothing_is_lost.py"]))
    if only == "checkin":
        return checkin.main()
    rounds = int(os.environ.get("ROUNDS") or 40)
    seed = int(os.environ.get("SEED") or 0) or _any_seed()
    tally, dice = Tally(), random.Random(seed)
    tried = caught = 0
    with open_ground() as ground:
        _play_all(ground, dice, tally, rounds)
        if os.environ.get("SABOTAGE") != "no":
            tried, caught = len(SABOTAGES), sum(_is_caught(ground, dice, name) for name in SABOTAGES)
    fields = {name: value for name, value in vars(tally).items() if name not in ("of", "explained")}
    fields |= {"sabotage_tried": tried, "sabotage_caught": caught, "seed": seed}
    for line in tally.explained:
        print(line, file=sys.stderr)
    print(json.dumps(fields))
    return int(tally.is_off or caught < tried)


def _play_all(ground: Ground, dice: random.Random, tally: Tally, rounds: int) -> None:
    under_way: list[Round] = []
    died_in = 0
    for n in range(1, rounds + 1):
        if not _redis_runs(ground) and n >= died_in + DEAD_FOR_ROUNDS:
            ground.redis.start()
        was_up = _redis_runs(ground)
        under_way.append(play(ground, dice, tally, n))
        died_in = n if was_up and not _redis_runs(ground) else died_in
        _close(ground, tally, under_way, at_most=AT_ONCE)
    for carrier in ground.carriers:
        carrier.faults.update({"next": {}, "shares": {}, "list_lag_s": 0, "latency_ms": 5})
    _close(ground, tally, under_way, at_most=0)
    tally.faults += met_since(ground)
    count_again(ground, tally)


def _close(ground: Ground, tally: Tally, under_way: list[Round], *, at_most: int) -> None:
    """Compare what is over; wait while more than `at_most` rounds are not."""
    while True:
        for playing in [one for one in under_way if is_over(ground, one)]:
            under_way.remove(playing)
            compare(ground, playing, tally)
            _say(tally, playing)
        if len(under_way) <= at_most:
            return
        time.sleep(0.2)


def _is_caught(ground: Ground, dice: random.Random, name: str) -> bool:
    """One round with this promise taken out: do the checks fail?"""
    if not _redis_runs(ground):
        ground.redis.start()
    ground.end(*WORKERS)
    ground.sabotage = name if name in sabotage.IN_WORKERS else ""
    if name == "drop_unique_key":
        sabotage.drop_unique_key()
        ground.plan = sabotage.plan_without_key
    tally = Tally(of=name)
    playing = play(ground, dice, tally, 0, size=60)
    while not (tally.doubled or is_over(ground, playing, SABOTAGE_SHOWS_WITHIN_S)):
        time.sleep(0.2)
        count_again(ground, tally)
    compare(ground, playing, tally)
    ground.plan = queue_texts
    print(f"sabotage {name}: {'caught' if tally.is_off else 'NOT caught'}", file=sys.stderr, flush=True)
    return tally.is_off


def _redis_runs(ground: Ground) -> bool:
    return ground.redis.process.poll() is None


def _say(tally: Tally, playing: Round) -> None:
    if os.environ.get("QUIET") != "yes":
        seconds = time.monotonic() - playing.began
        print(
            f"{playing.name} at rest after {seconds:.0f} s. In {tally.rounds} rounds: {tally.sent} sent, "
            f"{tally.faults} faults, {tally.lost} lost, {tally.doubled} doubled, {tally.unwanted} unwanted",
            file=sys.stderr,
            flush=True,
        )


def _any_seed() -> int:
    return random.SystemRandom().randrange(1, 1_000_000)


if __name__ == "__main__":
    sys.exit(main())
