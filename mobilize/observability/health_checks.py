"""The latest result of each check of a protection: written by workers, read by the page that lists them."""

from datetime import datetime

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, atomic, db, insert


class HealthCheck(Model):
    """The latest result of one check, by name; `value` is for machines and never a personal datum."""

    __tablename__ = "health_checks"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    seen_at: Mapped[datetime]


def record(name: str, value: str, *, now: datetime) -> None:
    """Record `value` as the result; it replaces the one before."""
    with atomic() as session:
        row = insert(HealthCheck).values(name=name, value=value, seen_at=now)
        newer = {"value": value, "seen_at": now}
        session.execute(row.on_conflict_do_update(index_elements=["name"], set_=newer))


def record_first(name: str, value: str, *, now: datetime) -> None:
    """Record `value` unless a result is there: the first one stays."""
    with atomic() as session:
        row = insert(HealthCheck).values(name=name, value=value, seen_at=now)
        session.execute(row.on_conflict_do_nothing(index_elements=["name"]))


def latest(name: str) -> HealthCheck | None:
    """The latest result; None when nothing was recorded yet."""
    return db.session.get(HealthCheck, name, populate_existing=True)


def named(prefix: str) -> list[str]:
    """The rest of the names of those that begin so."""
    rows = db.session.scalars(
        select(HealthCheck.name).where(HealthCheck.name.startswith(prefix, autoescape=True))
    )
    return [name.removeprefix(prefix) for name in rows]


def forget(prefix: str) -> None:
    """Delete those whose names begin so."""
    with atomic() as session:
        session.execute(delete(HealthCheck).where(HealthCheck.name.startswith(prefix, autoescape=True)))
