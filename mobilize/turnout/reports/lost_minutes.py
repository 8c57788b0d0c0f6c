"""The minutes of an action that a restore has lost, as its reports say them."""

from datetime import timedelta

from mobilize.actions.models import Action
from mobilize.backup import gaps
from mobilize.languages import _, say_time

# Check-ins count so long before the start and after the end.
AROUND = timedelta(minutes=30)


def lost_minutes(action: Action, tz: str) -> list[str]:
    """One sentence for each gap in which something of this action may be missing, in times of this zone."""
    losses = gaps.losses_between(action.starts_at - AROUND, action.ends_at + AROUND)
    return [_sentence(say_time(gap.from_at, tz), say_time(gap.opened_at, tz)) for gap in losses]


def _sentence(start: str, end: str) -> str:
    return _(
        "%(start)s-%(end)s: a backup was put back, and what members sent in these minutes may be missing. "
        "The phones of the lines have sent theirs again.",
        start=start,
        end=end,
    )
