"""Limits that live in the database, so that they hold across processes and through a restart.

Only sign-in uses them, keyed on the issued code or the browser that asked: never on an address, since a
whole picket shares one, and never on an account, since then a stranger could lock a chair out.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, delete
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, Moment, atomic, insert


class LimitWindow(Model):
    """How often something happened in one span of time. The key is a hash: it names nobody."""

    __tablename__ = "limit_windows"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    used: Mapped[int]


def allow(what: str, whose: str, *, most: int, per: timedelta, now: datetime) -> bool:
    """Count one more `what` of `whose`; False from the one after `most` in the running window of `per`."""
    start = datetime.fromtimestamp(
        now.timestamp() // per.total_seconds() * per.total_seconds(), tz=now.tzinfo
    )
    key = hashlib.sha256(f"{what}\x1f{whose}".encode()).digest()
    with atomic() as session:
        one_more = insert(LimitWindow).values(key=key, starts_at=start, used=1)
        used = session.scalar(
            one_more.on_conflict_do_update(
                index_elements=["key", "starts_at"], set_={"used": LimitWindow.used + 1}
            ).returning(LimitWindow.used)
        )
    return int(used or 0) <= most


def forget_old(now: datetime) -> None:
    """Delete windows that ended a day ago."""
    with atomic() as session:
        session.execute(delete(LimitWindow).where(LimitWindow.starts_at < now - timedelta(days=1)))
