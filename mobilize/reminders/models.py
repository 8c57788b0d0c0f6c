"""Which texts an action sends on its own, and what members answered."""

import uuid
from datetime import datetime, time
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, Time, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.actions.models import Action
from mobilize.database import Model, Sealed


class RuleKind(StrEnum):
    """What a rule sends: to members the day before, within the hour before, as an early call to those who
    agreed, and afterwards; to chairs the briefing and the question for the head count."""

    DAY_BEFORE = "day_before"
    HOUR_BEFORE = "hour_before"
    EARLY_CALL = "early_call"
    BRIEFING = "briefing"
    COUNT_QUESTION = "count_question"
    THANKS = "thanks"


# Rules whose texts go to the members of an event's chapters.
TO_MEMBERS = (RuleKind.DAY_BEFORE, RuleKind.HOUR_BEFORE, RuleKind.EARLY_CALL)


class ReminderRule(Model):
    """One rule of one action. `at_local` on the day `days_before` the event, where the event is;
    or `minutes_before` its start. The question to the chairs has the three steps of its ladder, each in
    minutes after the start: asked, asked again, on the call list. An early call has a `reason`."""

    __tablename__ = "reminder_rules"
    __table_args__ = (
        UniqueConstraint("action_id", "kind", name="uq_reminder_rules_one_of_a_kind_per_action"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"))
    kind: Mapped[RuleKind]
    on: Mapped[bool] = mapped_column(default=True)
    days_before: Mapped[int | None]
    at_local: Mapped[time | None] = mapped_column(Time)
    minutes_before: Mapped[int | None]
    minutes_after_start: Mapped[int | None]
    again_after_minutes: Mapped[int | None]
    call_after_minutes: Mapped[int | None]
    reason_enc: Mapped[bytes | None]
    wording: Mapped[str] = mapped_column(String(40))

    reason = Sealed()


class Planned(Model):
    """One rule was worked off for one event's version, so that planning is cheap and safe to repeat."""

    __tablename__ = "planned_reminders"

    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reminder_rules.id"), primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    planned_at: Mapped[datetime]


class Coming(Model):
    """A member's last word on whether she is coming to an event."""

    __tablename__ = "replies"

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"), primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    coming: Mapped[bool]
    at: Mapped[datetime]


class Audience(StrEnum):
    """To whom a broadcast goes: the members or the chairs of an action's chapters, or (a drill) the staff."""

    MEMBERS = "members"
    CHAIRS = "chairs"
    STAFF = "staff"


class BroadcastState(StrEnum):
    """draft -> queueing -> queued; a draft that nobody confirmed within two days is forgotten."""

    DRAFT = "draft"
    QUEUEING = "queueing"
    QUEUED = "queued"


class Broadcast(Model):
    """A text somebody wrote about an action, in both languages, and what was shown when she confirmed it.

    `site_ids` are the chapters it goes to, fixed when it was written (None: all of the action's). `wording`
    is `as_written`, or the approved one it was made from; the words go when the action is forgotten.
    `phones`, `segments` and `cost_cents` are of the moment it was confirmed.
    """

    __tablename__ = "broadcasts"
    __table_args__ = (Index("ix_broadcasts_action", "action_id", "made_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"))
    site_ids: Mapped[list[str] | None] = mapped_column(JSON)
    audience: Mapped[Audience]
    wording: Mapped[str] = mapped_column(String(40))
    text_en_enc: Mapped[bytes | None]
    text_es_enc: Mapped[bytes | None]
    urgent_reason_enc: Mapped[bytes | None]
    state: Mapped[BroadcastState] = mapped_column(default=BroadcastState.DRAFT, index=True)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    phones: Mapped[int | None]
    segments: Mapped[int | None]
    cost_cents: Mapped[int | None]

    text_en = Sealed()
    text_es = Sealed()
    urgent_reason = Sealed()

    action: Mapped[Action] = relationship()


class Duty(Model):
    """An organizer who is told at once of texts that cannot wait, until a moment she set."""

    __tablename__ = "duties"

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
