"""Locks with an expiry, between processes that share only the database; and the last run of each job."""

from datetime import datetime, timedelta

from sqlalchemy import String, or_, update
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, atomic, db, insert


class Lease(Model):
    """A lock by name: held by `holder` until `until`. `ran_at` is when its job last ran."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str | None] = mapped_column(String(60))
    until: Mapped[datetime | None]
    ran_at: Mapped[datetime | None]


def acquire(name: str, holder: str, *, ttl: timedelta, now: datetime) -> bool:
    """Acquire or renew the lease for `ttl`; False while another holds it. A holder that dies loses it after
    `ttl`."""
    with atomic() as session:
        session.execute(insert(Lease).values(name=name).on_conflict_do_nothing())
        taken = session.execute(
            update(Lease)
            .where(Lease.name == name, or_(Lease.holder == holder, Lease.until.is_(None), Lease.until < now))
            .values(holder=holder, until=now + ttl)
        )
        return bool(taken.rowcount)  # type: ignore[attr-defined]


def release(name: str, holder: str) -> None:
    """Give the lease back; nothing when another holds it by now."""
    with atomic() as session:
        held = update(Lease).where(Lease.name == name, Lease.holder == holder)
        session.execute(held.values(holder=None, until=None))


def record_run(name: str, *, now: datetime) -> None:
    """Record that the job ran at `now`; a later call replaces it."""
    with atomic() as session:
        row = insert(Lease).values(name=name, ran_at=now)
        session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"ran_at": now}))


def last_run(name: str) -> datetime | None:
    """The time of the job's last run; None for never."""
    lease = db.session.get(Lease, name, populate_existing=True)
    return lease.ran_at if lease else None
