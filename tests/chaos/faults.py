"""The faults of `make chaos ONLY=all`, each where it strikes. Of one place at most one strikes at a time."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import psycopg
import redis

from bench.process_use import tree
from tests.chaos import checkin, disk
from tests.chaos.service import CLOCK, HOSTS, Service, another_clock

# How long what stands still, is locked, full or wrong stays so.
LASTS_S = float(os.environ.get("LASTS_SECONDS") or 12)
WEB, DATABASE, REDIS, WORKERS, CARRIER = "web", "database", "redis", "workers", "carrier"


@dataclass(frozen=True)
class Fault:
    """What `strikes` breaks, for some seconds, and mends as far as a machine's own supervision would."""

    name: str
    place: str
    strikes: Callable[[Service], None]
    is_possible: Callable[[Service], bool] = lambda _service: True


def choose(dice: random.Random, service: Service, decks: dict[str, list[Fault]]) -> list[Fault]:
    """One to three faults, of as many places. `decks` are what is left of each place's; when one is through
    it is shuffled anew, so that every fault has its turn before any comes twice."""
    places = [place for place in (WEB, DATABASE, REDIS, WORKERS, CARRIER) if _of(place, service)]
    weights = [len(_of(place, service)) for place in places]
    chosen: list[Fault] = []
    for _ in range(dice.choice((1, 2, 2, 3))):
        place = dice.choices(places, weights)[0]
        if place not in {fault.place for fault in chosen}:
            if not decks.get(place):
                decks[place] = dice.sample(_of(place, service), len(_of(place, service)))
            chosen.append(decks[place].pop())
    return chosen


def _of(place: str, service: Service) -> list[Fault]:
    return [fault for fault in FAULTS if fault.place == place and fault.is_possible(service)]


def _on_line(fault: Callable[..., None]) -> Callable[[Service], None]:
    return lambda service: fault(service.line)


# The database.


def _restart(service: Service) -> None:
    """As `systemctl restart` does it: nobody is waited for."""
    os.kill(service.server._postmaster(), signal.SIGINT)
    service.server.process.wait(20)
    service.server.start()


def _fail_syncs(service: Service) -> None:
    """PostgreSQL gives up when a sync fails; it is started when the disk is good again."""
    with disk.failing_syncs(tree(service.server._postmaster())):
        time.sleep(3)
    _start_database(service)


def _migrate(service: Service) -> None:
    """A column is added beside the writing, and the web's processes are renewed."""
    with psycopg.connect(service.direct_url, autocommit=True, application_name="chaos") as connection:
        connection.execute("SET lock_timeout = '300ms'")
        name = f"chaos_{time.monotonic_ns()}"
        for _try in range(30):
            with suppress(psycopg.errors.LockNotAvailable):
                connection.execute(f"ALTER TABLE evidence ADD COLUMN {name} integer DEFAULT 0 NOT NULL")
                break
            time.sleep(0.2)
    with suppress(ProcessLookupError):
        os.kill(service.line.pids()[0], signal.SIGHUP)
    time.sleep(4)


def _start_database(service: Service) -> None:
    with suppress(subprocess.TimeoutExpired):  # it may have mended itself
        service.server.process.wait(10)
    if service.server.process.poll() is not None:
        service.server.start()


# Redis.


def _kill_redis(service: Service) -> None:
    service.redis.crash()
    time.sleep(3)
    service.redis.start()


def _fill_redis(service: Service) -> None:
    with redis.Redis.from_url(service.redis.url) as client:
        client.config_set("maxmemory", 1)
        time.sleep(LASTS_S / 2)
        client.config_set("maxmemory", 0)


# Workers and their clocks.


def _kill_queue(service: Service) -> None:
    """One process of a host, which has a queue of its own."""
    _kill(_below(service, HOSTS[0])[-1:])


def _kill_host_parent(service: Service) -> None:
    """What it has forked lives on until it notices."""
    _kill(_below(service, HOSTS[1])[:1])


def _freeze(name: str, service: Service) -> None:
    checkin.stand_still(*tree(service.running[name].pid))


def _no_clock(service: Service) -> None:
    """Nothing keeps time while things become due."""
    for name in (*HOSTS, CLOCK):
        service.kill(name)
    time.sleep(LASTS_S / 2)


def _die_at(step: str, service: Service) -> None:
    """The next process of a host that comes to this step of a text's way dies there."""
    armed = service.folder / f"{step}.armed"
    armed.touch()
    service.live(HOSTS[0], FAILPOINT=f"{step}:{armed}")
    time.sleep(LASTS_S)
    service.live(HOSTS[0])


def _wrong_clock(by: str, service: Service) -> None:
    """A host whose clock is off, beside one whose is right."""
    service.live(HOSTS[1], **another_clock(by))
    time.sleep(LASTS_S)
    service.live(HOSTS[1])


# The carrier.


