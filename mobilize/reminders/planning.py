"""Putting the reminders that are due into the outbox: in bulk, and safe to repeat, to double and to kill."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import joinedload

from mobilize.actions.models import Event, EventState
from mobilize.checkins.personal import ended_links, personal_address, personal_code
from mobilize.database import atomic, db, insert
from mobilize.reminders.blanks import blanks_for, blanks_for_member, own_links_begin, written_in
from mobilize.reminders.models import TO_MEMBERS, Planned, ReminderRule, RuleKind
from mobilize.reminders.operations import CHANGED, purpose, set_default_rules
from mobilize.reminders.queries import (
    LOOK_AHEAD,
    MOVED,
    TELLING,
    audience,
    due_at,
    leaves_in_its_hours,
    outdated,
    unplanned,
    useless_after,
)
from mobilize.roster.models import Member, Membership
from mobilize.texts.models import OutboxText, Priority, QuestionKind, TextClass, TextState
from mobilize.texts.operations import PlannedText, drop_texts, queue_texts, restore_texts
from mobilize.texts.wordings import LANGUAGES

# Planned this long before it is due, so that the first text leaves on time and not after the planning.
AHEAD = timedelta(minutes=30)
# All sites of a union together: members are gone through once, in the order of their ids.
EVENTS_AT_ONCE = 1000
# So many in one transaction: it must not hold up a check-in on SQLite.
MEMBERS_AT_ONCE = 4000


def plan_reminders(now: datetime) -> int:
    """Put every reminder that is due into the outbox; returns how many texts are new. Sends nothing.

    Also gives new actions their usual rules, takes back what a moved or called-off event made wrong, and
    tells those who had been told. Twice, late, or two at once: a text is there once, by purpose and number.
    """
    set_default_rules(now)
    follow_changes(now)
    return sum(_plan_kind(kind, now) for kind in TO_MEMBERS)


def _plan_kind(kind: RuleKind, now: datetime) -> int:
    planned = 0
    for rule_id, events in unplanned(kind, starts=(now, now + LOOK_AHEAD)).items():
        rule = db.session.get_one(ReminderRule, rule_id)
        due = [event.id for event in events if _is_due(rule, event, now)]
        for start in range(0, len(due), EVENTS_AT_ONCE):
            planned += _plan(rule_id, due[start : start + EVENTS_AT_ONCE], now)
    return planned


def follow_changes(now: datetime) -> None:
    """Take back what waits for events that were moved or called off; tell of a move who had been told."""
    for found, kind in outdated():
        rule_id, event_id, version = found.rule_id, found.event_id, found.version
        with atomic() as session:
            event = session.get_one(Event, event_id, with_for_update={"read": True})
            mine = (Planned.rule_id == rule_id, Planned.event_id == event_id, Planned.version == version)
            if not session.execute(delete(Planned).where(*mine)).rowcount:  # type: ignore[attr-defined]
                continue  # another worker has seen to it
            off = event.state is EventState.CALLED_OFF or event.action.called_off_at is not None
            drop_texts(
                purpose(kind, event_id, version) + ":",
                "called_off" if off else "moved",
                now=now,
                event_id=event_id,
            )
            if kind in TO_MEMBERS and not off and event.starts_at > now:
                queue_texts(list(_moved_notices(event, now)), now=now)


def _is_due(rule: ReminderRule, event: Event, now: datetime) -> bool:
    in_time = due_at(rule, event) - AHEAD <= now < useless_after(rule, event)
    return in_time and leaves_in_its_hours(rule, event)


def _plan(rule_id: uuid.UUID, event_ids: Sequence[uuid.UUID], now: datetime) -> int:
    """One page of members after the other, each in a transaction of its own; the events are ticked off with
    the last. Killed in between, it begins again, and the outbox knows those it has."""
    planned, after, known, ended = 0, None, dict[Any, "_About | None"](), ended_links()
    while True:
        with atomic():
            rule = db.session.get_one(ReminderRule, rule_id, with_for_update=True)
            due = _locked(rule, event_ids, known, now)
            page = _page(list(due), after, now, urgent=rule.kind is RuleKind.EARLY_CALL)
            planned += queue_texts(_reminders(due, page, ended), now=now)
            if len(page) < MEMBERS_AT_ONCE:
                _put_back(rule, due.values())
                _tick_off(rule, due.values(), now)
                return planned
        after = page[-1].member_id


@dataclass(frozen=True)
class _About:
    """What the reminders of a rule about one event have in common; `texts` by language, and in `own_links`
    how members' own links begin, where there is room for them."""

    event_id: uuid.UUID
    version: int
    due_at: datetime
    useless_after: datetime
    texts: dict[str, dict[str, Any]]
    own_links: dict[str, str]


