"""Queries about reminders: the rules of an action, when they are due, and whom they reach."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.reminders.models import AudienceFilter, PlannedReminder, ReminderRule, Rsvp, RuleKind
from mobilize.reminders.rules.kinds import ANNOUNCING, SPECS, DefaultState, RuleSpec
from mobilize.roster.models import Member, Membership, MembershipRank, MemberStatus, PhoneKind, Site
from mobilize.texts.consent.suppressions import is_bad, says_stop
from mobilize.texts.models import OutboxText, TextState
from mobilize.texts.sending import limits

# Nobody gets two announcements of one event within this time.
ANNOUNCED_AGAIN_AFTER = timedelta(hours=12)


def rules_of(action: Action) -> dict[RuleKind, ReminderRule]:
    """The rules of an action, by kind."""
    rules = db.session.scalars(select(ReminderRule).where(ReminderRule.action_id == action.id))
    return {rule.kind: rule for rule in rules}


def without_rules(now: datetime) -> Select[Action]:
    """SELECT of actions to come, or going on, that lack a rule of any kind: new ones, and all when a kind is
    new."""
    kinds = select(func.count()).where(ReminderRule.action_id == Action.id).scalar_subquery()
    return select(Action).where(kinds < len(RuleKind), Action.ends_at > now, Action.called_off_at.is_(None))


def usual_and_off(action: Action, now: datetime) -> list[RuleKind]:
    """The kinds that a small action begins with, where they are off here and could still be sent."""
    query = select(Event).where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
    events = db.session.scalars(query.options(joinedload(Event.action))).all()
    return [
        kind
        for kind, rule in rules_of(action).items()
        if not rule.on
        and SPECS[kind].default_state is DefaultState.WHEN_SMALL
        and any(applies_to(rule, event) and expires_at(rule, event) > now for event in events)
    ]


def actions_without_rules(now: datetime) -> Sequence[Action]:
    """Actions to come, or going on, that lack a rule of any kind."""
    return db.session.scalars(without_rules(now)).all()


def due_at(rule: ReminderRule, event: Event) -> datetime:
    """The time at which the rule's text about the event is due."""
    return SPECS[rule.kind].due_at(rule, event)


def expires_at(rule: ReminderRule, event: Event) -> datetime:
    """The time from which the rule's text about the event is useless."""
    return SPECS[rule.kind].expires_at(rule, event)


def applies_to(rule: ReminderRule, event: Event) -> bool:
    """Whether the rule's text may leave at its time. Before an early picket the one of the hour before may
    not, and the one of the day before carries it all."""
    spec = SPECS[rule.kind]
    return not spec.skips_closed_hours or limits.is_open(spec.text_class, event.tz, due_at(rule, event))


def unplanned(kind: RuleKind, now: datetime) -> dict[uuid.UUID, list[Event]]:
    """Events in the window of this kind that a rule has not been worked off for, by the rule; soonest first.

    Only rules that are on, of actions that stand, and no drill: a rehearsal texts nobody.
    """
    query = unplanned_events(kind, now).options(joinedload(Event.site), joinedload(Event.action))
    by_rule: dict[uuid.UUID, list[Event]] = {}
    for rule_id, event in db.session.execute(query.order_by(Event.starts_at, Event.id)):
        by_rule.setdefault(rule_id, []).append(event)
    return by_rule


def unplanned_events(kind: RuleKind, now: datetime) -> Select[uuid.UUID, Event]:
    """SELECT of the same: (rule, event)."""
    back, ahead = SPECS[kind].window
    done = exists().where(
        PlannedReminder.rule_id == ReminderRule.id,
        PlannedReminder.event_id == Event.id,
        PlannedReminder.version == Event.version,
    )
    return (
        select(ReminderRule.id, Event)
        .join(Event, Event.action_id == ReminderRule.action_id)
        .join(Action, Action.id == Event.action_id)
        .where(ReminderRule.kind == kind, ReminderRule.on, ~Action.drill, Action.called_off_at.is_(None))
        .where(Event.state == EventState.PLANNED, Event.starts_at.between(now - back, now + ahead), ~done)
    )


def due_now(kind: RuleKind, now: datetime) -> Iterator[tuple[ReminderRule, list[Event]]]:
    """The rules of this kind, each with its events that are due and that it has not been worked off for."""
    for rule_id, events in unplanned(kind, now).items():
        rule = db.session.get_one(ReminderRule, rule_id)
        if due := [event for event in events if due_at(rule, event) <= now < expires_at(rule, event)]:
            yield rule, due


def outdated() -> Sequence[tuple[PlannedReminder, RuleKind]]:
    """Plans for events that have been moved or called off since, with the kind of their rule."""
    return [(planned, kind) for planned, kind in db.session.execute(outdated_plans())]


def outdated_plans() -> Select[PlannedReminder, RuleKind]:
    """SELECT of the same."""
    gone = (Event.state == EventState.CALLED_OFF) | Action.called_off_at.is_not(None)
    return (
        select(PlannedReminder, ReminderRule.kind)
        .join(ReminderRule, ReminderRule.id == PlannedReminder.rule_id)
        .join(Event, Event.id == PlannedReminder.event_id)
        .join(Action, Action.id == Event.action_id)
        .where((Event.version > PlannedReminder.version) | gone)
    )


