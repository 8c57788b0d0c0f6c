"""Copies of PostgreSQL's log elsewhere: its receivers (docs/backup.md), and the replica for boards."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from mobilize.database import db, is_postgres, replica
from mobilize.observability.findings import Finding, finding

# A receiver says what it has when a piece of the log (16 MB) is complete: four pieces are more than that.
LATE_MB = 64
# A slot is made for a receiver that is meant to stay. Every role may read slots; who is connected, only some.
_SLOTS = text(
    "SELECT slot_name, active, wal_status, (pg_current_wal_lsn() - restart_lsn) / 1048576"
    " FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT temporary AND NOT pg_is_in_recovery()"
    " ORDER BY slot_name"
)


def receivers(_now: datetime) -> Sequence[Finding]:
    """Whether each receiver that has a slot is there, and takes the log as fast as it is written."""
    if not is_postgres():
        return []
    return [_state_of(*row) for row in db.session.execute(_SLOTS)]


def replica_of_boards(_now: datetime) -> Sequence[Finding]:
    """Whether the replica that is set, if one is, holds what was stored by now within its seconds."""
    seconds = replica.oldest_seconds()
    if not seconds:
        return []
    return [
        finding("replica.ok") if replica.catches_up() else finding("replica.late", seconds=round(seconds))
    ]


def _state_of(name: str, active: bool, wal_status: str | None, behind_mb: float | None) -> Finding:
    megabytes = round(behind_mb or 0)
    if wal_status == "lost":
        return finding("receiver.lost", name=name)
    if not active:
        return finding("receiver.away", name=name, megabytes=megabytes)
    return finding("receiver.late" if megabytes > LATE_MB else "receiver.ok", name=name, megabytes=megabytes)
