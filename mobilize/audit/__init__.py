"""The audit log: who did what. Rows hold ids and verbs, never names; a worker chains them by hashes."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import LargeBinary, Select, String, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from mobilize.database import Model, atomic, db, insert, is_postgres, new_id
from mobilize.keys import crypto
from mobilize.observability import health_checks

HEAD, VERIFIED = "audit.head", "audit.verified"
_ADVISORY_LOCK = 4_620_101  # Any number, as long as nothing else of ours takes the same one.


class AuditRow(Model):
    """One audited operation. `seq`, `hash` and `prev` are empty until the row is sealed into the chain."""

    __tablename__ = "audit"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    seq: Mapped[int | None] = mapped_column(unique=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    verb: Mapped[str] = mapped_column(String(64))
    ref: Mapped[str] = mapped_column(String(200))
    hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    prev: Mapped[bytes | None] = mapped_column(LargeBinary(32))


@dataclass(frozen=True)
class ChainCheck:
    """The result of verifying the chain. `broken` is the first number that was altered, `why` the reason."""

    sealed: int
    unsealed: int
    broken: int | None = None
    row_id: uuid.UUID | None = None
    why: str = ""

    @property
    def holds(self) -> bool:
        return self.broken is None


def note(actor: str, verb: str, ref: object, *, now: datetime) -> None:
    """Store one audit row inside the operation that it is about, so that both are stored or neither.

    `actor` is "person:<id>", "grant:<id>", "member", "worker" or "shell"; `ref` names things by id only.
    """
    note_all(actor, verb, [ref], now=now)


def note_all(actor: str, verb: str, refs: Iterable[object], *, now: datetime) -> None:
    """Store one audit row for each of many `refs`: see `note`."""
    rows = [{"at": now, "actor": actor, "verb": verb, "ref": str(ref)[:200]} for ref in refs]
    with atomic() as session:
        session.flush()
        if rows:
            session.execute(insert(AuditRow.__table__), rows)


def is_noted(verb: str, ref: object, *, at: datetime) -> bool:
    """Whether an operation of that moment is in this database."""
    this = AuditRow.verb == verb, AuditRow.ref == str(ref), AuditRow.at == at
    return db.session.scalar(select(AuditRow.id).where(*this).limit(1)) is not None


def seal_rows(*, now: datetime, limit: int = 1000) -> int:
    """Chain up to `limit` unsealed rows in the order of their ids; returns how many. Two take turns."""
    with atomic() as session:
        _one_sealer(session)
        rows = session.scalars(unsealed(now).order_by(AuditRow.id).limit(limit)).all()
        if not rows:
            return 0
        last = session.scalar(_sealed().order_by(AuditRow.seq.desc()).limit(1))
        seq, prev = (last.seq or 0, last.hash or b"") if last else (0, b"")
        for row in rows:
            seq += 1
            row.seq, row.prev = seq, prev
            row.hash = prev = chain_hash(row, prev)
        health_checks.record(HEAD, f"{seq}:{prev.hex()}", now=now)
        return len(rows)


def unsealed(_now: datetime) -> Select[AuditRow]:
    """SELECT of the rows that are not in the chain yet."""
    return select(AuditRow).where(AuditRow.seq.is_(None))


def verify() -> ChainCheck:
    """Walk the whole chain. A row that was altered, put elsewhere or taken out is named by its number.

    It cannot see rows deleted before they were sealed (seconds), nor a whole database restored to an earlier
    state; against the latter, keep its result (number and time) outside.
    """
    # Before the rows: workers seal while this walks, and an end read later lies beyond what was walked.
    head = health_checks.latest(HEAD)
    is_whole = head is None
    unsealed = db.session.scalar(select(func.count(AuditRow.id)).where(AuditRow.seq.is_(None))) or 0
    prev, number = b"", 0
    for row in db.session.scalars(_sealed().order_by(AuditRow.seq).execution_options(yield_per=1000)):
        number += 1
        if row.seq != number:
            return ChainCheck(number - 1, unsealed, number, row.id, "missing")
        if row.prev != prev or row.hash != chain_hash(row, prev):
            return ChainCheck(number - 1, unsealed, number, row.id, "altered")
        prev = row.hash or b""
        is_whole |= head is not None and head.value == f"{number}:{prev.hex()}"
    if not is_whole:
        return ChainCheck(number, unsealed, number + 1, None, "missing")
    return ChainCheck(number, unsealed)


def verify_and_note(*, now: datetime) -> ChainCheck:
    """Verify the chain, and record the result for the page of protections."""
    check = verify()
    health_checks.record(VERIFIED, "holds" if check.holds else f"broken:{check.broken}", now=now)
    return check


def rows(
    *,
    verb: str = "",
    actors: Sequence[str] | None = None,
    refs: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[AuditRow]:
    """A query for rows, newest first: of this verb or its kind ("role" finds role.give.chair), by one of
    `actors` or about one of `refs`, from `since` to before `until`."""
    query = select(AuditRow).order_by(AuditRow.id.desc())
    if verb:
        query = query.where(or_(AuditRow.verb == verb, AuditRow.verb.startswith(f"{verb}.", autoescape=True)))
    if actors is not None:
        about = [AuditRow.ref.contains(ref, autoescape=True) for ref in refs]
        query = query.where(or_(AuditRow.actor.in_(actors), *about))
    if since:
        query = query.where(AuditRow.at >= since)
    return query.where(AuditRow.at < until) if until else query


def verbs() -> list[str]:
    """All verbs in the audit, for the page's filter."""
    return list(db.session.scalars(select(AuditRow.verb).distinct().order_by(AuditRow.verb)))


def chain_hash(row: AuditRow, prev: bytes) -> bytes:
    """A keyed hash over the row before and the content of this row."""
    content = "\x1f".join([str(row.id), str(row.seq), row.at.isoformat(), row.actor, row.verb, row.ref])
    return crypto.link(prev + content.encode())


def _sealed() -> Select[AuditRow]:
    return select(AuditRow).where(AuditRow.seq.is_not(None))


def _one_sealer(session: Session) -> None:
    """Serialize sealing on PostgreSQL. SQLite has one writer anyway."""
    if is_postgres():
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