def audience(event_ids: Sequence[uuid.UUID], spec: RuleSpec, now: datetime) -> Any:
    """A query of (member_id, event_id, phone_enc, phone_index, language) of its receivers, by member.

    Members on the roster, not retired, whose home chapter belongs to the event and whose phone can be texted.
    Left out: who opted out, whom the carrier cannot reach, who is in, who said they are not coming, who does
    not meet the kind's condition; and of announcements that are not urgent, who had one of this event lately.
    """
    member: Any = aliased(Member)
    # Asked for once: who shares a phone is sorted out by the outbox, which takes one text per number.
    return (
        select(
            member.id.label("member_id"),
            EventChapter.event_id,
            member.phone_enc,
            member.phone_index,
            member.language,
        )
        .join(Membership, Membership.member_id == member.id)
        .join(EventChapter, EventChapter.site_id == Membership.site_id)
        .where(
            EventChapter.event_id.in_(event_ids),
            EventChapter.gone_at.is_(None),
            Membership.rank == MembershipRank.HOME,
            Membership.to_at.is_(None),
        )
        .where(
            member.gone_on.is_(None),
            member.erased_at.is_(None),
            member.status != MemberStatus.RETIRED,
            member.phone_enc.is_not(None),
            member.phone_kind.in_([PhoneKind.MOBILE, PhoneKind.UNKNOWN]),
            ~says_stop(member.phone_index, of_many=True),
            ~is_bad(member.phone_index, of_many=True),
        )
        .where(*_conditions(member, spec, now))
        .order_by(member.id)
    )


@cache
def is_moot() -> ColumnElement[bool]:
    """SQL, for the claim: the text is for those still missing, and its member no longer is, nor anybody of
    the action's chapters who shares the phone. Built once: for each claim anew it is a fifth of what sending
    costs."""
    other, home = aliased(Member), aliased(Membership)
    in_action = exists().where(
        home.member_id == other.id,
        home.rank == MembershipRank.HOME,
        home.to_at.is_(None),
        EventChapter.site_id == home.site_id,
        EventChapter.action_id == _action_of(OutboxText.event_id),
        EventChapter.gone_at.is_(None),
    )
    shares = exists().where(
        other.phone_index == OutboxText.phone_index,
        other.id != OutboxText.member_id,
        other.gone_on.is_(None),
        in_action,
        _is_missing(other.id),
    )
    return and_(OutboxText.only_missing.is_(True), ~_is_missing(OutboxText.member_id), ~shares)


def _is_missing(member_id: Any) -> ColumnElement[bool]:
    """SQL: in nowhere in the action of the text; and whoever said that they come still does, whom it is for
    because they are not seen may have said no, and nobody else has."""
    # By the member, who was at few events, and never by the action, which has hundreds.
    attended, answered = aliased(Attendance), aliased(Rsvp)
    action_id = _action_of(OutboxText.event_id)
    is_in = exists().where(attended.member_id == member_id, _action_of(attended.event_id) == action_id)
    declined = exists().where(
        Rsvp.event_id == OutboxText.event_id, Rsvp.member_id == member_id, Rsvp.coming.is_(False)
    )
    comes = exists().where(
        answered.member_id == member_id, answered.coming, _action_of(answered.event_id) == action_id
    )
    only_for = func.coalesce(OutboxText.only_for, AudienceFilter.MISSING.value)
    return and_(
        ~is_in,
        or_(only_for != AudienceFilter.MISSING.value, ~declined),
        or_(only_for != AudienceFilter.SAID_COMING.value, comes),
    )


def _action_of(event_id: Any) -> Any:
    event = aliased(Event)
    return select(event.action_id).where(event.id == event_id).correlate_except(event).scalar_subquery()


def _conditions(member: Any, spec: RuleSpec, now: datetime) -> list[Any]:
    event_id = EventChapter.event_id
    is_in = exists().where(Attendance.event_id == event_id, Attendance.member_id == member.id)
    declined = exists().where(Rsvp.event_id == event_id, Rsvp.member_id == member.id, Rsvp.coming.is_(False))
    announced = exists().where(
        and_(
            OutboxText.event_id == event_id,
            OutboxText.wording.in_(ANNOUNCING),
            OutboxText.phone_index == member.phone_index,
            OutboxText.state.not_in([TextState.WAITING, TextState.DROPPED, TextState.FAILED]),
            OutboxText.queued_at > now - ANNOUNCED_AGAIN_AFTER,
        )
    )
    conditions = [~is_in, ~declined]
    if spec.announces and not spec.urgent:
        conditions.append(~announced)
    if spec.condition:
        conditions.append(spec.condition(member, event_id))
    return conditions


def reached_by(action: Action, spec: RuleSpec, now: datetime) -> dict[tuple[uuid.UUID, str], int]:
    """The number of phones a reminder to members of this action reaches, by event and the member's
    language."""
    events = db.session.scalars(
        select(Event.id).where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
    ).all()
    who = audience(events, spec, now).order_by(None).subquery()
    rows = db.session.execute(
        select(who.c.event_id, who.c.language, func.count(who.c.phone_index.distinct())).group_by(
            who.c.event_id, who.c.language
        )
    )
    return {(event_id, language): count for event_id, language, count in rows}


def may_change(action: Action, scope: Scope) -> bool:
    """Whether all chapters of the action are in scope. Where some are not, only the office may change it."""
    chapters = select(EventChapter.site_id).where(EventChapter.action_id == action.id)
    in_scope = select(Site.id).where(Site.id.in_(chapters), Site.id.in_(scope.limit(select(Site.id))))
    all_of_them = set(db.session.scalars(chapters.where(EventChapter.gone_at.is_(None))))
    return all_of_them <= set(db.session.scalars(in_scope))
