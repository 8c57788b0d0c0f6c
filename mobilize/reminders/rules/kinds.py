"""The kinds of reminder rules: whom each goes to, when, on what condition, and its section on the page.

A new kind is a value of `RuleKind`, an entry in `SPECS`, and its texts; CONTRIBUTING.md has the recipe.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from mobilize import clock
from mobilize.actions.models import Action, Event
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.texts.models import Priority, QuestionKind, TextClass

# No rule reaches further ahead than this.
LOOK_AHEAD = timedelta(days=3)
# No event is longer, so none that is going on started earlier.
LONGEST_EVENT = timedelta(hours=17)
# A line is asked for its count while it stands, and of a short one for this long.
COUNT_WANTED_FOR = timedelta(minutes=15)
# The result of yesterday is still welcome, an older one is not.
RESULT_FOR = timedelta(hours=24)
# After the first question: a site that is still silent is asked again, and then stands on the call list.
AGAIN_LATER, CALL_LATER = 10, 20

RuleTime = Callable[[ReminderRule, Event], datetime]


class Recipients(StrEnum):
    """The recipients of a rule: members of an event's chapters, their chairs, or the members who came.

    `MEMBERS` are planned by `planning.py`. Each of the others has a planner of its own.
    """

    MEMBERS = "members"
    CHAIRS = "chairs"
    ATTENDEES = "attendees"


class DefaultState(StrEnum):
    """Whether a new action begins with the rule on; `when_small`: if nobody needs to look at the price."""

    ON = "on"
    WHEN_SMALL = "when_small"
    OFF = "off"


@dataclass(frozen=True)
class RuleSpec:
    """Everything that sets one kind of rule apart.

    `settings` are the columns an organizer sets (see `forms.FIELDS`), with their labels; `defaults` is what a
    new rule of an action has in its columns. The text is due at `due_at` and dropped after `expires_at`;
    `window` is how far back and ahead of now the planner looks for events that start. `condition` narrows the
    members, given the `Member` and the event's id as SQL. An announcement (`announces`) says when and where:
    who got it is told of a move, and nobody gets two of one event the same evening.
    """

    title: LazyString
    wording: str
    recipients: Recipients
    default_state: DefaultState
    due_at: RuleTime
    expires_at: RuleTime
    settings: Mapping[str, LazyString] = field(default_factory=dict)
    defaults: Callable[[Action], dict[str, Any]] = field(default=lambda _action: {})
    text_class: TextClass = TextClass.MEMBER
    priority: int = Priority.REMINDER
    window: tuple[timedelta, timedelta] = (timedelta(0), LOOK_AHEAD)
    condition: Callable[[Any, Any], Any] | None = None
    asks: QuestionKind | None = None
    announces: bool = False
    urgent: bool = False  # leaves at any hour; an organizer gives a reason
    skips_closed_hours: bool = False  # not for an event whose text would be due outside the hours for texts
    needs_lines: bool = False  # only actions with picket lines
    sent_at_most: int = 1  # texts to one phone about one event
    longest_wording: str = ""  # where its text may be longer than that of `wording`
    explanation: tuple[LazyString, ...] = ()
    is_upper_bound: bool = False  # its estimate is the most there can be
    is_main: bool = False  # its words stand on the page
    is_replanned: bool = True  # a change takes back what waits, and plans it anew

    @property
    def to_members(self) -> bool:
        return self.recipients is Recipients.MEMBERS


def days_before(rule: ReminderRule, event: Event) -> datetime:
    """At the rule's time on the local day so many days before the event, where it is."""
    at, days = rule.at_local or time(17), rule.days_before or 1
    return clock.on_local_day(event.starts_at, event.tz, -days, at)


def minutes_before(rule: ReminderRule, event: Event) -> datetime:
    """So many minutes before the start."""
    return event.starts_at - timedelta(minutes=rule.minutes_before or 0)


def minutes_after_start(rule: ReminderRule, event: Event) -> datetime:
    """So many minutes after the start."""
    return event.starts_at + timedelta(minutes=rule.minutes_after_start or 0)


def closing(_rule: ReminderRule, event: Event) -> datetime:
    """The latest time at which the event is closed."""
    return event.ends_at + timedelta(minutes=event.action.close_after_minutes)


def start(_rule: ReminderRule, event: Event) -> datetime:
    """The start of the event."""
    return event.starts_at


def midnight(rule: ReminderRule, event: Event) -> datetime:
    """The end of the local day the text is due on: "tomorrow" is wrong from then on."""
    end_of_day = clock.on_local_day(event.starts_at, event.tz, 1 - (rule.days_before or 1), time(0))
    return min(end_of_day, event.starts_at)


def end_of_line(rule: ReminderRule, event: Event) -> datetime:
    """The end of the event, or a while after the question where that is later."""
    return max(event.ends_at, minutes_after_start(rule, event) + COUNT_WANTED_FOR)


def day_after_closing(rule: ReminderRule, event: Event) -> datetime:
    """A day after the event was closed."""
    return closing(rule, event) + RESULT_FOR


