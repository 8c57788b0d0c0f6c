"""The second pool on PostgreSQL, for the fast path: every statement is a transaction by itself
(docs/decisions/0008). `mobilize.database` opens it; without it the same statements run in a transaction."""

from typing import Any

NAME = "autocommit"
POOL: dict[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    # Check-ins share one, and what else goes here takes a millisecond: two web processes then leave a
    # third of the hundred connections that PostgreSQL has unless it is told otherwise.
    "pool_size": 8,
    "max_overflow": 0,
    "pool_pre_ping": False,
    "pool_reset_on_return": None,
    "pool_use_lifo": True,
}
# A plan made once, with empty tables, must still be right when the morning has filled them: all is by key.
PLAN_BY_KEY = {"plan_cache_mode": "force_generic_plan"} | {
    f"enable_{way}": "off" for way in ("seqscan", "hashjoin", "mergejoin")
}
