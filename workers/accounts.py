"""Tasks of the room accounts. Safe to run twice, late, and by two beats."""

import redis
from celery import shared_task

from mobilize import clock, health_checks, settings
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.security import checklist
from mobilize.accounts.sign_in import one_time_codes
from mobilize.accounts.sign_in import operations as codes
from mobilize.web import rate_limits
from workers.texts import send_codes_now


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
    checklist.observe_keys(now=clock.now())


@shared_task(name="accounts.look_at_redis")
def look_at_redis() -> None:
    health_checks.record(checklist.APPENDONLY, _appendonly(settings().redis_url), now=clock.now())


@shared_task(name="accounts.expire_approvals")
def expire_approvals() -> None:
    approvals.expire(clock.now())


def _appendonly(url: str) -> str:
    """The setting `appendonly` of Redis: yes, no, or the name of the error."""
    try:
        with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
            return str(client.config_get("appendonly").get("appendonly", "unknown"))
    except redis.RedisError as error:
        return type(error).__name__
