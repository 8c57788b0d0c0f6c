"""Planning: reminders that are due go into the outbox, in bulk; safe to repeat, to run twice and to kill."""

import hashlib
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select, union_all
from sqlalchemy.orm import Session, joinedload

from mobilize import failpoints
from mobilize.actions.models import Action, Event, EventState
from mobilize.checkins.member.personal_links import ended_links, personal_address, personal_code
from mobilize.database import atomic, db, insert, is_postgres, locks, new_id
from mobilize.reminders.merge_fields import (
    merge_fields_for,
    merge_fields_for_member,
    own_links_begin,
    written_in,
)
from mobilize.reminders.models import PlannedReminder, PlanningProgress, ReminderRule, RuleKind
from mobilize.reminders.rules.kinds import ANNOUNCING, MEMBER_KINDS, MOVED, SPECS, RuleSpec
from mobilize.reminders.rules.operations import CHANGED, purpose, set_default_rules, tick_off
from mobilize.reminders.rules.queries import (
    applies_to,
    audience,
    due_at,
    expires_at,
    outdated,
    outdated_plans,
    unplanned,
    without_rules,
)
from mobilize.roster.models import Member, Membership
from mobilize.texts.models import OutboxText, Priority, TextClass, TextState
from mobilize.texts.operations import PlannedText, drop_texts, queue_texts, restore_texts
from mobilize.texts.templates import written_languages

# Planned this long before it is due, so that the first text leaves on time and not after the planning.
AHEAD = timedelta(minutes=30)
NEW_FOR = timedelta(seconds=20)
# All sites of a union together: members are gone through once, in the order of their ids.
EVENTS_AT_ONCE = 1000
# So many in one transaction. On SQLite, where one writes at a time, fewer, and a pause in which whoever waits
# for their turn looks whether it has come.
MEMBERS_AT_ONCE, ON_SQLITE, PAUSE_S = 4000, 500, 0.1
# One planner at a time. One that dies is followed after this time; a page takes a second or two.
PLANNING, LEASE = "planning", timedelta(seconds=failpoints.seconds(30))


def plan_reminders(now: datetime) -> int:
    """Put every reminder that is due into the outbox; returns how many texts are new. Sends nothing.

    Also gives new actions their usual rules, takes back what a moved or called-off event made wrong, and
    queues a notice to whoever had a text. One at a time: while another plans, nothing is done and 0 returned.
    One that was killed is followed by one that goes on where it was. Twice or late: a text is there once, by
    purpose and number.
    """
    planner = str(new_id())
    if not locks.acquire(PLANNING, planner, ttl=LEASE, now=now):
        return 0
    try:
        set_default_rules(now)
        follow_changes(now)
        return sum(_plan_kind(kind, planner, now) for kind in MEMBER_KINDS)
    finally:
        locks.release(PLANNING, planner)


def has_due(now: datetime) -> bool:
    """Whether there is a reminder to plan."""
    return any(
        _is_due(db.session.get_one(ReminderRule, rule_id), event, now)
        for kind in MEMBER_KINDS
        for rule_id, events in unplanned(kind, now).items()
        for event in events
    )


def changed(now: datetime) -> Select[Any]:
    """SELECT of what planning has to follow: actions without rules, events made a moment ago, and plans that
    events have left behind."""
    new = select(Event.id).where(Event.made_at > now - NEW_FOR, Event.starts_at > now - NEW_FOR)
    left_behind = outdated_plans().with_only_columns(PlannedReminder.event_id)
    return select(union_all(without_rules(now).with_only_columns(Action.id), new, left_behind).subquery())


def _plan_kind(kind: RuleKind, planner: str, now: datetime) -> int:
    planned = 0
    for rule_id, events in unplanned(kind, now).items():
        rule = db.session.get_one(ReminderRule, rule_id)
        due = [event.id for event in events if _is_due(rule, event, now)]
        for start in range(0, len(due), EVENTS_AT_ONCE):
            planned += _plan(rule_id, due[start : start + EVENTS_AT_ONCE], planner, now)
    return planned


def follow_changes(now: datetime) -> None:
    """Take back what waits for events that were moved or called off; queue notices of a move."""
    for planned, kind in outdated():
        rule_id, event_id, version = planned.rule_id, planned.event_id, planned.version
        with atomic() as session:
            event = session.get_one(Event, event_id, with_for_update={"read": True})
            conditions = (
                PlannedReminder.rule_id == rule_id,
                PlannedReminder.event_id == event_id,
                PlannedReminder.version == version,
            )
            if not session.execute(delete(PlannedReminder).where(*conditions)).rowcount:  # type: ignore[attr-defined]
                continue  # another worker has seen to it
            off = event.state is EventState.CALLED_OFF or event.action.called_off_at is not None
            drop_texts(
                purpose(kind, event_id, version) + ":",
                "called_off" if off else "moved",
                now=now,
                event_id=event_id,
            )
            if kind in MEMBER_KINDS and not off and event.starts_at > now:
                queue_texts(list(_moved_notices(event, now)), now=now)


