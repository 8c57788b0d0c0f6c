"""Whose turn it is, among processes that share nothing but the database; and when something last ran."""

from datetime import datetime, timedelta

from sqlalchemy import String, or_, update
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, atomic, db, insert


class Lease(Model):
    """One turn: `holder` has it until `until`. `ran_at` is when it last did what it is for."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str | None] = mapped_column(String(60))
    until: Mapped[datetime | None]
    ran_at: Mapped[datetime | None]


def take(name: str, holder: str, *, lasts: timedelta, now: datetime) -> bool:
    """Take or renew the lease; False while somebody else holds it. A holder that dies loses it when it
    ends."""
    with atomic() as session:
        session.execute(insert(Lease).values(name=name).on_conflict_do_nothing())
        taken = session.execute(
            update(Lease)
            .where(Lease.name == name, or_(Lease.holder == holder, Lease.until.is_(None), Lease.until < now))
            .values(holder=holder, until=now + lasts)
        )
        return bool(taken.rowcount)  # type: ignore[attr-defined]


def note_run(name: str, *, now: datetime) -> None:
    """It ran. Twice keeps the later moment."""
    with atomic() as session:
        row = insert(Lease).values(name=name, ran_at=now)
        session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"ran_at": now}))


def last_run(name: str) -> datetime | None:
    """When it last ran; None for never."""
    lease = db.session.get(Lease, name, populate_existing=True)
    return lease.ran_at if lease else None
