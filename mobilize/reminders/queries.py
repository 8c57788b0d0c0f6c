"""What can be asked about reminders: which rules, when they are due, and whom they reach."""

import uuid
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import aliased, joinedload

from mobilize import clock
from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.reminders.models import Coming, Planned, ReminderRule, RuleKind
from mobilize.roster.models import Member, Membership, MemberStatus, PhoneKind, Rank
from mobilize.texts import windows
from mobilize.texts.models import OutboxText, TextClass, TextState
from mobilize.texts.phone_rules import is_bad, says_stop

# Somebody who was told of this event so shortly ago is not told again the same evening.
AN_EVENING = timedelta(hours=12)
# No rule reaches further ahead than this.
LOOK_AHEAD = timedelta(days=3)
REMINDER, MOVED = "reminder_day_before", "moved"
# Wordings by which a member was told when and where an event is.
TELLING = (REMINDER, MOVED, "reminder_hour_before", "early_call")


def rules_of(action: Action) -> dict[RuleKind, ReminderRule]:
    """The rules of an action, by kind."""
    rules = db.session.scalars(select(ReminderRule).where(ReminderRule.action_id == action.id))
    return {rule.kind: rule for rule in rules}


def actions_without_rules(now: datetime) -> Sequence[Action]:
    """Actions to come, or going on, that lack one of the rules (the thank-you came last)."""
    decided = exists().where(ReminderRule.action_id == Action.id, ReminderRule.kind == RuleKind.THANKS)
    return db.session.scalars(
        select(Action).where(~decided, Action.ends_at > now, Action.called_off_at.is_(None))
    ).all()


def due_at(rule: ReminderRule, event: Event) -> datetime:
    """When a rule's text is due: so many minutes before the start, or at the rule's time on the local day so
    many days before, where the event is."""
    if rule.minutes_before is not None:
        return event.starts_at - timedelta(minutes=rule.minutes_before)
    at, days = rule.at_local or time(17), rule.days_before or 1
    return clock.on_local_day(event.starts_at, event.tz, -days, at)


def useless_after(rule: ReminderRule, event: Event) -> datetime:
    """A reminder that says "tomorrow" is wrong from midnight on; each is useless when it has started."""
    if rule.minutes_before is not None or rule.kind is RuleKind.BRIEFING:
        return event.starts_at
    midnight = clock.on_local_day(event.starts_at, event.tz, 1 - (rule.days_before or 1), time(0))
    return min(midnight, event.starts_at)


def leaves_in_its_hours(rule: ReminderRule, event: Event) -> bool:
    """May members be texted when this rule is due? Before an early picket an hour-before reminder may not
    leave, and the one of the day before carries it all."""
    if rule.kind is not RuleKind.HOUR_BEFORE:
        return True
    return windows.is_open(TextClass.MEMBER, event.tz, due_at(rule, event))


def unplanned(kind: RuleKind, *, starts: tuple[datetime, datetime]) -> dict[uuid.UUID, list[Event]]:
    """Events that a rule of this kind has not been worked off for, by the rule; soonest first.

    Only rules that are on, of actions that stand, and no drill: a rehearsal texts nobody.
    """
    done = exists().where(
        Planned.rule_id == ReminderRule.id, Planned.event_id == Event.id, Planned.version == Event.version
    )
    rows = db.session.execute(
        select(ReminderRule.id, Event)
        .join(Event, Event.action_id == ReminderRule.action_id)
        .join(Action, Action.id == Event.action_id)
        .where(ReminderRule.kind == kind, ReminderRule.on, ~Action.drill, Action.called_off_at.is_(None))
        .where(Event.state == EventState.PLANNED, Event.starts_at.between(*starts), ~done)
        .options(joinedload(Event.site), joinedload(Event.action))
        .order_by(Event.starts_at, Event.id)
    )
    found: dict[uuid.UUID, list[Event]] = {}
    for rule_id, event in rows:
        found.setdefault(rule_id, []).append(event)
    return found


def outdated() -> Sequence[tuple[Planned, RuleKind]]:
    """What was planned for events that have been moved or called off since."""
    gone = (Event.state == EventState.CALLED_OFF) | Action.called_off_at.is_not(None)
    return [
        (planned, kind)
        for planned, kind in db.session.execute(
            select(Planned, ReminderRule.kind)
            .join(ReminderRule, ReminderRule.id == Planned.rule_id)
            .join(Event, Event.id == Planned.event_id)
            .join(Action, Action.id == Event.action_id)
            .where((Event.version > Planned.version) | gone)
        )
    ]


def audience(event_ids: Sequence[uuid.UUID], now: datetime, *, urgent: bool = False) -> Any:
    """A query of (member_id, event_id, phone_enc, phone_bix, language) of whom a reminder goes to, by member.

    Members on the roster, not retired, whose home chapter belongs to the event and whose phone can be texted.
    Left out: who opted out, whom the carrier cannot reach, who is in, who said she is not coming, and who was
    told of this event within the last 12 hours; with `urgent` also who did not agree to that.
    """
    member: Any = aliased(Member)
    agreed = [member.urgent_ok_at.is_not(None)] if urgent else []
    # Asked for once: who shares a phone is sorted out by the outbox, which takes one text per number.
    return (
        select(
            member.id.label("member_id"),
            EventChapter.event_id,
            member.phone_enc,
            member.phone_bix,
            member.language,
        )
        .join(Membership, Membership.member_id == member.id)
        .join(EventChapter, EventChapter.site_id == Membership.site_id)
        .where(
            EventChapter.event_id.in_(event_ids),
            EventChapter.gone_at.is_(None),
            Membership.rank == Rank.HOME,
            Membership.to_at.is_(None),
        )
        .where(
            member.gone_on.is_(None),
            member.erased_at.is_(None),
            member.status != MemberStatus.RETIRED,
            member.phone_enc.is_not(None),
            member.phone_kind.in_([PhoneKind.MOBILE, PhoneKind.UNKNOWN]),
            ~says_stop(member.phone_bix),
            ~is_bad(member.phone_bix),
        )
        .where(*_still_wants_it(member, now, told=not urgent), *agreed)
        .order_by(member.id)
    )


def _still_wants_it(member: Any, now: datetime, *, told: bool) -> list[Any]:
    event_id = EventChapter.event_id
    is_in = exists().where(Attendance.event_id == event_id, Attendance.member_id == member.id)
    declined = exists().where(
        Coming.event_id == event_id, Coming.member_id == member.id, Coming.coming.is_(False)
    )
    heard = exists().where(
        and_(
            OutboxText.event_id == event_id,
            OutboxText.wording.in_(TELLING),
            OutboxText.phone_bix == member.phone_bix,
            OutboxText.state.not_in([TextState.WAITING, TextState.DROPPED, TextState.FAILED]),
            OutboxText.queued_at > now - AN_EVENING,
        )
    )
    return [~is_in, ~declined, ~heard] if told else [~is_in, ~declined]


def reached_by(action: Action, now: datetime, *, urgent: bool = False) -> dict[tuple[uuid.UUID, str], int]:
    """How many phones a reminder of this action reaches, by event and the member's language."""
    events = db.session.scalars(
        select(Event.id).where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
    ).all()
    who = audience(events, now, urgent=urgent).order_by(None).subquery()
    rows = db.session.execute(
        select(who.c.event_id, who.c.language, func.count(who.c.phone_bix.distinct())).group_by(
            who.c.event_id, who.c.language
        )
    )
    return {(event_id, language): count for event_id, language, count in rows}
