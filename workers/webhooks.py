"""Tasks of the room webhooks. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock
from mobilize.webhooks.events import operations as events
from mobilize.webhooks.sending import delivery


@shared_task(name="webhooks.collect")
def collect() -> None:
    events.collect(clock.now())


@shared_task(name="webhooks.deliver")
def deliver() -> None:
    delivery.deliver(clock.now())


@shared_task(name="webhooks.forget_old")
def forget_old() -> None:
    delivery.forget_old(clock.now())
