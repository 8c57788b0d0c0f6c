"""What was last seen of a protection, and when: written by workers, read by the page that lists them."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, atomic, db, insert


class Observation(Model):
    """One thing that is watched, by name; `value` is a word for machines, never a personal datum."""

    __tablename__ = "observations"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    seen_at: Mapped[datetime]


def observe(name: str, value: str, *, now: datetime) -> None:
    """It is like this now; what was seen before is forgotten."""
    with atomic() as session:
        row = insert(Observation).values(name=name, value=value, seen_at=now)
        newer = {"value": value, "seen_at": now}
        session.execute(row.on_conflict_do_update(index_elements=["name"], set_=newer))


def observe_first(name: str, value: str, *, now: datetime) -> None:
    """Like `observe`, but the first time stays."""
    with atomic() as session:
        row = insert(Observation).values(name=name, value=value, seen_at=now)
        session.execute(row.on_conflict_do_nothing(index_elements=["name"]))


def last_seen(name: str) -> Observation | None:
    """What was seen; None when nobody has looked yet."""
    return db.session.get(Observation, name, populate_existing=True)
