"""The broker: one Redis, or whichever its sentinels name as master at the moment."""

from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.sentinel import Sentinel

from config import Settings

SENTINEL_PORT = 26379


def transport_options(chosen: Settings) -> dict[str, Any]:
    """What Celery has to be told beside the address."""
    return {"master_name": chosen.redis_sentinel_master} if _is_sentinels(chosen) else {}


def connect(chosen: Settings, **options: Any) -> Redis:
    """A client of the broker with these options of redis-py. It connects when it is first asked, and with
    sentinels asks them for the master with each new connection."""
    if not _is_sentinels(chosen):
        # What Celery calls redis+socket is unix to redis-py.
        return Redis.from_url(chosen.redis_url.replace("redis+socket:", "unix:", 1), **options)
    parts = [urlsplit(one) for one in chosen.redis_url.split(";")]
    sentinels = [(part.hostname, part.port or SENTINEL_PORT) for part in parts]
    own = {"password": parts[0].password, "db": int(parts[0].path.strip("/") or 0)}
    waits = {name: value for name, value in options.items() if name.startswith("socket_")}
    client = Sentinel(sentinels, sentinel_kwargs=options, **waits)
    return client.master_for(chosen.redis_sentinel_master, **options, **own)


def _is_sentinels(chosen: Settings) -> bool:
    return chosen.redis_url.startswith("sentinel://")
