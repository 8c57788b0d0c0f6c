"""Events since a moment, as webhooks deliver them: counts, places and ids."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from mobilize import clock, settings
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.actions.models import Action, ActionKind, Event, EventState
from mobilize.checkins.models import CheckInKind, Evidence, HeadCount, Outcome, Void
from mobilize.database import db, first_id_at
from mobilize.roster.models import Member, Site
from mobilize.texts.models import OutboxText, TextState
from mobilize.turnout.board.cache import board_for
from mobilize.turnout.calls.queries import called_after
from mobilize.turnout.figures.disclosure_control import PublicTotal, public_board
from mobilize.turnout.models import Report
from mobilize.webhooks.models import WebhookEvent, WebhookTopic

# Check-ins of one minute are told of together, so many at most at once.
CHECK_INS_AT_ONCE = 100
_AROUND = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DetectedEvent:
    """An event to be stored; `key` is its own for ever, however often it is detected."""

    topic: WebhookTopic
    key: str
    at: datetime
    data: dict[str, Any]


def body_of(event: WebhookEvent, *, names: bool) -> dict[str, Any]:
    """What is sent. Check-ins are looked up now: what was forgotten or taken back meanwhile is not told."""
    data = event.payload
    if event.topic is WebhookTopic.CHECK_INS:
        data = {"check_ins": _check_ins(data["evidence"]) if names else []}
    return {"type": event.topic.value, "timestamp": event.happened_at.isoformat(), "data": data}


def head_counts(since: datetime, until: datetime) -> Iterator[DetectedEvent]:
    """Head counts that count: those of a phone whose link was taken back, once a person counted them in. A
    phone may have been away for days, and whoever decides may take weeks."""
    query = (
        select(HeadCount, Event)
        .join(Event, Event.id == HeadCount.event_id)
        .join(Action, Action.id == Event.action_id)
        .where(HeadCount.voided_at.is_(None), ~Action.drill)
        .where((HeadCount.recorded_at > since) | (HeadCount.settled_at > since))
        .options(joinedload(Event.action), joinedload(Event.site))
    )
    for count, event in db.session.execute(query):
        data = {**_event(event), "head_count": count.n, "counted_at": count.counted_at.isoformat()}
        data["gate_id"] = str(count.gate_id) if count.gate_id else None
        yield DetectedEvent(WebhookTopic.HEAD_COUNT, f"head_count:{count.id}", count.recorded_at, data)


def silent_sites(now: datetime) -> Iterator[DetectedEvent]:
    """Sites with a line that sent no head count so long after the start that somebody calls them."""
    counted = exists().where(HeadCount.event_id == Event.id, HeadCount.voided_at.is_(None))
    query = (
        select(Event)
        .join(Action, Action.id == Event.action_id)
        .where(Event.state == EventState.PLANNED, Event.site_id.is_not(None), ~counted, ~Action.drill)
        .where(Event.starts_at.between(now - _AROUND, now), Event.ends_at > now)
        .where(Action.kind.in_((ActionKind.PICKET, ActionKind.STRIKE)))
        .options(joinedload(Event.action), joinedload(Event.site))
    )
    after: dict[uuid.UUID, timedelta] = {}
    for event in db.session.scalars(query):
        if event.action_id not in after:
            after[event.action_id] = timedelta(minutes=called_after(event.action))
        if now >= event.starts_at + after[event.action_id]:
            key = f"silent:{event.id}:{event.version}"
            yield DetectedEvent(WebhookTopic.SITE_SILENT, key, now, _event(event))


def moved_events(since: datetime) -> Iterator[DetectedEvent]:
    query = select(Event).join(Action, Action.id == Event.action_id)
    query = query.where(Event.moved_at > since, ~Action.drill)
    for event in db.session.scalars(query.options(joinedload(Event.action), joinedload(Event.site))):
        data = {**_event(event), "version": event.version}
        at = event.moved_at or since
        yield DetectedEvent(WebhookTopic.EVENT_MOVED, f"moved:{event.id}:{event.version}", at, data)


def closed_actions(since: datetime) -> Iterator[DetectedEvent]:
    """Actions of which every event that was not called off is closed."""
    lately = select(Event.action_id).where(Event.closed_at > since)
    open_still = exists().where(Event.action_id == Action.id, Event.state == EventState.PLANNED)
    for action in db.session.scalars(select(Action).where(Action.id.in_(lately), ~open_still, ~Action.drill)):
        last = select(Event.closed_at).where(Event.action_id == action.id, Event.closed_at.is_not(None))
        at = max(at for at in db.session.scalars(last) if at)
        yield DetectedEvent(WebhookTopic.ACTION_CLOSED, f"closed:{action.id}", at, _action(action))


def called_off_actions(since: datetime) -> Iterator[DetectedEvent]:
    for action in db.session.scalars(select(Action).where(Action.called_off_at > since, ~Action.drill)):
        at = action.called_off_at or since
        yield DetectedEvent(WebhookTopic.ACTION_CALLED_OFF, f"called_off:{action.id}", at, _action(action))


def ready_reports(since: datetime) -> Iterator[DetectedEvent]:
    query = select(Report).join(Action, Action.id == Report.action_id).where(Report.made_at > since)
    for report in db.session.scalars(query.where(~Action.drill).options(joinedload(Report.action))):
        data = {**_action(report.action), "kind": report.kind.value, "version": report.version}
        data |= {"report_id": str(report.id), "place_id": str(report.place_id)}
        yield DetectedEvent(WebhookTopic.REPORT_READY, f"report:{report.id}", report.made_at, data)


def failed_texts(since: datetime) -> Iterator[DetectedEvent]:
    """Texts the carrier could not deliver: which, of what kind and why; never to whom."""
    query = select(OutboxText).where(
        OutboxText.settled_at > since,
        OutboxText.error_code.is_not(None),
        OutboxText.state == TextState.FAILED,
    )
    for text in db.session.scalars(query):
        data = {"text_id": str(text.id), "wording": text.wording, "error_code": text.error_code}
        data["event_id"] = str(text.event_id) if text.event_id else None
        yield DetectedEvent(WebhookTopic.TEXT_FAILED, f"text:{text.id}", text.settled_at or since, data)


def running_actions(now: datetime) -> list[Action]:
    """Actions whose turnout may change now: from an hour before the start to closing. Rehearsals are told
    of to nobody."""
    open_still = exists().where(Event.action_id == Action.id, Event.state == EventState.PLANNED)
    query = select(Action).where(
        Action.starts_at <= now + timedelta(hours=1),
        Action.ends_at > now - _AROUND,
        open_still,
        ~Action.drill,
    )
    return list(db.session.scalars(query))


def turnout_of(action: Action, now: datetime) -> tuple[str, dict[str, Any]] | None:
    """What outsiders may see of it, with its digest; nothing in it moves by what somebody typed."""
    board = board_for(action, THE_OFFICE, oldest=0)
    if board is None:
        return None
    public = public_board(board)
    data = {
        **_action(action),
        "total": _total(public.total),
        "areas": [{"area": area.name, **_total(area)} for area in public.areas],
    }
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    return digest, {**data, "as_of": now.isoformat()}


def check_ins(since: datetime, until: datetime) -> Iterator[DetectedEvent]:
    """Check-ins of a member that counted, some at a time. Both moments lie so far back that none of them can
    still be on its way into the database."""
    query = (
        select(Evidence.id, Evidence.recorded_at)
        .where(Evidence.id > first_id_at(since - timedelta(hours=1)))
        .where(Evidence.recorded_at > since, Evidence.recorded_at <= until)
        .where(Evidence.outcome == Outcome.COUNTED, Evidence.kind == CheckInKind.HERE)
        .join(Event, Event.id == Evidence.event_id)
        .join(Action, Action.id == Event.action_id)
        .where(~Action.drill)
        .order_by(Evidence.id)
    )
    rows = db.session.execute(query).all()
    for first in range(0, len(rows), CHECK_INS_AT_ONCE):
        some = rows[first : first + CHECK_INS_AT_ONCE]
        key = f"check_ins:{some[0].id}"
        yield DetectedEvent(WebhookTopic.CHECK_INS, key, until, {"evidence": [str(row.id) for row in some]})


def _check_ins(evidence_ids: list[str]) -> list[dict[str, Any]]:
    rows = db.session.execute(
        select(Evidence, Member, Site.code)
        .join(Member, Member.id == Evidence.member_id)
        .outerjoin(Site, Site.id == Evidence.chapter_id)
        .where(Evidence.id.in_([uuid.UUID(one) for one in evidence_ids]), Member.erased_at.is_(None))
        .where(~exists().where(Void.evidence_id == Evidence.id))
        .order_by(Evidence.id)
    )
    return [
        {
            "check_in_id": str(evidence.id),
            "event_id": str(evidence.event_id),
            "site_code": code,
            "member_number": member.number,
            "first_name": member.person.preferred or member.person.first,
            "last_name": member.person.last,
            "strength": evidence.tier.value,
            "at": evidence.happened_at.isoformat(),
        }
        for evidence, member, code in rows
    ]


def _total(total: PublicTotal) -> dict[str, Any]:
    return {
        "sites": total.sites,
        "reporting": total.reporting,
        "eligible": total.eligible,
        "head_count": total.head_count,
        "supporters": total.supporters,
        "observed": total.observed,
    }


def _action(action: Action) -> dict[str, Any]:
    address = f"{settings().public_base_url}/actions/{action.id}"
    return {"action_id": str(action.id), "action": dict(action.name), "url": address}


def _event(event: Event) -> dict[str, Any]:
    return {
        **_action(event.action),
        "event_id": str(event.id),
        "site_code": event.site.code if event.site else None,
        "place": event.place,
        "meet_at": event.meet_at or None,
        "starts_at": clock.local(event.starts_at, event.tz).isoformat(),
        "ends_at": clock.local(event.ends_at, event.tz).isoformat(),
    }
