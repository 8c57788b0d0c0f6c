"""Which texts an action sends on its own, and what members answered."""

import uuid
from datetime import datetime, time
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Time, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model


class RuleKind(StrEnum):
    """What a rule sends: the members' reminder, or the question to the chairs."""

    DAY_BEFORE = "day_before"
    COUNT_QUESTION = "count_question"


class ReminderRule(Model):
    """One rule of one action. `at_local` on the day `days_before` the event, where the event is;
    or `minutes_after_start` for the question to the chairs."""

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
    minutes_after_start: Mapped[int | None]
    wording: Mapped[str] = mapped_column(String(40))


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