def agreed_to_urgent_texts(member: Any, _event_id: Any) -> Any:
    """The member agreed to urgent texts."""
    return member.urgent_ok_at.is_not(None)


def count_steps(action: Action) -> dict[str, int]:
    """The times at which the question for the count goes out, goes out again, and the site is to be called:
    minutes after the start, by default 15, 25 and 35."""
    first = action.ask_count_after_minutes
    later = {"again_after_minutes": first + AGAIN_LATER, "call_after_minutes": first + CALL_LATER}
    return {"minutes_after_start": first, **later}


# In the order of the page.
SPECS: dict[RuleKind, RuleSpec] = {
    RuleKind.DAY_BEFORE: RuleSpec(
        title=_("The day before: “Are you coming?”"),
        wording="reminder_day_before",
        recipients=Recipients.MEMBERS,
        default_state=DefaultState.WHEN_SMALL,
        due_at=days_before,
        expires_at=midnight,
        settings={"at_local": _("Time, on the day before, where the event is")},
        defaults=lambda _action: {"days_before": 1, "at_local": time(17)},
        asks=QuestionKind.COMING,
        announces=True,
        is_main=True,
    ),
    RuleKind.HOUR_BEFORE: RuleSpec(
        title=_("Within the hour: “It starts at …”"),
        wording="reminder_hour_before",
        recipients=Recipients.MEMBERS,
        default_state=DefaultState.WHEN_SMALL,
        due_at=minutes_before,
        expires_at=start,
        settings={"minutes_before": _("Minutes before the start")},
        defaults=lambda _action: {"minutes_before": 60},
        announces=True,
        skips_closed_hours=True,
        explanation=(
            _(
                "Only between 9:00 AM and 8:00 PM, when members may be texted. For an earlier picket, count "
                "on the reminder of the day before."
            ),
        ),
    ),
    RuleKind.EARLY_CALL: RuleSpec(
        title=_("An early text"),
        wording="early_call",
        recipients=Recipients.MEMBERS,
        default_state=DefaultState.OFF,
        due_at=minutes_before,
        expires_at=start,
        settings={
            "minutes_before": _("Minutes before the start"),
            "reason": _("Why so early? It is written down."),
        },
        defaults=lambda _action: {"minutes_before": 60},
        condition=agreed_to_urgent_texts,
        announces=True,
        urgent=True,
        explanation=(_("At any hour, and only to members who agreed to urgent texts."),),
    ),
    RuleKind.BRIEFING: RuleSpec(
        title=_("Chairs, two days before: poster and line page"),
        wording="briefing",
        recipients=Recipients.CHAIRS,
        default_state=DefaultState.ON,
        due_at=days_before,
        expires_at=start,
        settings={"at_local": _("Time, two days before, where the event is")},
        defaults=lambda _action: {"days_before": 2, "at_local": time(16)},
        text_class=TextClass.DUTY,
    ),
    RuleKind.COUNT_QUESTION: RuleSpec(
        title=_("During the line: “How many are there?”"),
        wording="count_question",
        recipients=Recipients.CHAIRS,
        default_state=DefaultState.ON,
        due_at=minutes_after_start,
        expires_at=end_of_line,
        settings={
            "minutes_after_start": _("Step 1, minutes after the start: the chair is asked by text"),
            "again_after_minutes": _(
                "Step 2, minutes after the start: the chair is asked again, and so are the co-chair and the "
                "vice chair"
            ),
            "call_after_minutes": _(
                "Step 3, minutes after the start: the site goes on the organizer's call list"
            ),
        },
        defaults=count_steps,
        text_class=TextClass.DUTY,
        priority=Priority.COUNT,
        window=(LONGEST_EVENT, timedelta(0)),
        asks=QuestionKind.HEAD_COUNT,
        needs_lines=True,
        sent_at_most=2,
        is_replanned=False,
        explanation=(
            _(
                "Goes to the chair of every line that has sent no head count, or else to the co-chair or "
                "vice chair. The answer becomes the head count."
            ),
            _(
                "At step 2 the co-chair and the vice chair are asked as well. A line that has answered is "
                "left alone from then on, and after an event is closed nobody is asked or called."
            ),
        ),
        is_upper_bound=True,
    ),
    RuleKind.THANKS: RuleSpec(
        title=_("Afterwards: thank you, with the head count"),
        wording="thanks",
        longest_wording="thanks_counted",
        recipients=Recipients.ATTENDEES,
        default_state=DefaultState.WHEN_SMALL,
        due_at=closing,
        expires_at=day_after_closing,
        priority=Priority.THANKS,
        explanation=(
            _(
                "When an event is closed, to the members who came, with the last head count of their "
                "chapter’s line. Names are not final by then, so we do not say how many."
            ),
        ),
        is_upper_bound=True,
    ),
}

MEMBER_KINDS = tuple(kind for kind, spec in SPECS.items() if spec.to_members)
MOVED = "moved"
# Wordings that say when and where an event is.
ANNOUNCING = (MOVED, *(spec.wording for spec in SPECS.values() if spec.announces))
