"""Tasks of the room texts. Each asks the database what is due; safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock, leases
from mobilize.texts import catching_up, delivery, file_consents, reconciling
from workers.stopping import is_stopping
from workers.ticker import BEAT

# So few that a code somebody waits for, written meanwhile, is not kept waiting behind reminders. Beat wakes a
# drain every half second: together they are more than two processes can send.
TEXTS_A_DRAIN = 400


@shared_task(name="texts.drain")
def drain() -> None:
    delivery.drain(now=clock.now(), at_most=TEXTS_A_DRAIN, is_stopping=is_stopping)


@shared_task(name="texts.sweep")
def sweep() -> None:
    delivery.sweep(now=clock.now())


@shared_task(name="texts.reconcile")
def reconcile() -> None:
    reconciling.reconcile(now=clock.now())


@shared_task(name="texts.catch_up")
def catch_up() -> None:
    catching_up.catch_up(now=clock.now())


@shared_task(name="texts.note_file_consents")
def note_file_consents() -> None:
    file_consents.note_file_consents(now=clock.now())


@shared_task(name="workers.beat_is_alive")
def beat_is_alive() -> None:
    leases.note_run(BEAT, now=clock.now())
