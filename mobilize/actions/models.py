"""Campaigns, their actions, and the events at which people stand."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize import settings
from mobilize.database import Model
from mobilize.languages import Translated
from mobilize.roster.models import Area, Site


class ActionKind(StrEnum):
    """`count` has no line: a sticker day, a petition."""

    PICKET = "picket"
    RALLY = "rally"
    STRIKE = "strike"
    COUNT = "count"


class EventState(StrEnum):
    """planned -> closed, or planned -> called_off. Whether it is open now is a matter of the clock."""

    PLANNED = "planned"
    CLOSED = "closed"
    CALLED_OFF = "called_off"


class Campaign(Model):
    """A run of escalating actions. Demands are lines of text; they stand on posters and receipts."""

    __tablename__ = "campaigns"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[Translated]
    demands: Mapped[Translated] = mapped_column(default=Translated())
    forget_after_days: Mapped[int] = mapped_column(default=90)
    made_at: Mapped[datetime]

    actions: Mapped[list["Action"]] = relationship(back_populates="campaign")


class Action(Model):
    """One step of a campaign. `owner_site_id` is set for a chair's local action at their own site.

    `forgotten_at`: nothing links a person to it any more; its rows stay as counts (`mobilize.privacy`).
    `line_finder_at`: since when anybody may look up where its lines are (`line_finder`). `photos_at`: since
    when its lines may send photos (`checkins.photos`).
    """

    __tablename__ = "actions"
    __table_args__ = (
        # open_finder(): the few whose lines anybody may look up.
        Index(
            "ix_actions_line_finder",
            "line_finder_at",
            sqlite_where=text("line_finder_at IS NOT NULL"),
            postgresql_where=text("line_finder_at IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("campaigns.id"), index=True)
    kind: Mapped[ActionKind]
    name: Mapped[Translated]
    owner_site_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sites.id"))
    drill: Mapped[bool] = mapped_column(default=False)
    elsewhere_ok: Mapped[bool] = mapped_column(default=True)
    target_percent: Mapped[int] = mapped_column(default=75)
    close_after_minutes: Mapped[int] = mapped_column(default=180)
    ask_count_after_minutes: Mapped[int] = mapped_column(default=15)
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(64))
    called_off_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]
    line_finder_at: Mapped[datetime | None]
    photos_at: Mapped[datetime | None]

    campaign: Mapped[Campaign | None] = relationship(back_populates="actions")
    events: Mapped[list["Event"]] = relationship(back_populates="action")


class Event(Model):
    """An action at one place. The code on the poster stays good when place or time change.

    `version` grows with every change members have to be told of. `frozen_at` is when the denominator of its
    chapters was fixed, `moved_at` when its time or place last changed. A rally has a venue instead of a site.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index(
            "uq_events_one_per_action_and_site",
            "action_id",
            "site_id",
            unique=True,
            sqlite_where=text("state <> 'called_off'"),
            postgresql_where=text("state <> 'called_off'"),
        ),
        # Every look at a board asks for an action's events; the unique key above leaves some of them out.
        Index("ix_events_action", "action_id"),
        # And workers, and a series, for the few that are not closed yet.
        Index(
            "ix_events_planned",
            "action_id",
            sqlite_where=text("state = 'planned'"),
            postgresql_where=text("state = 'planned'"),
        ),
        Index("ix_events_site", "site_id", "starts_at"),
        Index("ix_events_starts", "starts_at"),
        Index("ix_events_text_code", "text_code", "ends_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"))
    site_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sites.id"))
    area_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("areas.id"))
    venue: Mapped[str] = mapped_column(String(200), default="")
    meet_at: Mapped[str] = mapped_column(String(200), default="")
    tz: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(16), unique=True)
    text_code: Mapped[str] = mapped_column(String(6))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[EventState] = mapped_column(default=EventState.PLANNED)
    version: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[datetime]
    frozen_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    moved_at: Mapped[datetime | None]

    action: Mapped[Action] = relationship(back_populates="events")
    site: Mapped[Site | None] = relationship()
    area: Mapped[Area | None] = relationship()
    shifts: Mapped[list["Shift"]] = relationship(back_populates="event", order_by="Shift.starts_at")
    chapters: Mapped[list["EventChapter"]] = relationship(back_populates="event")

    @property
    def place(self) -> str:
        """The place for a page or a poster: the site or the venue."""
        return self.site.name if self.site else self.venue

    @property
    def check_in_address(self) -> str:
        """The address in the poster's QR code: works in any case of letters."""
        return check_in_address(self.code)

    @property
    def is_called_off(self) -> bool:
        return self.state is EventState.CALLED_OFF


class OldCode(Model):
    """A code that leaked and was replaced: kept for ever, given to no other event, and not valid for
    check-ins after `replaced_at`."""

    __tablename__ = "old_codes"
    __table_args__ = (
        Index("ix_old_codes_event", "event_id"),
        Index("ix_old_codes_text_code", "text_code"),
    )

    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    text_code: Mapped[str] = mapped_column(String(6))
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"))
    replaced_at: Mapped[datetime]


class EventChapter(Model):
    """A chapter's home event in an action: it gives the chapter its one denominator."""

    __tablename__ = "event_chapters"
    __table_args__ = (
        Index(
            "uq_event_chapters_one_home_per_action",
            "action_id",
            "site_id",
            unique=True,
            sqlite_where=text("gone_at IS NULL"),
            postgresql_where=text("gone_at IS NULL"),
        ),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"), primary_key=True)
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id"), primary_key=True)
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"))
    gone_at: Mapped[datetime | None]

    event: Mapped[Event] = relationship(back_populates="chapters")
    site: Mapped[Site] = relationship()


class Shift(Model):
    """A part of an event's day; every event has at least one."""

    __tablename__ = "shifts"
    __table_args__ = (Index("ix_shifts_event", "event_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]

    event: Mapped[Event] = relationship(back_populates="shifts")


class Eligible(Model):
    """A member who counted into the denominator when their chapter's home event started.

    `member_id` is emptied when the action is forgotten; the row, with its chapter, stays and counts.
    """

    __tablename__ = "eligible"
    __table_args__ = (
        UniqueConstraint("action_id", "member_id", name="uq_eligible_once_per_action_and_member"),
        Index("ix_eligible_chapter", "action_id", "chapter_id"),
        Index("ix_eligible_member", "member_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"))
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"))
    chapter_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sites.id"))
    event_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("events.id"))


def check_in_address(code: str) -> str:
    """The address of an event's check-in page."""
    return f"{settings().public_base_url}/c/{code}"
