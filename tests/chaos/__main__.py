"""`make chaos`: ROUNDS rounds of 200 texts under faults, then the same checks on spoilt workers.

Ends with one JSON object; the exit code is 1 when a text was lost, doubled or unwanted, or a sabotage was
not found out. SEED=n plans the same troubles again; SABOTAGE=no leaves the spoilt workers out.
"""

import json
import os
import random
import sys

from mobilize.texts.operations import queue_texts
from tests.chaos import sabotage
from tests.chaos.ground import WORKERS, Ground, open_ground
from tests.chaos.rounds import Found, compare_again, play

# What is taken out, and the trouble in which it must show.
SABOTAGES = {
    "skip_opt_outs": "silence",
    "release_early": "silence",
    "retry_blindly": "drops",
    "drop_unique_key": "silence",
}
# Some spoilt workers never come to rest.
SABOTAGE_SHOWS_WITHIN_S = 20.0


def main() -> int:
    if os.environ.get("ONLY", "") not in ("", "texts"):
        print("ONLY: there is chaos for texts, so far", file=sys.stderr)
        return 1
    rounds = int(os.environ.get("ROUNDS") or 40)
    seed = int(os.environ.get("SEED") or 0) or _any_seed()
    found, dice = Found(), random.Random(seed)
    tried = caught = 0
    with open_ground() as ground:
        for _ in range(rounds):
            _bring_redis_back(ground)
            play(ground, dice, found)
            _say(found)
        compare_again(ground, found)
        if os.environ.get("SABOTAGE") != "no":
            tried, caught = len(SABOTAGES), sum(_is_caught(ground, dice, name) for name in SABOTAGES)
    told = {name: value for name, value in vars(found).items() if name != "explained"}
    told |= {"sabotage_tried": tried, "sabotage_caught": caught, "seed": seed}
    for line in found.explained:
        print(line, file=sys.stderr)
    print(json.dumps(told))
    return int(found.is_off or caught < tried)


def _is_caught(ground: Ground, dice: random.Random, name: str) -> bool:
    """One round with this promise taken out: do the checks fail?"""
    _bring_redis_back(ground)
    ground.end(*WORKERS)
    ground.sabotage = name if name in sabotage.IN_WORKERS else ""
    if name == "drop_unique_key":
        sabotage.drop_unique_key()
        ground.plan = sabotage.plan_without_key
    found = Found(rounds=10_000 + list(SABOTAGES).index(name))  # a purpose is used once, for ever
    play(ground, dice, found, size=60, troubles=SABOTAGES[name], settle_s=SABOTAGE_SHOWS_WITHIN_S)
    ground.plan = queue_texts
    print(f"sabotage {name}: {'caught' if found.is_off else 'NOT caught'}", file=sys.stderr, flush=True)
    return found.is_off


def _bring_redis_back(ground: Ground) -> None:
    if ground.redis.process.poll() is not None:
        ground.redis.start()


def _say(found: Found) -> None:
    if os.environ.get("QUIET") != "yes":
        print(
            f"round {found.rounds}: {found.sent} sent, {found.faults} faults, {found.lost} lost, "
            f"{found.doubled} doubled, {found.unwanted} unwanted",
            file=sys.stderr,
            flush=True,
        )


def _any_seed() -> int:
    return random.SystemRandom().randrange(1, 1_000_000)


if __name__ == "__main__":
    sys.exit(main())
