"""Who did what. Rows hold ids and verbs, never names; one worker seals them into a chain, in order."""

import hashlib
import uuid
from datetime import datetime

from sqlalchemy import LargeBinary, String, select
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, atomic, db, new_id


class AuditRow(Model):
    """One deed. `seq`, `hash` and `prev` are empty until the row is sealed into the chain."""

    __tablename__ = "audit"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    seq: Mapped[int | None] = mapped_column(unique=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    verb: Mapped[str] = mapped_column(String(64))
    ref: Mapped[str] = mapped_column(String(200))
    hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    prev: Mapped[bytes | None] = mapped_column(LargeBinary(32))


def note(actor: str, verb: str, ref: object, *, now: datetime) -> None:
    """Write down one deed inside the operation that does it, so that both are stored or neither.

    `actor` is "person:<id>", "grant:<id>", "worker" or "shell"; `ref` names things by id only.
    """
    with atomic() as session:
        session.add(AuditRow(at=now, actor=actor, verb=verb, ref=str(ref)[:200]))
        session.flush()


def seal_rows(limit: int = 1000) -> int:
    """Chain up to `limit` unsealed rows in the order of their ids; returns how many. One sealer at a time."""
    with atomic() as session:
        last = session.scalar(select(AuditRow).where(AuditRow.seq.is_not(None)).order_by(AuditRow.seq.desc()))
        rows = session.scalars(
            select(AuditRow)
            .where(AuditRow.seq.is_(None))
            .order_by(AuditRow.id)
            .limit(limit)
            .with_for_update()
        ).all()
        seq, prev = (last.seq or 0, last.hash or b"") if last else (0, b"")
        for row in rows:
            seq += 1
            row.seq, row.prev = seq, prev
            row.hash = prev = chain_hash(row, prev)
        return len(rows)


def first_broken_row() -> AuditRow | None:
    """The first row whose content or place in the chain was altered; None when the chain holds."""
    prev, expected = b"", 1
    for row in db.session.scalars(select(AuditRow).where(AuditRow.seq.is_not(None)).order_by(AuditRow.seq)):
        if row.seq != expected or row.prev != prev or row.hash != chain_hash(row, prev):
            return row
        prev, expected = row.hash, expected + 1
    return None


def chain_hash(row: AuditRow, prev: bytes) -> bytes:
    """SHA-256 over the row before and everything this row says."""
    said = "\x1f".join([str(row.id), str(row.seq), row.at.isoformat(), row.actor, row.verb, row.ref])
    return hashlib.sha256(prev + said.encode()).digest()
