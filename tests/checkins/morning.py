"""One picket on START for the tests of this room: who stands there, and how they are counted."""

import itertools
import uuid
from datetime import datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, LineGrant
from mobilize.actions.models import Event
from mobilize.checkins.forms import event_token
from mobilize.checkins.line.queries import uncertain_of
from mobilize.checkins.models import Attendance, Evidence, Method
from mobilize.checkins.record.attendance import derive_attendance
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import (
    CheckInRequest,
    CheckInResult,
    Undo,
    check_in,
    check_in_all,
    check_in_by_poster,
)
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.roster.models import Member
from tests.builders import START

OPEN = START + timedelta(minutes=5)
_n = itertools.count(1)


def nonce(n: int | None = None) -> bytes:
    return (n or next(_n)).to_bytes(16, "big")


def scan(
    event: Event, typed: str, *, at: datetime = OPEN, page: str = "", cookie: str | None = None
) -> CheckInResult:
    """A member scans the poster and types a number."""
    page = page or f"page {next(_n)}"
    done, _cookie = check_in_by_poster(event.id, read_typed(typed), page=page, cookie=cookie, now=at)
    return done


def tick(event: Event, member: Member, *, at: datetime = OPEN, **values: Any) -> CheckInResult:
    """The chair ticks a name."""
    return check_in(tick_proof(event, member, at=at, **values), now=at)


def tick_proof(event: Event, member: Member, *, at: datetime = OPEN, **values: Any) -> CheckInRequest:
    fields = {"nonce": nonce(), "body": f"tick {member.id}".encode(), "method": Method.TICK, **values}
    return CheckInRequest(event_id=event.id, member_id=member.id, happened_at=at, **fields)


def attendance(event: Event) -> list[Attendance]:
    rows = db.session.scalars(select(Attendance).where(Attendance.event_id == event.id)).all()
    return list(rows)


def evidence(event: Event) -> list[Evidence]:
    rows = select(Evidence).where(Evidence.event_id == event.id).order_by(Evidence.recorded_at, Evidence.id)
    return list(db.session.scalars(rows))


def uncertain_times(event_id: uuid.UUID) -> int:
    """How many members' tap waits for a person, as the chair's phone shows it."""
    return int(db.session.scalar(uncertain_of(event_id)) or 0)


def outcomes(event: Event) -> list[str]:
    return sorted(row.outcome.value for row in evidence(event))


def post(client: FlaskClient, event: Event, typed: str = "", **fields: Any) -> TestResponse:
    """Post the check-in form; `token=` and `known=` as the page has them."""
    form = {"token": event_token(event.code), "typed": typed, **fields}
    return client.post(f"/c/{event.code}", data=form, headers=fields.pop("headers", None))


def grant_for(event: Event, *, now: datetime = OPEN, **values: Any) -> tuple[LineGrant, str]:
    ends_at = values.get("ends_at", START + timedelta(hours=12))
    return grant_line(
        event.id, values.get("kind", GrantKind.CAPTAIN), "gate", None, "shell", ends_at, now=now
    )


def item(key, kind="tick", **values):
    """An item as a line's phone queues it."""
    return {"nonce": f"{key:032x}", "kind": kind, "at": OPEN.isoformat(), **values}


def tick_at(member, moment):
    """A tick of `member`, done at that moment."""
    return {**item(1, member=str(member.id)), "at": moment.isoformat()}


def send(line, event, *items, **more):
    """Hand in what the line's phone has queued; returns what became of each."""
    answer = line.post(f"/line/{event.code}/items", json={"items": list(items), **more})
    assert answer.status_code == 200, answer.text
    return answer.json["items"]


def take_back_ticks(undo: CheckInRequest, *, actor: str, now: datetime) -> CheckInResult:
    """A line's phone takes back all ticks of a member."""
    with atomic():
        changed: set[uuid.UUID] = set()
        [done] = check_in_all([Undo(undo)], actor=actor, now=now, changed=changed)
        derive_attendance(undo.event_id, changed)
    if isinstance(done, Refused):
        raise done
    return done
