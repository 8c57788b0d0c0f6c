"""The plan of an action's texts: who gets what when, already sent and to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select

from mobilize.actions.models import Action, ActionKind, Event
from mobilize.database import db
from mobilize.reminders.broadcasts.queries import ListedBroadcast
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.rules.estimates import Estimate, estimate
from mobilize.reminders.rules.kinds import SPECS, RuleSpec
from mobilize.reminders.rules.queries import rules_of
from mobilize.texts.models import OutboxText, TextState
from mobilize.texts.sending.spending import cost_cents


class StepState(StrEnum):
    """off, or to_come -> sending -> sent; too_late where its time passed and nothing left."""

    OFF = "off"
    TO_COME = "to_come"
    SENDING = "sending"
    SENT = "sent"
    TOO_LATE = "too_late"


@dataclass(frozen=True)
class OutboxCounts:
    """What has been put into the outbox under some wordings: texts that left or are leaving, those that wait,
    the segments of both, and when the first was due."""

    left: int = 0
    waiting: int = 0
    segments: int = 0
    first_at: datetime | None = None

    @property
    def cost_cents(self) -> int:
        return cost_cents(self.segments)


@dataclass(frozen=True)
class RuleStep:
    """A reminder in the plan: what it still reaches (`size`; None where it is off), and what the outbox
    has of it already."""

    rule: ReminderRule
    spec: RuleSpec
    state: StepState
    size: Estimate | None
    counts: OutboxCounts

    @property
    def at(self) -> datetime | None:
        """When its first text left, or leaves."""
        return self.counts.first_at or (self.size.starts_at if self.size else None)


@dataclass(frozen=True)
class Plan:
    """`steps` are reminders that are on, or were sent, and broadcasts that were confirmed, in the order of
    their time; `off` the reminders that are not."""

    steps: Sequence[RuleStep | ListedBroadcast]
    off: Sequence[RuleStep]


def plan_of(action: Action, broadcasts: Sequence[ListedBroadcast], now: datetime) -> Plan:
    """The plan of an action, with these of its broadcasts. What is off is not counted. Reads only."""
    counts = _counts(action)
    reminders = [_step(action, rule, counts, now) for rule in shown_rules(action).values()]
    timed = [(step.at or action.starts_at, step) for step in reminders if step.state is not StepState.OFF]
    written = [(one.broadcast.confirmed_at, one) for one in broadcasts if one.broadcast.confirmed_at]
    both: list[tuple[datetime, RuleStep | ListedBroadcast]] = [*timed, *written]
    steps = [step for _at, step in sorted(both, key=lambda pair: pair[0])]
    return Plan(steps, [step for step in reminders if step.state is StepState.OFF])


def shown_rules(action: Action) -> dict[RuleKind, ReminderRule]:
    """The rules that mean something for this action, in the order of their kinds."""
    rules, has_lines = rules_of(action), action.kind in (ActionKind.PICKET, ActionKind.STRIKE)
    return {
        kind: rules[kind]
        for kind, spec in SPECS.items()
        if kind in rules and (has_lines or not spec.needs_lines)
    }


def _step(action: Action, rule: ReminderRule, counts: dict[str, OutboxCounts], now: datetime) -> RuleStep:
    spec = SPECS[rule.kind]
    own = _together([counts[w] for w in {rule.wording, spec.longest_wording} if w in counts])
    size = estimate(action, rule, now) if rule.on else None
    is_over = size is None or size.starts_at is None
    if own.waiting or (own.left and not is_over):
        state = StepState.SENDING if own.left else StepState.TO_COME
    elif own.left:
        state = StepState.SENT
    else:
        state = StepState.OFF if size is None else StepState.TOO_LATE if is_over else StepState.TO_COME
    return RuleStep(rule, spec, state, size, own)


def _counts(action: Action) -> dict[str, OutboxCounts]:
    """By wording; of reminders alone."""
    wordings = {wording for spec in SPECS.values() for wording in (spec.wording, spec.longest_wording)}
    events = select(Event.id).where(Event.action_id == action.id)
    columns = func.count(), func.sum(OutboxText.segments), func.min(OutboxText.due_at)
    rows = db.session.execute(
        select(OutboxText.wording, OutboxText.state, *columns)
        .where(OutboxText.event_id.in_(events), OutboxText.wording.in_(wordings))
        .where(OutboxText.state != TextState.DROPPED)
        .group_by(OutboxText.wording, OutboxText.state)
    )
    by_wording: dict[str, list[OutboxCounts]] = {}
    for wording, state, count, segments, first_at in rows:
        waits = count if state is TextState.WAITING else 0
        by_wording.setdefault(wording, []).append(OutboxCounts(count - waits, waits, int(segments), first_at))
    return {wording: _together(parts) for wording, parts in by_wording.items()}


def _together(parts: Sequence[OutboxCounts]) -> OutboxCounts:
    return OutboxCounts(
        sum(part.left for part in parts),
        sum(part.waiting for part in parts),
        sum(part.segments for part in parts),
        min((part.first_at for part in parts if part.first_at), default=None),
    )
