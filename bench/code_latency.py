"""The time from the begin of a sign-in code to its arrival at the carrier, while workers do other work.

Asked for as the web does it, a row in the database, five times a second by as many different people; each
condition for 12 s at least, and as long as its work lasts.
"""

import itertools
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from bench.texts_place import ZONE, Place, wait_for
from mobilize import clock
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.sign_in.one_time_codes import ask_for_code
from mobilize.actions.models import Action, Event, EventState, Shift
from mobilize.database import atomic, db, new_id
from mobilize.keys.crypto import blind_index
from mobilize.reminders.models import PlannedReminder, ReminderRule, RuleKind
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.roster.models import Site
from mobilize.texts.models import OutboxText, Priority, TextState
from mobilize.turnout.models import Report

PEOPLE = 2000
EVERY_S, AT_LEAST_S, AT_MOST_S = 0.2, 12.0, 60.0
Condition = tuple[str, Callable[[Place], object], Callable[[], bool]]


def seed_people() -> None:
    """Chairs, each with a phone of their own."""
    site = db.session.scalars(select(Site.id).limit(1)).one()
    people, roles = [], []
    for n in range(PEOPLE):
        person, phone = Person.make_id(), f"+1562555{n:04d}"
        sealed = {
            "name_enc": Person.name.seal(person, f"Chair {n}"),
            "phone_enc": Person.phone.seal(person, phone),
        }
        unsealed = {"phone_index": blind_index("phone", phone), "language": "en", "made_at": clock.now()}
        people.append({"id": person, **sealed, **unsealed})
        term = {"role": RoleName.CHAIR, "site_id": site, "from_on": clock.now().date() - timedelta(days=9)}
        roles.append(
            {"id": new_id(), "person_id": person, "granted_by": "bench", "granted_at": clock.now(), **term}
        )
    with atomic() as session:
        session.execute(Person.__table__.insert(), people)
        session.execute(RoleTerm.__table__.insert(), roles)


def measure(place: Place) -> dict[str, list[float]]:
    """Seconds of every code, by condition. Needs members and events, of which nothing is planned."""
    seed_people()
    phones = iter(range(PEOPLE))
    workers = place.work("codes", rate=9000, workers=1, concurrency=2)
    wait_for(lambda: _is_answered(place, phones), 60)
    seconds = {}
    for name, begin, is_over in _CONDITIONS:
        begin(place)
        seconds[name] = _ask(place, phones, is_over)
        assert workers[0].poll() is None, "the worker has ended"
    place.processes.stop()
    return seconds


def _ask(place: Place, phones: Any, is_over: Callable[[], bool]) -> list[float]:
    """Ask again and again until the work of the condition is done, and wait for all codes."""
    begun: dict[str, float] = {}
    began = time.monotonic()
    for turn in itertools.count(1):
        ran = time.monotonic() - began
        if ran > AT_MOST_S or (ran > AT_LEAST_S and turn % 5 == 0 and is_over()):
            break
        begun[_ask_one(next(phones))] = time.time()
        time.sleep(max(0.0, began + turn * EVERY_S - time.monotonic()))
    wait_for(lambda: begun.keys() <= _codes_taken(place).keys(), 120)
    taken = _codes_taken(place)
    return sorted(taken[phone] - moment for phone, moment in begun.items())


def _codes_taken(place: Place) -> dict[str, float]:
    """When the carrier took the code to each phone; chairs get other texts too."""
    return {text["to"]: text["created_at"] for text in place.ledger() if "sign-in code" in text["body"]}


def _ask_one(n: int) -> str:
    phone = f"+1562555{n:04d}"
    ask_for_code(phone, f"browser {n}", language="en", now=clock.now())
    return phone


def _is_answered(place: Place, phones: Any) -> bool:
    """The workers have started: a code leaves."""
    phone = _ask_one(next(phones))
    time.sleep(3)
    return phone in _codes_taken(place)


def _plan(_place: Place) -> None:
    """All reminders are to be planned at this moment, and leave a while later."""
    set_default_rules(clock.now())
    at = clock.local(clock.now() + timedelta(minutes=25), ZONE).time()
    with atomic() as session:
        session.execute(update(ReminderRule).values(on=False))
        rule = update(ReminderRule).where(ReminderRule.kind == RuleKind.DAY_BEFORE)
        session.execute(rule.values(on=True, at_local=at))


def _is_planned() -> bool:
    return bool(_count(PlannedReminder))


def _make_due(_place: Place) -> None:
    """What was planned leaves now, also at night."""
    now = clock.now()
    values = {"next_try_at": now, "expires_at": now + timedelta(hours=2), "urgent": True}
    with atomic() as session:
        session.execute(update(OutboxText).where(OutboxText.state == TextState.WAITING).values(**values))


def _is_drained() -> bool:
    waits = OutboxText.state.in_([TextState.WAITING, TextState.CLAIMED])
    return not _count(OutboxText, waits, OutboxText.priority == Priority.REMINDER)


def _close(_place: Place) -> None:
    """All events end and are closed; each chapter, area and the union gets its report."""
    starts_at, ends_at = clock.now() - timedelta(hours=9), clock.now() - timedelta(hours=6)
    with atomic() as session:
        session.execute(
            update(OutboxText).where(OutboxText.state == TextState.WAITING).values(state=TextState.DROPPED)
        )
        for table in (Action, Event, Shift):
            session.execute(update(table).values(starts_at=starts_at, ends_at=ends_at))
        session.execute(delete(PlannedReminder))
        session.execute(update(ReminderRule).values(on=False))


def _has_reports() -> bool:
    return _count(Report) > _count(Event, Event.state == EventState.PLANNED)


def _kill_redis(place: Place) -> None:
    place.redis.crash()


def _count(table: Any, *conditions: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


_CONDITIONS: tuple[Condition, ...] = (
    ("at rest", lambda _place: None, lambda: True),
    ("planning", _plan, _is_planned),
    ("draining", _make_due, _is_drained),
    ("reports", _close, _has_reports),
    ("no Redis", _kill_redis, lambda: True),
)
