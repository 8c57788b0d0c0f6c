"""The drill of the installation: twice the expected peak of check-ins, through its own public address.

They are of invented numbers, at an event of a drill that no chapter comes to: nobody is texted, nothing is
spent, nothing enters a total. Afterwards the event is called off and its rows are deleted, but for the event.
"""

import json
import logging
import math
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import urllib3
from sqlalchemy import delete, func, select

from mobilize import audit, settings, stored_settings
from mobilize.accounts.sign_in.role_links import SHELL
from mobilize.actions.models import Action, ActionKind, Event, EventState, Shift
from mobilize.checkins.forms import event_token
from mobilize.checkins.models import Evidence, KnownPhone, Walkup
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import make_code, make_text_code
from mobilize.languages import _, in_every_language
from mobilize.observability import health_checks
from mobilize.roster.models import Member, MemberStatus

# The peak of a morning of 37,000 members is 150 a second (docs/scaling.md).
MEMBERS_PER_CHECK_IN_A_SECOND = 247
MOST_A_SECOND, MOST_SECONDS, MOST = 500, 60, 12_000
AT_ONCE = 64  # requests
# What nobody waits longer for than this, at a gate in the rain.
SLOW_MS = 1000
# Until web processes have forgotten the event as it was before.
SETTLE_S = 3
CHECK, EVENT = "setup.drill", "DRILL_EVENT"
# The area code 999 is given to nobody.
_FIRST_NUMBER = 9_992_000_000


@dataclass(frozen=True)
class DrillResult:
    """What a drill found. `refused` were answered otherwise than with a receipt, `unanswered` not at all;
    `stored` is what the database has of those that got one. Times are from the moment each was due."""

    rate: float
    expected: float
    sent: int
    acknowledged: int
    refused: int
    unanswered: int
    stored: int
    p50_ms: int
    p95_ms: int

    @property
    def target_rate(self) -> float:
        """Twice the expected peak, as far as a drill goes."""
        return min(2 * self.expected, MOST_A_SECOND)

    @property
    def is_good(self) -> bool:
        """All were answered, stored, and nearly all at once, at twice what is expected."""
        answered = self.sent == self.acknowledged == self.stored
        return answered and self.p95_ms <= SLOW_MS and self.rate >= self.target_rate


def expected_peak() -> float:
    """The check-ins a second that this roster leads to at the peak of a morning; 1 at least."""
    active = select(func.count()).where(Member.status == MemberStatus.ACTIVE, Member.gone_on.is_(None))
    return max(1.0, round((db.session.scalar(active) or 0) / MEMBERS_PER_CHECK_IN_A_SECOND, 1))


def run_drill(*, seconds: int, rate: float | None, now: datetime) -> DrillResult:
    """Check in `rate` times a second (None: twice the expected peak) for so many seconds, 12,000 at most.

    Refused: "too_much" above 500 a second or 60 seconds, "line_is_open" while an event that is no drill is
    on, or begins within the hour.
    """
    expected = expected_peak()
    rate = rate or min(2 * expected, MOST_A_SECOND)
    if not 0 < rate <= MOST_A_SECOND or not 0 < seconds <= MOST_SECONDS:
        raise Refused("too_much", _("500 a second and 60 seconds at most."))
    _refuse_beside_people(now)
    numbers = [f"{_FIRST_NUMBER + n}" for n in range(min(math.ceil(rate * seconds), MOST))]
    with _drill_event(now) as (event_id, code):
        time.sleep(SETTLE_S)
        answers = _check_in_all(code, numbers, rate)
        stored = _stored(event_id)
        _delete_rows(event_id, numbers)
    result = _result(rate, expected, answers, stored)
    record(result, now=now)
    audit.note(SHELL, "setup.drill", "good" if result.is_good else "not good", now=now)
    return result


def record(result: DrillResult, *, now: datetime) -> None:
    """Store what a drill found, in place of the one before."""
    health_checks.record(CHECK, json.dumps(asdict(result), separators=(",", ":")), now=now)


def last_drill() -> tuple[DrillResult, datetime] | None:
    """The last drill, and when it was."""
    check = health_checks.latest(CHECK)
    return (DrillResult(**json.loads(check.value)), check.seen_at) if check else None


