"""Rate limits, counted in the database, so that they hold across processes and through a restart.

Sign-in keys them on the issued code or the browser that asked: never on an address, since a whole picket
shares one, and never on an account, since then a stranger could lock a chair out. Lanes of texts key them on
the number that wrote.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, delete
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, UtcDateTime, atomic, db, insert


class LimitWindow(Model):
    """The count of one action in one window. The key is a hash: it names nobody."""

    __tablename__ = "limit_windows"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    used: Mapped[int]


def allow(what: str, whose: str, *, limit: int, window: timedelta, now: datetime) -> bool:
    """Count one more `what` of `whose`; False from the one after `limit` in the running `window`."""
    row = {"key": _key(what, whose), "starts_at": window_start(window, now), "used": 1}
    with atomic() as session:
        one_more = insert(LimitWindow).values(row)
        used = session.scalar(
            one_more.on_conflict_do_update(
                index_elements=["key", "starts_at"], set_={"used": LimitWindow.used + 1}
            ).returning(LimitWindow.used)
        )
    return int(used or 0) <= limit


def used_so_far(what: str, whose: str, *, window: timedelta, now: datetime) -> int:
    """The number of `what` of `whose` counted in the running `window`, those refused included."""
    key = (_key(what, whose), window_start(window, now))
    row = db.session.get(LimitWindow, key, populate_existing=True)
    return row.used if row else 0


def window_start(window: timedelta, now: datetime) -> datetime:
    """The start of the running `window`: windows follow each other from the epoch on, without a gap."""
    seconds = window.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, tz=now.tzinfo)


def forget_old(now: datetime) -> None:
    """Delete windows that ended a day ago."""
    with atomic() as session:
        session.execute(delete(LimitWindow).where(LimitWindow.starts_at < now - timedelta(days=1)))


def _key(what: str, whose: str) -> bytes:
    return hashlib.sha256(f"{what}\x1f{whose}".encode()).digest()
