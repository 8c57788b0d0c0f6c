"""The carriers' callbacks, as far as they reach us: what was refused and why, what had to be fetched, what
arrived.

Anybody may post to these addresses, so each process writes what it has seen once a minute at most.
"""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import update

from mobilize.database import atomic, insert
from mobilize.observability import health_checks, metrics
from mobilize.observability.health_checks import HealthCheck
from mobilize.texts import carriers
from mobilize.texts.carriers.base import CallbackRefusal

WRITE_EVERY_S = 60.0
# Refusals and fetched texts that are older say nothing about today.
STILL_TRUE = timedelta(hours=24)
# Not anybody's, but of our own account: a setting is wrong, here or at the carrier.
OUR_MISTAKES = (CallbackRefusal.OTHER_ADDRESS, CallbackRefusal.OTHER_SECRET, CallbackRefusal.OTHER_TIME)
_FIRST, _LAST, _FETCHED = "first", "last", "fetched"
_counts: Counter[str] = Counter()
_written_at: dict[str, float] = {}
_lock = Lock()
# Counters that were never counted are exported too: rules can be written about them.
for _carrier in carriers.CARRIERS:
    for _why in CallbackRefusal:
        metrics.CARRIER_CALLBACKS_REFUSED.labels(_carrier, _why)


@dataclass(frozen=True)
class CallbackStatus:
    """One carrier's callbacks: when the first and the last signed text arrived, why our own account's were
    refused lately and how many there were, and how many texts came by its log alone."""

    carrier: str
    first_at: datetime | None
    last_at: datetime | None
    refusal: CallbackRefusal | None
    refused: int
    refused_at: datetime | None
    fetched: int
    fetched_at: datetime | None

    @property
    def needs_somebody(self) -> bool:
        return self.refusal is not None or self.fetched > 0


def note_refused(carrier: str, why: CallbackRefusal, *, now: datetime) -> None:
    """Count a request that was not signed as it should be."""
    metrics.CARRIER_CALLBACKS_REFUSED.labels(carrier, why).inc()
    _count(_name(carrier, why), 1, now=now)


def note_arrived(carrier: str, *, now: datetime) -> None:
    """Note a rightly signed text: the first one for good, the last one once a minute."""
    if _is_time(_name(carrier, _LAST)):
        health_checks.record_first(_name(carrier, _FIRST), "", now=now)
        health_checks.record(_name(carrier, _LAST), "", now=now)


def note_fetched(carrier: str, texts: int, *, now: datetime) -> None:
    """Note texts whose callbacks did not arrive, and which were found in the carrier's log."""
    if texts:
        _add(_name(carrier, _FETCHED), texts, now=now)


def callback_statuses(now: datetime) -> list[CallbackStatus]:
    """How the callbacks fare of each carrier there is an account with."""
    return [_status(carrier.NAME, now) for carrier in carriers.set_up()]


def _status(carrier: str, now: datetime) -> CallbackStatus:
    last = health_checks.latest(_name(carrier, _LAST))
    first = health_checks.latest(_name(carrier, _FIRST))
    since = max(now - STILL_TRUE, last.seen_at if last else now - STILL_TRUE)
    mistakes = {why: health_checks.latest(_name(carrier, why)) for why in OUR_MISTAKES}
    recent = {why: check for why, check in mistakes.items() if check and check.seen_at > since}
    why = max(recent, key=lambda one: recent[one].seen_at, default=None)
    fetched = health_checks.latest(_name(carrier, _FETCHED))
    is_recent = fetched is not None and fetched.seen_at > since
    return CallbackStatus(
        carrier,
        first_at=first.seen_at if first else None,
        last_at=last.seen_at if last else None,
        refusal=why,
        refused=_number(recent[why]) if why else 0,
        refused_at=recent[why].seen_at if why else None,
        fetched=_number(fetched) if is_recent else 0,
        fetched_at=fetched.seen_at if fetched and is_recent else None,
    )


def _name(carrier: str, what: str) -> str:
    return f"webhook.{carrier}.{what}"  # as rows of health checks are named that are there


def _number(check: HealthCheck | None) -> int:
    return int(check.value) if check and check.value.isdecimal() else 0


def _count(name: str, more: int, *, now: datetime) -> None:
    """Add to what is to be written, and write it when it is time."""
    with _lock:
        _counts[name] += more
    if _is_time(name):
        with _lock:
            counted = _counts.pop(name, 0)
        _add(name, counted, now=now)


def _is_time(name: str) -> bool:
    """Whether this process has not written it for a minute; from now on it has."""
    with _lock:
        moment = time.monotonic()
        is_time = moment - _written_at.get(name, float("-inf")) >= WRITE_EVERY_S
        if is_time:
            _written_at[name] = moment
        return is_time


def _add(name: str, more: int, *, now: datetime) -> None:
    """Add to a stored number. A day without any begins a new count."""
    with atomic() as session:
        new = insert(HealthCheck).values(name=name, value="0", seen_at=now)
        session.execute(new.on_conflict_do_nothing(index_elements=["name"]))
        row = session.get_one(HealthCheck, name, populate_existing=True, with_for_update=True)
        before = _number(row) if now - row.seen_at < STILL_TRUE else 0
        counted = {"value": str(before + more), "seen_at": now}
        session.execute(update(HealthCheck).where(HealthCheck.name == name).values(counted))