def _refuse_beside_people(now: datetime) -> None:
    soon = now + timedelta(hours=1)
    on = select(Event.id).join(Action, Action.id == Event.action_id)
    on = on.where(Action.drill.is_(False), Event.state == EventState.PLANNED)
    if db.session.scalar(on.where(Event.starts_at <= soon, Event.ends_at >= now).limit(1)):
        raise Refused("line_is_open", _("People are at a line now, or will be within the hour. Not now."))


@contextmanager
def _drill_event(now: datetime) -> Iterator[tuple[uuid.UUID, str]]:
    """The id and code of the drill's event, which is open until the end of this."""
    event_id, code = _open_event(now)
    try:
        yield event_id, code
    finally:
        with atomic() as session:
            event = session.get_one(Event, event_id)
            event.state, event.action.called_off_at = EventState.CALLED_OFF, now


def _open_event(now: datetime) -> tuple[uuid.UUID, str]:
    """One event for all drills, which is open again from now on."""
    begins, ends = now - timedelta(minutes=5), now + timedelta(minutes=30)
    with atomic() as session:
        named = stored_settings.read().get(EVENT)
        event = session.get(Event, uuid.UUID(named)) if named else None
        if event is None:
            event = _new_event(begins, ends, now)
            stored_settings.store({EVENT: str(event.id)}, by=SHELL, now=now)
        event.state, event.action.called_off_at = EventState.PLANNED, None
        rows: list[Any] = [event, event.action, *event.shifts]
        for row in rows:
            row.starts_at, row.ends_at = begins, ends
        session.flush()
        return event.id, event.code


def _new_event(begins: datetime, ends: datetime, now: datetime) -> Event:
    times = {"starts_at": begins, "ends_at": ends}
    action = Action(kind=ActionKind.RALLY, drill=True, made_at=now, made_by=SHELL, **times)
    action.name = in_every_language(lambda _code: _("Drill of the installation"))
    db.session.add(action)
    db.session.flush()
    zone = settings().union_timezone
    event = Event(action_id=action.id, venue="drill", tz=zone, made_at=now, **times)
    event.code, event.text_code = make_code(), make_text_code(5)
    db.session.add(event)
    db.session.flush()
    db.session.add(Shift(event_id=event.id, **times))
    db.session.flush()
    return event


def _check_in_all(code: str, numbers: list[str], rate: float) -> list[tuple[int, float]]:
    """(status, milliseconds) of each check-in; 0 for one that was not answered."""
    address = f"{settings().public_base_url}/c/{code}"
    tokens = [event_token(code) for _number in numbers]
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    headers = {"Origin": settings().public_base_url}
    web = urllib3.PoolManager(maxsize=AT_ONCE, retries=False, timeout=10, headers=headers)
    begun = time.monotonic() + 0.2

    def check_in(n: int) -> tuple[int, float]:
        due = begun + n / rate
        time.sleep(max(0.0, due - time.monotonic()))
        form = {"typed": numbers[n], "token": tokens[n]}
        try:
            status = web.request("POST", address, fields=form, encode_multipart=False, redirect=False).status
        except urllib3.exceptions.HTTPError:
            status = 0
        return status, 1000 * (time.monotonic() - due)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="drill") as pool:
        return list(pool.map(check_in, range(len(numbers))))


def _stored(event_id: uuid.UUID) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(Evidence.event_id == event_id)) or 0


def _delete_rows(event_id: uuid.UUID, numbers: list[str]) -> None:
    """Delete what the drill has stored; a part in each transaction."""
    with atomic() as session:
        for table in (Evidence, Walkup):
            session.execute(delete(table).where(table.event_id == event_id))
    for start in range(0, len(numbers), 500):
        indexes = [blind_index("phone", f"+1{number}") for number in numbers[start : start + 500]]
        with atomic() as session:
            session.execute(delete(KnownPhone).where(KnownPhone.typed_index.in_(indexes)))


def _result(rate: float, expected: float, answers: list[tuple[int, float]], stored: int) -> DrillResult:
    times = sorted(took for _status, took in answers)
    statuses = [status for status, _took in answers]
    return DrillResult(
        rate=round(rate, 1),
        expected=expected,
        sent=len(answers),
        acknowledged=statuses.count(200),
        refused=sum(status not in {0, 200} for status in statuses),
        unanswered=statuses.count(0),
        stored=stored,
        p50_ms=round(times[len(times) // 2]),
        p95_ms=round(times[len(times) * 95 // 100]),
    )
