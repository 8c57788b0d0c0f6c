"""Operations that report from a line: check-ins, head counts, supporters.

Each is stored under its key as what a line's phone sends is under its nonce, and so is never done twice. A
check-in is known by that alone; other answers are kept for a day.
"""

import uuid
from datetime import datetime
from functools import partial
from typing import Any

from mobilize import clock
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.models import Event
from mobilize.actions.visibility import changeable_event
from mobilize.api.endpoint import writing
from mobilize.api.idempotency import KeptAnswer, Result, done_once, nonce_of
from mobilize.api.reporting.event_facts import EventFacts, reportable_event
from mobilize.api.reporting.forms import CheckInBatch, CheckInReport, HeadCountReport, SupportersReport
from mobilize.api.reporting.operations import report_check_in, report_check_ins
from mobilize.api.schemas import StoredBatchOut, StoredOut
from mobilize.checkins.line.queries import gates_of
from mobilize.checkins.models import Outcome
from mobilize.checkins.record.decision import CheckInHours
from mobilize.checkins.record.head_counts import add_supporters, report_head_count
from mobilize.errors import Refused
from mobilize.languages import _

_EVENT = "/events/<uuid:event_id>"
_LINE: dict[str, Any] = {"tag": "At the line", "unlimited": True}
_REPORT = ApiScope.REPORT
VIA = "api"


@writing(f"{_EVENT}/check-ins", _REPORT, body=CheckInReport, answer=StoredOut, **_LINE)
def check_in(access: TokenAccess, event_id: uuid.UUID, key: str, body: CheckInReport) -> StoredOut:
    """Check somebody in. By id they are vouched for, as by a tick; by number or name they are a walk-in, and
    whether it is a member's number is not told."""
    event = reportable_event(event_id, access.scope)
    return report_check_in(event, body, access=access, key=key, now=clock.now())


@writing(f"{_EVENT}/check-ins/batch", _REPORT, body=CheckInBatch, answer=StoredBatchOut, **_LINE)
def check_in_batch(access: TokenAccess, event_id: uuid.UUID, key: str, body: CheckInBatch) -> KeptAnswer:
    """Check many in. Each item has a key of its own, by which it is the same when it comes again; one that is
    declined harms no other."""
    event = reportable_event(event_id, access.scope)
    return done_once(access, key, partial(_check_in_all, access, event, body))


@writing(f"{_EVENT}/head-counts", _REPORT, body=HeadCountReport, answer=StoredOut, **_LINE)
def report_heads(access: TokenAccess, event_id: uuid.UUID, key: str, body: HeadCountReport) -> KeptAnswer:
    """Report how many people stand at a line. A number far above what is expected is declined as
    `count_unusual`, until somebody is asked and it is `sure`."""
    event = changeable_event(event_id, access.scope)
    return done_once(access, key, partial(_report_heads, access, event, key, body))


@writing(f"{_EVENT}/supporters", _REPORT, body=SupportersReport, answer=StoredOut, **_LINE)
def report_supporters(
    access: TokenAccess, event_id: uuid.UUID, key: str, body: SupportersReport
) -> KeptAnswer:
    """Report supporters who came to a line; all reports are added up."""
    event = changeable_event(event_id, access.scope)
    return done_once(access, key, partial(_report_supporters, access, event, key, body))


def _check_in_all(access: TokenAccess, event: EventFacts, body: CheckInBatch) -> Result:
    items = [(item.key, item) for item in body.items]
    return StoredBatchOut(data=report_check_ins(event, items, access=access, now=clock.now())), 200


def _report_heads(access: TokenAccess, event: Event, key: str, body: HeadCountReport) -> Result:
    now = clock.now()
    at = _within_hours(event, body.at, now)
    if body.gate is not None and body.gate not in {gate.id for gate in gates_of(event)}:
        raise Refused("no_gate", _("This site has no such gate."))
    counted = report_head_count(
        event, body.n, counted_at=at, nonce=nonce_of(access, key), via=VIA, by=access.actor, now=now,
        gate_id=body.gate, sure=body.sure,
    )  # fmt: skip
    return _stored(key, counted)


def _report_supporters(access: TokenAccess, event: Event, key: str, body: SupportersReport) -> Result:
    now = clock.now()
    at = _within_hours(event, body.at, now)
    counted = add_supporters(
        event, body.delta, nonce=nonce_of(access, key), happened_at=at, by=access.actor, now=now,
        sure=body.sure,
    )  # fmt: skip
    return _stored(key, counted)


def _within_hours(event: Event, at: datetime | None, now: datetime) -> datetime:
    """The moment of a count. Refused: outside_hours, also for an event that takes none."""
    moment = min(at or now, now)
    if CheckInHours.of(event).outcome_at(moment, None) is not None:
        raise Refused("outside_hours", _("That is outside the hours of the event, or it was called off."))
    return moment


def _stored(key: str, counted: bool) -> Result:
    return StoredOut(key=key, stored=True, outcome=Outcome.COUNTED if counted else Outcome.UNRESOLVED), 200
