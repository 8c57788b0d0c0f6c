"""The minutes of an action that a restore has lost, as its reports say them."""

from mobilize.actions.models import Action
from mobilize.actions.queries import losses_of
from mobilize.languages import _, say_time


def lost_minutes(action: Action, tz: str) -> list[str]:
    """One sentence for each gap in which something of this action may be missing, in times of this zone."""
    losses = losses_of(action)
    return [_sentence(say_time(gap.from_at, tz), say_time(gap.opened_at, tz)) for gap in losses]


def _sentence(start: str, end: str) -> str:
    return _(
        "%(start)s-%(end)s: a backup was put back, and what members sent in these minutes may be missing. "
        "The phones of the lines have sent theirs again.",
        start=start,
        end=end,
    )