def _locked(
    rule: ReminderRule, event_ids: Sequence[uuid.UUID], known: "dict[Any, _About | None]", now: datetime
) -> dict[uuid.UUID, _About]:
    """Those of the rule's events that are still due: like the rule they stay as they are until we commit.

    `known` keeps from page to page what was made of a rule and an event's version (None: not due).
    """
    standing = db.session.execute(
        select(Event.id, Event.version)
        .where(Event.id.in_(event_ids), Event.state == EventState.PLANNED)
        .order_by(Event.id)
        .with_for_update(read=True)
    ).all()
    as_it_is = (rule.on, rule.wording, rule.days_before, rule.at_local, rule.minutes_before)
    keys = {event_id: (event_id, version, as_it_is) for event_id, version in standing}
    fresh = select(Event).where(Event.id.in_([id for id, key in keys.items() if key not in known]))
    for event in db.session.scalars(fresh.options(joinedload(Event.site), joinedload(Event.action))):
        known[keys[event.id]] = _about(rule, event) if rule.on and _is_due(rule, event, now) else None
    return {event_id: about for event_id, key in keys.items() if (about := known[key])}


def _about(rule: ReminderRule, event: Event) -> _About:
    due, useless = due_at(rule, event), useless_after(rule, event)
    common = {
        "purpose": purpose(rule.kind, event.id, event.version),
        "wording": rule.wording,
        "klass": TextClass.MEMBER,
        "tz": event.tz,
        "due_at": due,
        "useless_after": useless,
        "priority": Priority.REMINDER,
        "event_id": event.id,
        "urgent": rule.kind is RuleKind.EARLY_CALL,
    }
    if rule.kind is RuleKind.DAY_BEFORE:
        common |= {"asks": QuestionKind.COMING, "asks_until": event.starts_at}
    texts: dict[str, dict[str, Any]] = {
        language: {
            **common,
            "language": language,
            "blanks": blanks_for_member(rule.wording, event, language),
        }
        for language in LANGUAGES
    }
    begin = own_links_begin(event)
    own = {language: begin for language, text in texts.items() if text["blanks"]["link"].startswith(begin)}
    return _About(event.id, event.version, due, useless, texts, own)


def _page(
    event_ids: Sequence[uuid.UUID], after: uuid.UUID | None, now: datetime, *, urgent: bool
) -> Sequence[Any]:
    """The next members by their ids. A member has one home chapter, and so one event of an action."""
    who = audience(event_ids, now, urgent=urgent).limit(MEMBERS_AT_ONCE)
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
    """What a change of the rule took back waits again, at the rule's new time."""
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
                useless_after=one.useless_after,
            )


def _tick_off(rule: ReminderRule, due: Collection[_About], now: datetime) -> None:
    rows = [
        {"rule_id": rule.id, "event_id": one.event_id, "version": one.version, "planned_at": now}
        for one in due
    ]
    if rows:
        db.session.execute(insert(Planned).on_conflict_do_nothing(), rows)


def _moved_notices(event: Event, now: datetime) -> Iterator[PlannedText]:
    """To everybody a reminder or an earlier notice about this event has left for."""
    told = select(OutboxText).where(
        OutboxText.event_id == event.id,
        OutboxText.wording.in_(TELLING),
        OutboxText.state.not_in([TextState.WAITING, TextState.DROPPED, TextState.FAILED]),
    )
    ended = ended_links()
    for text in db.session.scalars(told):
        yield PlannedText(
            purpose=purpose(MOVED, event.id, event.version),
            phone=text.to,
            wording=MOVED,
            language=text.language,
            klass=TextClass.NOTICE,
            tz=event.tz,
            due_at=now,
            useless_after=event.starts_at,
            priority=Priority.NOTICE,
            blanks=_blanks_of_notice(event, text, ended),
            event_id=event.id,
            member_id=text.member_id,
        )


def _blanks_of_notice(event: Event, told: OutboxText, ended: Mapping[uuid.UUID, int]) -> dict[str, str]:
    """With the link she was sent before, if it is a member who was told."""
    if told.member_id is None:
        return blanks_for(event, told.language)
    blanks = blanks_for_member(MOVED, event, told.language)
    if blanks["link"].startswith(own_links_begin(event)):
        times = ended.get(told.member_id, 0)
        blanks["link"] = personal_address(event.code, event.id, told.member_id, times)
    return blanks
