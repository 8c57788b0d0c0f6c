"""How long what is kept, each in one place; see "Privacy" in `docs/`. Nothing here touches the database."""

from datetime import timedelta

from mobilize.actions.models import Campaign

# A campaign may choose within these; an action without a campaign has the usual ninety.
USUAL_DAYS, SHORTEST_DAYS, LONGEST_DAYS = 90, 7, 365
KNOWN_PHONES = timedelta(days=180)
TEXTS_THAT_CAME_IN = timedelta(days=90)
# Codes and answers; texts about an event go with its action.
TEXTS_WITHOUT_EVENT = timedelta(days=7)
ENDED_SESSIONS = timedelta(days=30)
# A note of a member's new number that nobody looked at; one that was looked at holds no number any more.
NEW_NUMBERS = timedelta(days=30)
EXPORT_NOTES = timedelta(days=365)


def days_kept(campaign: Campaign | None) -> int:
    """Days from the end of an action's last event until nothing ties a person to it any more."""
    chosen = campaign.forget_after_days if campaign else USUAL_DAYS
    return min(max(chosen, SHORTEST_DAYS), LONGEST_DAYS)
