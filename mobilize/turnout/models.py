"""Tables of turnout: totals fixed at closing, reports, and statements."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ColumnElement, Computed, ForeignKey, Index, String, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.accounts.models import Person
from mobilize.actions.models import Action
from mobilize.database import Model, SealedText, new_id
from mobilize.languages import Translated
from mobilize.turnout.statements.formats import read_numbers, read_pack


class ComputedFigure(ColumnElement[int]):
    """A number of `figures`, worked out by the database itself, so that it can never say anything else."""

    inherit_cache = False

    def __init__(self, name: str):
        self.name = name


@compiles(ComputedFigure)
def _anywhere(one: ComputedFigure, _compiler: Any, **_more: Any) -> str:
    return f"CAST(figures ->> '{one.name}' AS INTEGER)"


@compiles(ComputedFigure, "postgresql")
def _as_postgres_writes_it(one: ComputedFigure, _compiler: Any, **_more: Any) -> str:
    # Word for word, since a look at what migrations made compares it.
    return f"((figures ->> '{one.name}'::text))::integer"


class ChapterTotal(Model):
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
    eligible: Mapped[int | None] = mapped_column(Computed(ComputedFigure("eligible"), persisted=True))
    came: Mapped[int | None] = mapped_column(Computed(ComputedFigure("came"), persisted=True))


class OutsideTotal(Model):
    """The counts of members who belong to none of an action's chapters, fixed with the last of its events.

    `figures`: "no_site" and "others", each the fields of `Names` or null. Versions as in `ChapterTotal`.
    """

    __tablename__ = "outside_totals"

    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    figures: Mapped[dict[str, object]] = mapped_column(JSON)
    fixed_at: Mapped[datetime]


class CallResult(StrEnum):
    """What became of a call to a silent site. `reached`: somebody answered, with a head count or without.
    `no_chair`: nobody was called, since nobody there has a number."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    NO_CHAIR = "no_chair"


class SiteCall(Model):
    """A call to the chairs of a silent site. Until `ended_at` it is a claim: nobody else is given the site
    before `claimed_until`. `chair` is whose number was called, where that matters: `person:<id>`.
    """

    __tablename__ = "site_calls"
    __table_args__ = (
        Index(
            "uq_site_calls_one_open_per_event",
            "event_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        # calls_of(): the calls of the lines on a list.
        Index("ix_site_calls_event", "event_id", "claimed_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"))
    by: Mapped[str] = mapped_column(String(64))
    claimed_at: Mapped[datetime]
    claimed_until: Mapped[datetime]
    result: Mapped[CallResult | None]
    chair: Mapped[str | None] = mapped_column(String(64))
    ended_at: Mapped[datetime | None]


class ReportKind(StrEnum):
    """Of one chapter, of the chapters of an area, of the union."""

    CHAPTER = "chapter"
    AREA = "area"
    UNION = "union"


class Report(Model):
    """A report as it was put together: by a worker at closing (version 1), and by whoever asked for it anew.

    `place_id` is the site, the area, or for the union the action itself. `figures` holds counts only (see
    `snapshots.report_as_stored`).
    """

    __tablename__ = "reports"
    __table_args__ = (
        Index(
            "uq_reports_one_per_place_and_version", "action_id", "kind", "place_id", "version", unique=True
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"))
    kind: Mapped[ReportKind]
    place_id: Mapped[uuid.UUID]
    version: Mapped[int]
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]

    action: Mapped[Action] = relationship()


class Statement(Model):
    """The number an officer published, with name and time. draft -> published, and then never changed.

    `figures` are the counts as of `as_of_at`, as `statements.formats` stores them; `numbers` and `pack` read
    them. A later version is a correction, and says why. `person_id` signed it, under the name `signed_as`.
    """

    __tablename__ = "statements"
    __table_args__ = (Index("uq_statements_one_per_action_and_version", "action_id", "version", unique=True),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"))
    version: Mapped[int]
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    as_of_at: Mapped[datetime]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    signed_as_enc: Mapped[bytes | None]
    words: Mapped[Translated] = mapped_column(default=Translated())
    reason: Mapped[Translated] = mapped_column("why", default=Translated())
    published_at: Mapped[datetime | None]

    signed_as = SealedText()
    action: Mapped[Action] = relationship()
    person: Mapped[Person] = relationship()

    @property
    def numbers(self) -> dict[str, Any]:
        """The press figures."""
        return read_numbers(self.figures)

    @property
    def pack(self) -> dict[str, Any]:
        """The challenge pack."""
        return read_pack(self.figures)


class StatementLink(Model):
    """The public address of an action's statements, for as long as the office leaves it open.

    The code opens what is meant for everybody, so it is kept as it is.
    """

    __tablename__ = "statement_links"

    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
