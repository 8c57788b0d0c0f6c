"""`make cluster`, its second part: each machine is killed in turn under a tenth of a morning's load.

Ends with a table and one JSON object; the exit code is 1 when something was lost or doubled, when an answer
was neither what was asked for nor "try again in so many seconds", or when no master was found again. Error
rates are told and not judged. KILLS=redis,replica chooses some; SECONDS_AWAY and SECONDS_AFTER their times.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg

from mobilize import clock
from mobilize.database import db, locks
from tests.cluster.machines import Cluster, running
from tests.cluster.morning import Morning, Phase
from tests.services import NotAvailable
from tests.services.databases import opened

AWAY_S = float(os.environ.get("SECONDS_AWAY") or 7)
AFTER_S = float(os.environ.get("SECONDS_AFTER") or 8)
# Beat's tasks reach a worker by the new master within this.
FOUND_WITHIN_S = 120.0
KINDS = ("check-in", "line", "look", "board")
HEADINGS = ("away", *KINDS, "later", "no answer", "errors", "longest gap")


def _one(name: str) -> Callable[[Cluster], None]:
    def away(cluster: Cluster) -> None:
        cluster.kill(name)
        time.sleep(AWAY_S)
        cluster.start(name)

    return away


def _restart(name: str) -> Callable[[Cluster], None]:
    def away(cluster: Cluster) -> None:
        cluster.kill(name)
        time.sleep(1)
        cluster.start(name)

    return away


def _stand_still(cluster: Cluster) -> None:
    """The replica receives what is written and does not follow: it grows older than it may be."""
    with psycopg.connect(cluster.replica.url(), autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
        time.sleep(AWAY_S)
        connection.execute("SELECT pg_wal_replay_resume()")


def _fail_over(cluster: Cluster) -> None:
    """The master stays away until another took its place; then it comes back, as a replica."""
    died_at = clock.now()
    cluster.kill("redis1")
    with opened(cluster.app(cluster.direct_url)):
        deadline = time.monotonic() + FOUND_WITHIN_S
        while not _woken_since(died_at) and time.monotonic() < deadline:
            time.sleep(0.5)
        if not _woken_since(died_at):
            raise AssertionError(f"no worker was woken again: {cluster.log('worker1')[-1500:]}")
    cluster.start("redis1")


def _woken_since(moment: object) -> bool:
    """Beat's heartbeat came through Redis and a worker. By then sentinels agree for some seconds."""
    db.session.rollback()
    ran_at = locks.last_run("beat")
    return ran_at is not None and ran_at - timedelta(seconds=5) > moment  # type: ignore[operator]


KILLS: dict[str, tuple[str, Callable[[Cluster], None]]] = {
    "none": ("nothing", lambda _cluster: time.sleep(AWAY_S)),
    "web": ("a web host", _one("web1")),
    "pgbouncer": ("PgBouncer, restarted", _restart("pgbouncer")),
    "replica": ("the replica", _one("replica")),
    "lag": ("the replica stands still", _stand_still),
    "worker": ("a worker host", _one("worker1")),
    "beat": ("a beat", _one("beat1")),
    "redis": ("the Redis master", _fail_over),
    "primary": ("the primary, restarted", _restart("primary")),
}


def main() -> int:
    chosen = [name for name in os.environ.get("KILLS", "").split(",") if name] or list(KILLS)
    try:
        with running() as cluster:
            morning, broken = _play(cluster, chosen)
            reckoned = morning.reckon()
            if not _replica_was_read(cluster):
                broken.append("no board was read from the replica")
    except NotAvailable as missing:
        print(f"make cluster, machines: {missing}", file=sys.stderr)
        return 1
    print_table(morning.phases)
    visible = sum(n for one in morning.phases for (_, what), n in one.answers.items() if _is_error(what))
    fields = {
        "acknowledged": {
            "check_ins": sum(len(one.members) for one in morning.phases),
            "ticks": len(morning.ticks),
            "supporters": morning.supporters,
            "texts": len(morning.texts),
        },
        **reckoned,
        "visible_errors": visible,
        "broken": broken,
        "phases": {one.name: _figures(one) for one in morning.phases},
    }
    print(json.dumps(fields))
    return int(any(reckoned.values()) or bool(visible) or bool(broken))


def _play(cluster: Cluster, chosen: list[str]) -> tuple[Morning, list[str]]:
    morning, broken = Morning(cluster), []
    morning.phase("warm-up")
    morning.begin()
    time.sleep(AFTER_S)
    for name in chosen:
        what, away = KILLS[name]
        morning.phase(what)
        try:
            away(cluster)
        except AssertionError as error:
            broken.append(f"{name}: {error}")
        time.sleep(AFTER_S)
        print(f"{what}: {_figures(morning.phases[-1])}", file=sys.stderr, flush=True)
    morning.end()
    return morning, broken


def _replica_was_read(cluster: Cluster) -> bool:
    with psycopg.connect(cluster.replica.url("mobilize")) as connection:
        [(rows,)] = connection.execute(
            "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_user_tables"
            " WHERE relname IN ('evidence', 'attendance', 'eligible')"
        )
    return bool(rows)


def print_table(phases: list[Phase]) -> None:
    """One line for each machine: what was acknowledged, and the share of requests that were not at once."""
    rows = [HEADINGS, *(_row(one) for one in phases)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEADINGS))]
    for row in rows:
        print("| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |")


def _row(phase: Phase) -> tuple[str, ...]:
    figures = _figures(phase)
    done = (str(figures[kind]) for kind in KINDS)
    shares = (f"{100 * figures[name] / max(1, figures['requests']):.1f} %" for name in ("later", "no answer"))
    return phase.name, *done, *shares, str(figures["errors"]), f"{figures['longest_gap_s']} s"


def _figures(phase: Phase) -> dict[str, float]:
    of = dict(phase.answers)
    return {
        **{kind: phase.count(kind, "done") for kind in KINDS},
        "requests": sum(of.values()),
        "later": sum(n for (_, what), n in of.items() if what == "later"),
        "no answer": sum(n for (_, what), n in of.items() if what == "no answer"),
        "errors": sum(n for (_, what), n in of.items() if _is_error(what)),
        "longest_gap_s": round(phase.longest_gap_s, 1),
    }


def _is_error(what: str) -> bool:
    return what.startswith("error") or what == "refused"


if __name__ == "__main__":
    sys.exit(main())
