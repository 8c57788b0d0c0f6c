"""What was put together of an action: reports as they were made, and statements an officer signed off."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.accounts.models import Person
from mobilize.actions.models import Action
from mobilize.database import Model, Sealed


class ReportKind(StrEnum):
    """Of one chapter, of the chapters of an area, of the union."""

    CHAPTER = "chapter"
    AREA = "area"
    UNION = "union"


class Report(Model):
    """A report as it was put together: by a worker at closing (version 1), and by whoever asked for it anew.

    `place_id` is the site, the area, or for the union the action itself. `figures` holds counts only, in the
    shape of `spreadsheet.as_json`.
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

    `figures` are the counts as of `as_of_at`, the challenge pack among them (see `statement_figures`). A
    later version is a correction, and says why. `person_id` signed it, under the name `signed_as`.
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
    words_en: Mapped[str] = mapped_column(Text, default="")
    words_es: Mapped[str] = mapped_column(Text, default="")
    why_en: Mapped[str] = mapped_column(Text, default="")
    why_es: Mapped[str] = mapped_column(Text, default="")
    published_at: Mapped[datetime | None]

    signed_as = Sealed()
    action: Mapped[Action] = relationship()
    person: Mapped[Person] = relationship()

    def words_in(self, language: str) -> str:
        return self.words_es if language == "es" else self.words_en

    def why_in(self, language: str) -> str:
        return self.why_es if language == "es" else self.why_en


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
