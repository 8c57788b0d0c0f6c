"""Lanes of what no pause, breaker, pace or used-up day holds: emergencies to whoever is on duty, and
confirmations of opt-outs. Codes have theirs in `accounts/sign_in/code_budgets.py`.

Each has a budget for an hour, and a number a few of it, so that one phone does not use it up. What is beyond
either leaves all the same, in its turn among the other texts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mobilize.texts.models import Priority
from mobilize.web.rate_limits import allow, used_so_far, window_start

AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Lane:
    """How many texts that came in may lead to one of this lane within an hour, in all and of one number; and
    the priority of what is beyond."""

    name: str
    priority: int
    beyond: int
    in_all: int
    of_one_number: int


ALARMS = Lane("alarms", Priority.ALARM, Priority.NOTICE, in_all=100, of_one_number=3)
CONFIRMATIONS = Lane("confirmations", Priority.CONFIRMATION, Priority.REPLY, in_all=600, of_one_number=3)


def priority_in(lane: Lane, phone_index: bytes, *, now: datetime) -> int:
    """The priority of what a text of this number leads to; counts it."""
    of_number = allow(f"{lane.name} of", phone_index.hex(), limit=lane.of_one_number, window=AN_HOUR, now=now)
    is_within = of_number and allow(lane.name, "", limit=lane.in_all, window=AN_HOUR, now=now)
    return lane.priority if is_within else lane.beyond


def used_up_until(lane: Lane, now: datetime) -> datetime | None:
    """The moment at which a lane begins anew whose budget for this hour is used up; None while there is
    some left."""
    used = used_so_far(lane.name, "", window=AN_HOUR, now=now)
    return window_start(AN_HOUR, now) + AN_HOUR if used >= lane.in_all else None
