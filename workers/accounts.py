"""Tasks of the room accounts. Safe to run twice, late, and by two beats."""

from collections.abc import Callable

from celery import shared_task
from redis import Redis, RedisError

from mobilize import clock, settings
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.security import protections
from mobilize.accounts.sign_in import one_time_codes
from mobilize.accounts.sign_in import operations as codes
from mobilize.observability import health_checks
from mobilize.reminders.monitoring import worker_tasks
from mobilize.web import rate_limits
from workers.runtime.broker import connect
from workers.texts import send_codes_now
from workers.timetable import Queue


@shared_task(name="accounts.send_codes")
def send_codes() -> None:
    if codes.send_codes(now=clock.now()):
        send_codes_now()


@shared_task(name="accounts.forget_requests")
def forget_requests() -> None:
    one_time_codes.forget_code_requests(now=clock.now())


@shared_task(name="accounts.forget_limits")
def forget_limits() -> None:
    rate_limits.forget_old(clock.now())


@shared_task(name="accounts.look_at_keys")
def look_at_keys() -> None:
    protections.observe_keys(now=clock.now())


@shared_task(name="accounts.look_at_redis")
def look_at_redis() -> None:
    health_checks.record(protections.APPENDONLY, _of_redis(_appendonly), now=clock.now())


@shared_task(name="workers.look_at_queues")
def look_at_queues() -> None:
    health_checks.record(worker_tasks.QUEUES, _of_redis(_lengths), now=clock.now())


@shared_task(name="accounts.expire_approvals")
def expire_approvals() -> None:
    approvals.expire(clock.now())


def _of_redis(ask: Callable[[Redis], str]) -> str:
    """What Redis answers, or the name of the error."""
    try:
        with connect(settings(), socket_timeout=3, socket_connect_timeout=3) as client:
            return ask(client)
    except RedisError as error:
        return type(error).__name__


def _appendonly(client: Redis) -> str:
    """The setting `appendonly` of Redis: yes or no."""
    return str(client.config_get("appendonly").get("appendonly", "unknown"))


def _lengths(client: Redis) -> str:
    """How many wakes lie in each queue."""
    return " ".join(f"{queue}={client.llen(queue)}" for queue in Queue)
