"""What can be done about privacy, by the subject it is about. Each may run twice."""

from datetime import datetime

from mobilize.observations import observe
from mobilize.privacy.erasing import erase_member
from mobilize.privacy.forgetting import forget_action, forget_due_actions, refuse_forgetting
from mobilize.privacy.holds import place_hold, release_hold
from mobilize.privacy.sweeping import sweep

__all__ = [
    "erase_member",
    "forget_action",
    "forget_due",
    "place_hold",
    "refuse_forgetting",
    "release_hold",
    "sweep",
]


def forget_due(now: datetime) -> int:
    """The whole tick: every action whose days are over, and everything with a clock of its own.

    Returns how many actions were forgotten. Holds are heeded; safe to repeat, at once and late.
    """
    forgotten = forget_due_actions(now)
    sweep(now)
    observe("privacy.forgotten", str(forgotten), now=now)
    return forgotten