def _is_due(rule: ReminderRule, event: Event, now: datetime) -> bool:
    in_time = due_at(rule, event) - AHEAD <= now < expires_at(rule, event)
    return in_time and applies_to(rule, event)


def _plan(rule_id: uuid.UUID, event_ids: Sequence[uuid.UUID], planner: str, now: datetime) -> int:
    """One page of members after the other, each in a transaction of its own, which notes how far it came; the
    events are ticked off with the last. Killed in between, the next planner goes on after the last page."""
    planned, cache, ended, began = 0, dict[Any, "_About | None"](), ended_links(), time.monotonic()
    at_once = MEMBERS_AT_ONCE if is_postgres() else min(MEMBERS_AT_ONCE, ON_SQLITE)
    while True:
        with atomic() as session:
            rule = session.get_one(ReminderRule, rule_id, with_for_update=True)
            due = _locked(rule, event_ids, cache, now)
            versions = _versions_hash(rule, due)
            after = _planned_up_to(session, rule_id, versions)
            page = _page(list(due), after, SPECS[rule.kind], at_once, now)
            planned += queue_texts(_reminders(due, page, ended), now=now)
            if len(page) < at_once:
                _put_back(rule, due.values())
                tick_off(rule, [(one.event_id, one.version) for one in due.values()], now)
                session.execute(delete(PlanningProgress).where(PlanningProgress.rule_id == rule_id))
                return planned
            _note_progress(session, rule_id, versions, page[-1].member_id, now)
            failpoints.reach("planning")
        locks.acquire(PLANNING, planner, ttl=LEASE, now=now + timedelta(seconds=time.monotonic() - began))
        time.sleep(0 if is_postgres() else PAUSE_S)


def _versions_hash(rule: ReminderRule, due: "Mapping[uuid.UUID, _About]") -> bytes:
    """What is planned: these versions of the events, by the rule as it is set."""
    settings = (rule.wording, rule.days_before, rule.at_local, rule.minutes_before)
    versions = sorted((str(one.event_id), one.version) for one in due.values())
    return hashlib.sha256(repr((settings, versions)).encode()).digest()[:16]


def _planned_up_to(session: Session, rule_id: uuid.UUID, versions: bytes) -> uuid.UUID | None:
    """The last member who is planned; None for the beginning."""
    return session.scalar(
        select(PlanningProgress.after_id).where(
            PlanningProgress.rule_id == rule_id, PlanningProgress.versions_hash == versions
        )
    )


def _note_progress(
    session: Session, rule_id: uuid.UUID, versions: bytes, after: uuid.UUID, now: datetime
) -> None:
    values = {"versions_hash": versions, "after_id": after, "at": now}
    row = insert(PlanningProgress).values(rule_id=rule_id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["rule_id"], set_=values))


@dataclass(frozen=True)
class _About:
    """The part that all reminders of a rule about one event share; `texts` by language, and in `own_links`
    how members' own links begin, where there is room for them."""

    event_id: uuid.UUID
    version: int
    due_at: datetime
    expires_at: datetime
    texts: dict[str, dict[str, Any]]
    own_links: dict[str, str]


def _locked(
    rule: ReminderRule, event_ids: Sequence[uuid.UUID], cache: "dict[Any, _About | None]", now: datetime
) -> dict[uuid.UUID, _About]:
    """The rule's events that are still due, locked like the rule until the commit.

    `cache` keeps from page to page what was made of a rule and an event's version (None: not due).
    """
    current = db.session.execute(
        select(Event.id, Event.version)
        .where(Event.id.in_(event_ids), Event.state == EventState.PLANNED)
        .order_by(Event.id)
        .with_for_update(read=True)
    ).all()
    as_it_is = (rule.on, rule.wording, rule.days_before, rule.at_local, rule.minutes_before)
    keys = {event_id: (event_id, version, as_it_is) for event_id, version in current}
    fresh = select(Event).where(Event.id.in_([id for id, key in keys.items() if key not in cache]))
    for event in db.session.scalars(fresh.options(joinedload(Event.site), joinedload(Event.action))):
        cache[keys[event.id]] = _about(rule, event) if rule.on and _is_due(rule, event, now) else None
    return {event_id: about for event_id, key in keys.items() if (about := cache[key])}


