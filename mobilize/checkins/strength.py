"""How strong evidence is, alone and together: the table of `docs/architecture.md`, "Presence"."""

from collections.abc import Iterable
from functools import reduce

from mobilize.checkins.models import Outcome, Tier

# Outcomes that make attendance; the others are listed for a person.
ATTENDS = (Outcome.COUNTED, Outcome.REPEAT)


def combined(one: Tier, other: Tier) -> Tier:
    """Two pieces of evidence for the same member: the stronger, and a self-report that somebody independently
    vouches for is verified, since two sources agree."""
    if {one, other} == {Tier.SELF, Tier.VOUCHED}:
        return Tier.VERIFIED
    return max(one, other, key=lambda tier: tier.rank)


def strength_of(tiers: Iterable[Tier]) -> Tier:
    """What all the evidence of one attendance amounts to."""
    return reduce(combined, tiers)
