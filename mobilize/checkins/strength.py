"""How strong evidence is, alone and together: the table of `docs/architecture.md`, "Presence"."""

from collections.abc import Iterable
from functools import reduce

from mobilize.checkins.models import Outcome, Tier

# Outcomes that make attendance; the others are listed for a person.
ATTENDS = (Outcome.COUNTED, Outcome.REPEAT)


def combined(one: Tier, other: Tier) -> Tier:
    """Two pieces of evidence for the same member: of the same kind they stay what they are. Of two kinds, one
    is verified already, or a self-report meets somebody who vouches for it: two sources that agree."""
    return one if one is other else Tier.VERIFIED


def strength_of(tiers: Iterable[Tier]) -> Tier:
    """What all the evidence of one attendance amounts to, in whatever order it came."""
    return reduce(combined, tiers)