def _about(rule: ReminderRule, event: Event) -> _About:
    spec, due, expiry = SPECS[rule.kind], due_at(rule, event), expires_at(rule, event)
    common = {
        "purpose": purpose(rule.kind, event.id, event.version),
        "wording": rule.wording,
        "text_class": spec.text_class,
        "tz": event.tz,
        "due_at": due,
        "expires_at": expiry,
        "priority": spec.priority,
        "event_id": event.id,
        "urgent": spec.urgent,
        "only_missing": True,
    }
    if spec.asks:
        common |= {"asks": spec.asks, "asks_until": event.starts_at}
    texts: dict[str, dict[str, Any]] = {
        language: {
            **common,
            "language": language,
            "merge_fields": merge_fields_for_member(rule.wording, event, language),
        }
        for language in written_languages()
    }
    begin = own_links_begin(event)
    links = {language: text["merge_fields"]["link"] for language, text in texts.items()}
    own = {language: begin for language, link in links.items() if link.startswith(begin)}
    return _About(event.id, event.version, due, expiry, texts, own)


def _page(
    event_ids: Sequence[uuid.UUID], after: uuid.UUID | None, spec: RuleSpec, at_once: int, now: datetime
) -> Sequence[Any]:
    """The next members by their ids. A member has one home chapter, and so one event of an action."""
    who = audience(event_ids, spec, now).limit(at_once)
    if after is not None:
        # Said of both, since PostgreSQL does not conclude the one from the other.
        who = who.where(who.selected_columns.member_id > after, Membership.member_id > after)
    return db.session.execute(who).all()


def _reminders(
    due: dict[uuid.UUID, _About], page: Sequence[Any], ended: Mapping[uuid.UUID, int]
) -> Iterator[PlannedText]:
    for row in page:
        about, language = due[row.event_id], written_in(row.language)
        begin, letters = about.own_links.get(language), ""
        if begin:
            letters = personal_code(row.event_id, row.member_id, ended.get(row.member_id, 0))
        yield PlannedText(
            phone=Member.phone.open(row.member_id, row.phone_enc),
            member_id=row.member_id,
            own={"link": begin + letters} if begin else {},
            **about.texts[language],
        )


def _put_back(rule: ReminderRule, due: Collection[_About]) -> None:
    """Restore the texts that a change of the rule took back, at its new time."""
    taken_back = set(
        db.session.scalars(
            select(OutboxText.event_id)
            .where(OutboxText.event_id.in_([one.event_id for one in due]), OutboxText.reason == CHANGED)
            .distinct()
        )
    )
    for one in due:
        if one.event_id in taken_back:
            restore_texts(
                purpose(rule.kind, one.event_id, one.version) + ":",
                CHANGED,
                event_id=one.event_id,
                due_at=one.due_at,
                expires_at=one.expires_at,
            )


def _moved_notices(event: Event, now: datetime) -> Iterator[PlannedText]:
    """To everybody a reminder or an earlier notice about this event has left for; to whoever agreed to urgent
    texts at any hour."""
    texts = (
        select(OutboxText, Member.urgent_ok_at.is_not(None))
        .outerjoin(Member, Member.id == OutboxText.member_id)
        .where(
            OutboxText.event_id == event.id,
            OutboxText.wording.in_(ANNOUNCING),
            OutboxText.state.not_in([TextState.WAITING, TextState.DROPPED, TextState.FAILED]),
        )
    )
    ended = ended_links()
    for text, agreed in db.session.execute(texts):
        yield PlannedText(
            purpose=purpose(MOVED, event.id, event.version),
            phone=text.to,
            wording=MOVED,
            language=written_in(text.language),
            text_class=TextClass.NOTICE,
            tz=event.tz,
            due_at=now,
            expires_at=event.starts_at,
            priority=Priority.NOTICE,
            merge_fields=_fields_of_notice(event, text, ended),
            event_id=event.id,
            member_id=text.member_id,
            urgent=agreed,
        )


def _fields_of_notice(event: Event, earlier: OutboxText, ended: Mapping[uuid.UUID, int]) -> dict[str, str]:
    """Its merge fields, with the link that a member was sent before."""
    language = written_in(earlier.language)
    if earlier.member_id is None:
        return merge_fields_for(event, language)
    merge_fields = merge_fields_for_member(MOVED, event, language)
    if merge_fields["link"].startswith(own_links_begin(event)):
        times = ended.get(earlier.member_id, 0)
        merge_fields["link"] = personal_address(event.code, event.id, earlier.member_id, times)
    return merge_fields
