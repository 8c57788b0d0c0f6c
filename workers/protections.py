"""Tasks that look whether the protections are in place. Safe to run twice, late, and by two beats."""

import redis
from celery import shared_task

from mobilize import clock, settings
from mobilize.accounts import approvals, protections
from mobilize.observations import observe


@shared_task(name="accounts.look_at_keys")
def look_at_keys() -> None:
    protections.observe_keys(now=clock.now())


@shared_task(name="accounts.look_at_redis")
def look_at_redis() -> None:
    observe(protections.APPENDONLY, _appendonly(settings().redis_url), now=clock.now())


@shared_task(name="accounts.expire_approvals")
def expire_approvals() -> None:
    approvals.expire(clock.now())


def _appendonly(url: str) -> str:
    """What Redis says of itself: yes, no, or why it does not say."""
    try:
        with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
            return str(client.config_get("appendonly").get("appendonly", "unknown"))
    except redis.RedisError as silent:
        return type(silent).__name__
