"""The number of requests that a token has left, counted in each process: a program in a loop disturbs nobody.

Reports from lines are counted and never refused: what happened there must arrive.
"""

import threading
import uuid
from dataclasses import dataclass
from datetime import datetime

from cachetools import LRUCache
from flask import current_app

WINDOW_SECONDS = 60
REQUESTS_A_WINDOW = 600


@dataclass(frozen=True)
class Remaining:
    """What is left to a token: `left` of `limit` requests, until the window ends in `resets_in` seconds."""

    limit: int
    left: int
    resets_in: int
    is_over: bool

    @property
    def headers(self) -> dict[str, str]:
        """As the draft of the IETF's working group on HTTP APIs writes them (RateLimit header fields)."""
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"default";r={self.left};t={self.resets_in}',
        }


def count_request(token_id: uuid.UUID, now: datetime) -> Remaining:
    """Count one more request of this token."""
    limit = int(current_app.config.get("API_REQUESTS_A_WINDOW", REQUESTS_A_WINDOW))
    window, into = divmod(int(now.timestamp()), WINDOW_SECONDS)
    with _lock:
        began, used = _used.get(token_id, (window, 0))
        used = used + 1 if began == window else 1
        _used[token_id] = window, used
    return Remaining(limit, max(0, limit - used), WINDOW_SECONDS - into, used > limit)


_used: LRUCache[uuid.UUID, tuple[int, int]] = LRUCache(1000)
_lock = threading.Lock()
