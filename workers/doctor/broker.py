"""Redis: that it answers, saves to disk, and drops nothing when its memory is full."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from redis import RedisError

from mobilize import settings
from mobilize.observability.findings import Finding, finding
from workers.runtime.broker import connect

FULL = 80  # percent


def redis(_now: datetime) -> Sequence[Finding]:
    """What it says of itself by INFO, which every role may ask; CONFIG often is forbidden."""
    try:
        with connect(settings(), socket_timeout=5, socket_connect_timeout=5) as client:
            info: dict[str, Any] = client.info()
    except RedisError as error:
        return [finding("redis.away", error=type(error).__name__)]
    return [*_troubles(info)] or [finding("redis.ok")]


def _troubles(info: dict[str, Any]) -> list[Finding]:
    results = []
    most, policy = int(info.get("maxmemory", 0)), str(info.get("maxmemory_policy", "noeviction"))
    used = 100 * int(info.get("used_memory", 0)) // most if most else 0
    if info.get("role") in ("slave", "replica"):
        results.append(finding("redis.replica"))
    if not info.get("aof_enabled"):
        results.append(finding("redis.appendonly"))
    if info.get("aof_last_write_status", "ok") != "ok":
        results.append(finding("redis.disk"))
    if policy != "noeviction":
        results.append(finding("redis.eviction", policy=policy))
    if used > FULL:
        results.append(finding("redis.memory", used=used))
    return results
