"""The rules an action begins with."""

from datetime import time
from typing import Any

from mobilize.actions.models import Action
from mobilize.database import new_id
from mobilize.reminders.models import RuleKind
from mobilize.reminders.queries import REMINDER

DAY_BEFORE_AT = time(17)
BRIEFING_AT = time(16)
MINUTES_BEFORE = 60
# After the first question: a site that is still silent is asked again, and then stands on the call list.
AGAIN_LATER = 10
CALL_LATER = 20

# The columns of the question for the head count.
LADDER = ("minutes_after_start", "again_after_minutes", "call_after_minutes")


def default_rules(action: Action, *, small: bool) -> list[dict[str, Any]]:
    """One row of each kind. `small`: few enough members that their texts need nobody to look at the price."""
    before = {"minutes_before": MINUTES_BEFORE}
    return [
        _rule(action, RuleKind.DAY_BEFORE, REMINDER, on=small, days_before=1, at_local=DAY_BEFORE_AT),
        _rule(action, RuleKind.HOUR_BEFORE, "reminder_hour_before", on=small, **before),
        _rule(action, RuleKind.EARLY_CALL, "early_call", on=False, **before),
        _rule(action, RuleKind.BRIEFING, "briefing", on=True, days_before=2, at_local=BRIEFING_AT),
        _rule(action, RuleKind.COUNT_QUESTION, "count_question", on=True, **ladder(action)),
        _rule(action, RuleKind.THANKS, "thanks", on=small),
    ]


def ladder(action: Action) -> dict[str, int]:
    """When the question goes, goes again, and the site is to be called: minutes after the start, by default
    15, 25 and 35."""
    first = action.ask_count_after_minutes
    later = {"again_after_minutes": first + AGAIN_LATER, "call_after_minutes": first + CALL_LATER}
    return {"minutes_after_start": first, **later}


def _rule(action: Action, kind: RuleKind, wording: str, *, on: bool, **when: Any) -> dict[str, Any]:
    times = {"days_before": None, "at_local": None, "minutes_before": None, **dict.fromkeys(LADDER)}
    what = {"id": new_id(), "action_id": action.id, "kind": kind, "wording": wording}
    return {**what, "on": on, "reason_enc": None, **times, **when}
