"""`health.py web|worker`: whether this container does its work; the exit code says so, 0 or 1.

web: it answers. worker: its clock was heard of within five minutes. Small, since it is started so often.
"""

import os
import sys
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
MOST_SILENT_S = 300
_QUERY = "SELECT extract(epoch FROM now() - max(ran_at)) FROM leases WHERE name = 'beat'"


def web() -> bool:
    """The page for load balancers, by the loopback address."""
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 5000), timeout=4)
    connection.request("GET", "/healthz")
    return connection.getresponse().status == 200


def worker() -> bool:
    """The row that the clock writes once a minute."""
    import psycopg

    import config

    address = config.load().database_url.replace("postgresql+psycopg:", "postgresql:", 1)
    with psycopg.connect(address, connect_timeout=5) as connection:
        row = connection.execute(_QUERY).fetchone()
    return row is not None and row[0] is not None and row[0] < MOST_SILENT_S


def main() -> int:
    """The answer for the part that is named."""
    checks: dict[str, Callable[[], bool]] = {"web": web, "worker": worker}
    try:
        return 0 if checks[sys.argv[1]]() else 1
    except Exception as error:
        sys.stderr.write(f"{sys.argv[1]}: {type(error).__name__}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
