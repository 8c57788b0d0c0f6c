"""All checks, one after the other."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from mobilize import clock, settings
from mobilize.database import roll_back
from mobilize.observability import findings
from mobilize.observability.findings import Finding, finding
from workers.doctor import (
    backups,
    broker,
    database,
    keys,
    machine,
    processes,
    public_address,
    receivers,
)
from workers.doctor.carriers import callbacks, telnyx, twilio
from workers.doctor.http import get

Check = Callable[[datetime], Sequence[Finding]]
CHECKS: tuple[Check, ...] = (
    database.database,
    database.durability,
    database.connections,
    database.pooler,
    database.database_clock,
    keys.keys,
    keys.key_file,
    machine.disk,
    machine.zones,
    broker.redis,
    processes.workers,
    processes.texts_leave,
    processes.texts_reach_us,
    processes.words_at_the_carrier,
    public_address.public_address,
    callbacks.twilio_callbacks,
    callbacks.telnyx_callbacks,
    twilio.account,
    telnyx.account,
    backups.backups,
    backups.archive_of_log,
    receivers.receivers,
    receivers.replica_of_boards,
    backups.journal,
)
_log = logging.getLogger(__name__)


def examine(now: datetime) -> list[Finding]:
    """The findings of every check, the worst first. Changes nothing; takes some seconds, a minute where much
    does not answer. No transaction is open while something else than the database is asked."""
    results: list[Finding] = []
    for check in CHECKS:
        results += _run(check, now)
    is_away = any(one.code == "database.away" for one in results)
    return findings.worst_first([one for one in results if not (is_away and one.code == "doctor.failed")])


def examine_and_record(now: datetime) -> None:
    """Look at everything, and store it for the page and for the ping."""
    findings.record(examine(now), now=now)


def ping(now: datetime) -> None:
    """Ask for ALL_IS_WELL_URL while nothing is broken: whoever keeps watch there notices our silence."""
    address = settings().all_is_well_url
    if address and findings.is_well(now, within=3 * findings.EXAMINED_EVERY):
        roll_back()
        get(address)


def _run(check: Check, now: datetime) -> Sequence[Finding]:
    name = check.__name__.replace("_", " ")
    try:
        return check(now)
    except SQLAlchemyError as error:
        return [finding("doctor.failed", check=name, error=type(error).__name__)]
    except Exception as error:
        _log.exception("a check failed")
        return [finding("doctor.failed", check=name, error=type(error).__name__)]
    finally:
        roll_back()


def examine_now() -> list[Finding]:
    """The findings at this moment."""
    return examine(clock.now())
