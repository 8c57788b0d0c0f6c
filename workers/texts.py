"""Tasks of the room texts. Each asks the database what is due; safe to run twice, late, and by two beats."""

from threading import Event
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from mobilize import clock
from mobilize.accounts.queries import is_staff_phone
from mobilize.backup import gaps
from mobilize.database import locks
from mobilize.reminders.rules.queries import is_moot
from mobilize.texts import recovery, redaction
from mobilize.texts.consent import roster_consents
from mobilize.texts.receiving import missed_events
from mobilize.texts.sending import delivery, reconciling

# So few that a code somebody waits for, written meanwhile, is not kept waiting behind reminders. Beat wakes a
# drain every half second: together they are more than two processes can send.
TEXTS_A_DRAIN = 400
BEAT = "beat"
_stopping = Event()


@worker_shutting_down.connect
def note_stop(**_: Any) -> None:
    """Celery says so in the middle of a task: no more texts are claimed."""
    _stopping.set()


@shared_task(name="texts.drain")
def drain() -> None:
    _drain(is_moot=is_moot)


@shared_task(name="texts.drain_codes")
def drain_codes() -> None:
    send_codes_now()


def send_codes_now() -> None:
    """Send the codes that are in the outbox, and what else nothing holds."""
    _drain(unheld_only=True)


def _drain(**which: Any) -> None:
    how: dict[str, Any] = {"is_staff": is_staff_phone, "is_stopping": _stopping.is_set}
    delivery.drain(now=clock.now(), at_most=TEXTS_A_DRAIN, **how, **which)


@shared_task(name="texts.sweep")
def sweep() -> None:
    delivery.sweep(now=clock.now(), is_moot=is_moot)


@shared_task(name="texts.reconcile")
def reconcile() -> None:
    reconciling.reconcile(now=clock.now())


@shared_task(name="texts.recover")
def recover() -> None:
    recovery.recover(now=clock.now())


@shared_task(name="texts.catch_up")
def catch_up() -> None:
    missed_events.catch_up(now=clock.now())


@shared_task(name="texts.note_file_consents")
def note_file_consents() -> None:
    roster_consents.note_file_consents(now=clock.now())


@shared_task(name="texts.redact")
def redact() -> None:
    redaction.redact_due(now=clock.now())


@shared_task(name="workers.beat_is_alive")
def beat_is_alive() -> None:
    gaps.look()
    locks.record_run(BEAT, now=clock.now())
