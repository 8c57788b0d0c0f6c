"""The tables of legal holds, visits to the member's page, and exports."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.accounts.models import Person
from mobilize.actions.models import Action
from mobilize.database import Model, SealedText


class LegalHold(Model):
    """Nothing of this action (of every action, when it names none) is forgotten until it is released."""

    __tablename__ = "legal_holds"
    __table_args__ = (
        # Asked before anything is forgotten.
        Index("ix_legal_holds_action", "action_id", "released_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("actions.id"))
    reason_enc: Mapped[bytes]
    placed_by: Mapped[str] = mapped_column(String(64))
    placed_at: Mapped[datetime]
    released_by: Mapped[str | None] = mapped_column(String(64))
    released_at: Mapped[datetime | None]

    reason = SealedText()

    action: Mapped[Action | None] = relationship()


class Visit(Model):
    """One browser may look at what is held about whoever has this phone, for a quarter of an hour.

    `member_id` is set once it is clear which member it is; several may share a phone.
    """

    __tablename__ = "visits"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    phone_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"))
    began_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class ExportKind(StrEnum):
    """Counts by default; names, and their hours, with a reason; phones with a second person."""

    COUNTS = "counts"
    NAMES = "names"
    PHONES = "phones"
    HOURS = "hours"


class ExportFormat(StrEnum):
    """A table; for one chapter its report on paper; or what another program reads (`exports.programs`)."""

    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"
    OSDI = "osdi"
    VAN = "van"
    ACTION_NETWORK = "action_network"
    ACTION_BUILDER = "action_builder"
    BROADSTRIPES = "broadstripes"
    NATIONBUILDER = "nationbuilder"
    PAYROLL = "payroll"


class Export(Model):
    """A file somebody asked for. It is made when they fetch it, once, within a day; none is stored.

    With `site_id` it is of that chapter alone, else of all they see of the action. `people` counts the
    rows of phones: when it was asked for, and then as it left; a second person's yes (`agreed_at`) holds for
    so many.
    """

    __tablename__ = "exports"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    site_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sites.id"))
    kind: Mapped[ExportKind]
    format: Mapped[ExportFormat]
    reason_enc: Mapped[bytes | None]
    made_at: Mapped[datetime]
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    people: Mapped[int | None]
    agreed_at: Mapped[datetime | None]

    reason = SealedText()

    action: Mapped[Action] = relationship()
    person: Mapped[Person] = relationship()
