"""Retention periods: how long each kind of personal data is stored."""

from datetime import timedelta

from mobilize.actions.models import Campaign
from mobilize.checkins.record.remembered_phones import REMEMBERED_FOR

# A campaign may choose within these; an action without a campaign has the usual ninety.
USUAL_DAYS, SHORTEST_DAYS, LONGEST_DAYS = 90, 7, 365
REMEMBERED_PHONES = REMEMBERED_FOR
TEXTS_THAT_CAME_IN = timedelta(days=90)
# Codes and answers; texts about an event go with its action.
TEXTS_WITHOUT_EVENT = timedelta(days=7)
ENDED_SESSIONS = timedelta(days=30)
# A note of a member's new number that nobody looked at; one that was looked at holds no number any more.
NEW_NUMBERS = timedelta(days=30)
# As long as the text that said so: then the office has had a quarter to ask the member for their number.
WRONG_NUMBERS = TEXTS_THAT_CAME_IN
EXPORT_NOTES = timedelta(days=365)


def days_kept(campaign: Campaign | None) -> int:
    """Days from the end of an action's last event until the action is forgotten."""
    chosen = campaign.forget_after_days if campaign else USUAL_DAYS
    return min(max(chosen, SHORTEST_DAYS), LONGEST_DAYS)
