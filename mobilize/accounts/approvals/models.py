"""The table of approvals by a second person."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, SealedTranslated

_OPEN = text("state IN ('pending', 'approved')")


class ApprovalState(StrEnum):
    """pending -> approved -> used; pending -> declined; pending or approved -> expired, after a day."""

    PENDING = "pending"
    APPROVED = "approved"
    USED = "used"
    DECLINED = "declined"
    EXPIRED = "expired"


class Approval(Model):
    """A request to do one thing (`kind` of `ref`) that a second person has to approve.

    `summary` says in plain words and in each language what will happen; it is sealed, since a reason may
    stand in it. With an `area_id` the organizers of that area may approve it too, without one only the
    office.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        Index(
            "uq_approvals_one_open_per_kind_and_ref",
            "kind",
            "ref",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        # waiting_for() and expire(): what is still open.
        Index("ix_approvals_state", "state", "expires_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    ref: Mapped[str] = mapped_column(String(120))
    area_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("areas.id"))
    summary_enc: Mapped[bytes]
    state: Mapped[ApprovalState] = mapped_column(default=ApprovalState.PENDING)
    asked_by: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]

    summary = SealedTranslated()
