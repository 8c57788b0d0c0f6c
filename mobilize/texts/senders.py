"""The senders: how fast each may go, and whether it stands still."""

from datetime import datetime

from sqlalchemy import update

from mobilize import settings
from mobilize.database import atomic, insert, new_id
from mobilize.texts.models import Sender

MAIN_SENDER = "main"


def pause_sending(why: str, *, now: datetime, sender: str = MAIN_SENDER) -> None:
    """Claim nothing but codes for this sender until `resume_sending`; what waits keeps waiting."""
    with atomic() as session:
        add_sender(sender, now=now)
        row = session.get_one(Sender, sender, with_for_update=True)
        row.paused_at, row.paused_why = now, why
        session.flush()


def resume_sending(*, sender: str = MAIN_SENDER) -> None:
    """Claim again. What has become useless meanwhile is dropped, not sent late."""
    with atomic() as session:
        session.execute(
            update(Sender).where(Sender.name == sender).values(paused_at=None, paused_why_enc=None)
        )


def add_sender(name: str, *, now: datetime) -> None:
    """The sender's row, with a second's worth of tokens; nothing when it is there."""
    rate = settings().segments_per_second
    fresh = {"id": new_id(), "name": name, "rate": rate, "tokens": rate, "refilled_at": now}
    with atomic() as session:
        session.execute(insert(Sender).values(fresh).on_conflict_do_nothing())
