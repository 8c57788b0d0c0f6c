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


def default_rules(action: Action, *, small: bool) -> list[dict[str, Any]]:
    """One row of each kind. `small`: few enough members that their texts need nobody to look at the price."""
    ask_after = action.ask_count_after_minutes
    before = {"minutes_before": MINUTES_BEFORE}
    return [
        _rule(action, RuleKind.DAY_BEFORE, REMINDER, on=small, days_before=1, at_local=DAY_BEFORE_AT),
        _rule(action, RuleKind.HOUR_BEFORE, "reminder_hour_before", on=small, **before),
        _rule(action, RuleKind.EARLY_CALL, "early_call", on=False, **before),
        _rule(action, RuleKind.BRIEFING, "briefing", on=True, days_before=2, at_local=BRIEFING_AT),
        _rule(action, RuleKind.COUNT_QUESTION, "count_question", on=True, minutes_after_start=ask_after),
        _rule(action, RuleKind.THANKS, "thanks", on=small),
    ]


def _rule(action: Action, kind: RuleKind, wording: str, *, on: bool, **when: Any) -> dict[str, Any]:
    times = {"days_before": None, "at_local": None, "minutes_before": None, "minutes_after_start": None}
    what = {"id": new_id(), "action_id": action.id, "kind": kind, "wording": wording}
    return {**what, "on": on, "reason": None, **times, **when}
