"""Totals that were fixed when an event closed."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Computed, ForeignKey, Index
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model


class InFigures(ColumnElement[int]):
    """A number of `figures`, worked out by the database itself, so that it can never say anything else."""

    inherit_cache = False

    def __init__(self, name: str):
        self.name = name


@compiles(InFigures)
def _anywhere(one: InFigures, _compiler: Any, **_more: Any) -> str:
    return f"CAST(figures ->> '{one.name}' AS INTEGER)"


@compiles(InFigures, "postgresql")
def _as_postgres_writes_it(one: InFigures, _compiler: Any, **_more: Any) -> str:
    # Word for word, since a look at what migrations made compares it.
    return f"((figures ->> '{one.name}'::text))::integer"


class Total(Model):
    """The counts of one chapter in one action as they stood at closing, and as corrected since.

    Version 1 is fixed at closing; each correction is a further version. `figures` holds counts only;
    `eligible` and `came` are two of them, for whoever reads many.
    """

    __tablename__ = "totals"
    __table_args__ = (
        Index("uq_totals_one_per_chapter_and_version", "action_id", "chapter_id", "version", unique=True),
        # The matrix: all it asks for stands in here.
        Index("ix_totals_shares", "action_id", "chapter_id", "version", "eligible", "came"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"))
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"))
    chapter_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id"))
    version: Mapped[int]
    figures: Mapped[dict[str, object]] = mapped_column(JSON)
    fixed_at: Mapped[datetime]
    eligible: Mapped[int | None] = mapped_column(Computed(InFigures("eligible"), persisted=True))
    came: Mapped[int | None] = mapped_column(Computed(InFigures("came"), persisted=True))


class OutsideTotal(Model):
    """The counts of members who belong to none of an action's chapters, fixed with the last of its events.

    `figures`: "no_site" and "others", each the fields of `Names` or null. Versions as in `Total`.
    """

    __tablename__ = "outside_totals"

    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    figures: Mapped[dict[str, object]] = mapped_column(JSON)
    fixed_at: Mapped[datetime]