def _carrier(service: Service, *, seconds: float = LASTS_S, **values: object) -> None:
    """It behaves so for a while, and then as before."""
    faults = service.carrier.faults
    before = {name: getattr(faults, name) for name in values}
    faults.update(values)
    time.sleep(seconds)
    faults.update(before)


def _spoil(**shares: float) -> Callable[[Service], None]:
    return partial(_carrier, shares=shares)


def _below(service: Service, name: str) -> list[int]:
    """The processes of a host, its parent first."""
    return tree(service.running[name].pid)[1:]


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _has_disk(service: Service) -> bool:
    return service.line.disk is not None


def _may_trace(_service: Service) -> bool:
    return disk.is_possible()


def _can_be_wrong(_service: Service) -> bool:
    return bool(another_clock("+1h"))


FAULTS = (
    Fault("web: kill -9 of a process that answers", WEB, _on_line(checkin.kill_worker)),
    Fault("web: kill -9 of all of it", WEB, _on_line(checkin.kill_parent)),
    Fault("web: a process stands still", WEB, _on_line(checkin.freeze_worker)),
    Fault("web: its parent stands still", WEB, _on_line(checkin.freeze_parent)),
    Fault("web: renewed under load", WEB, _on_line(checkin.renew_workers)),
    Fault("web: no more files", WEB, _on_line(checkin.few_files)),
    Fault("web: no more memory", WEB, _on_line(checkin.little_memory)),
    Fault("database: kill -9", DATABASE, _on_line(checkin.restart_postgres)),
    Fault("database: restarted", DATABASE, _restart),
    Fault("database: stands still", DATABASE, _on_line(checkin.freeze_postgres)),
    Fault("database: a table is locked", DATABASE, _on_line(checkin.lock_table)),
    Fault("database: out of connections", DATABASE, _on_line(checkin.out_of_connections)),
    Fault("database: connections cut, also after COMMIT", DATABASE, _on_line(checkin.cut_connections)),
    Fault("database: disk full", DATABASE, _on_line(checkin.fill_disk), _has_disk),
    Fault("database: syncs fail", DATABASE, _fail_syncs, _may_trace),
    Fault("database: a migration while the web is renewed", DATABASE, _migrate),
    Fault("redis: kill -9", REDIS, _kill_redis),
    Fault(
        "redis: stands still", REDIS, lambda service: checkin.stand_still(*tree(service.redis.process.pid))
    ),
    Fault("redis: emptied", REDIS, lambda service: service.redis.empty()),
    Fault("redis: full", REDIS, _fill_redis),
    Fault("worker: kill -9 of a host", WORKERS, lambda service: service.kill(HOSTS[0])),
    Fault("worker: kill -9 of a host's parent", WORKERS, _kill_host_parent),
    Fault("worker: kill -9 of one queue's process", WORKERS, _kill_queue),
    Fault("worker: a host stands still", WORKERS, partial(_freeze, HOSTS[1])),
    Fault("worker: kill -9 between claim and call", WORKERS, partial(_die_at, "calling")),
    Fault("worker: kill -9 between the carrier's yes and our note", WORKERS, partial(_die_at, "called")),
    Fault("clock: kill -9 of beat", WORKERS, lambda service: service.kill(CLOCK)),
    Fault("clock: beat stands still", WORKERS, partial(_freeze, CLOCK)),
    Fault("clock: none, over the time that texts are due", WORKERS, _no_clock),
    Fault("clock: a host is an hour ahead", WORKERS, partial(_wrong_clock, "+1h"), _can_be_wrong),
    Fault("clock: a host is an hour behind", WORKERS, partial(_wrong_clock, "-1h"), _can_be_wrong),
    Fault("carrier: 429 for most", CARRIER, _spoil(**{"429": 0.7})),
    Fault("carrier: answers 500, and took some", CARRIER, _spoil(**{"500": 0.4, "500_accepted": 0.4})),
    Fault("carrier: hangs", CARRIER, _spoil(hang=0.5)),
    Fault("carrier: takes it, then no answer", CARRIER, _spoil(hang_accepted=0.3, drop_accepted=0.4)),
    Fault("carrier: takes it, answers garbage", CARRIER, _spoil(garbage_accepted=0.8)),
    Fault("carrier: receipts lost", CARRIER, partial(_carrier, receipts_lost=1.0)),
    Fault("carrier: receipts doubled", CARRIER, partial(_carrier, receipts_doubled=1.0)),
    Fault("carrier: receipts reversed", CARRIER, partial(_carrier, receipts_reversed=True)),
    Fault("carrier: receipts late", CARRIER, partial(_carrier, receipt_delay_ms=30_000)),
    Fault(
        "carrier: log unreadable, and some calls cut",
        CARRIER,
        partial(_carrier, list_trouble="500", shares={"drop_accepted": 0.5}, seconds=4),
    ),
)
