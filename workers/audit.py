"""Tasks of the audit. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import audit, clock


@shared_task(name="audit.seal")
def seal() -> None:
    audit.seal_rows(now=clock.now())


@shared_task(name="audit.verify")
def verify() -> None:
    audit.verify_and_note(now=clock.now())
