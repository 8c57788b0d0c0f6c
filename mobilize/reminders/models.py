"""Reminder rules and what they planned, answers of members, broadcasts, on-call shifts, wrong numbers."""

import uuid
from datetime import datetime, time
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Time, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.actions.models import Action
from mobilize.database import Model, SealedText, SealedTranslated
from mobilize.roster.models import Member


class RuleKind(StrEnum):
    """The kinds of reminder rules; `rules/kinds.py` has what sets each apart."""

    DAY_BEFORE = "day_before"
    HOUR_BEFORE = "hour_before"
    EARLY_CALL = "early_call"
    BRIEFING = "briefing"
    COUNT_QUESTION = "count_question"
    THANKS = "thanks"


class ReminderRule(Model):
    """One rule of one action. `at_local` on the day `days_before` the event, where the event is;
    or `minutes_before` its start. The question to the chairs has three steps, each in
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

    reason = SealedText()


class PlannedReminder(Model):
    """A rule that was planned for one version of an event, so that planning is cheap and safe to repeat."""

    __tablename__ = "planned_reminders"

    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reminder_rules.id"), primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    planned_at: Mapped[datetime]


class PlanningProgress(Model):
    """How far a rule is worked off, so that planning which was killed goes on where it was: members by id up
    to `after_id`, for exactly the versions of events and the settings of the rule in `versions_hash`."""

    __tablename__ = "planning_progress"

    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reminder_rules.id"), primary_key=True)
    versions_hash: Mapped[bytes] = mapped_column(LargeBinary(16))
    after_id: Mapped[uuid.UUID]
    at: Mapped[datetime]


class Rsvp(Model):
    """A member's latest answer whether they are coming to an event."""

    __tablename__ = "replies"
    # The claim asks for a member's few answers, whatever event they were about.
    __table_args__ = (Index("ix_replies_member", "member_id"),)

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"), primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    coming: Mapped[bool]
    at: Mapped[datetime]


class Audience(StrEnum):
    """The recipients of a broadcast: the members or the chairs of an action's chapters, or (a drill) the
    staff."""

    MEMBERS = "members"
    CHAIRS = "chairs"
    STAFF = "staff"


class AudienceFilter(StrEnum):
    """Which of the members a broadcast goes to.

    `missing`: not in, and have not said no. `said_coming`: said that they come, and not in. `not_seen`:
    eligible, and in at no line of the action, whatever they answered. `came_last`: were at the campaign's
    last action.
    """

    ALL = "all"
    MISSING = "missing"
    SAID_COMING = "said_coming"
    NOT_SEEN = "not_seen"
    CAME_LAST = "came_last"

    @property
    def ends_with_check_in(self) -> bool:
        """Whether a check-in makes it false, so that it is asked again as each text leaves."""
        return self in (AudienceFilter.MISSING, AudienceFilter.SAID_COMING, AudienceFilter.NOT_SEEN)


class BroadcastState(StrEnum):
    """draft -> queueing -> queued; a draft that nobody confirmed within two days is forgotten."""

    DRAFT = "draft"
    QUEUEING = "queueing"
    QUEUED = "queued"


class Broadcast(Model):
    """A text somebody wrote about an action, in each language, and the estimate it was confirmed by.

    `site_ids` are the chapters it goes to, fixed when it was written (None: all of the action's), as is
    `last_action_id` for those who came to that one. With a `language` it goes to its readers alone.
    `only_missing` says that the filter is asked again as each text leaves. `wording`
    is `as_written`, or the approved one it was made from; the words go when the action is forgotten.
    `phones`, `segments` and `cost_cents` are of the moment it was confirmed. Called back, no more of it
    leaves.
    """

    __tablename__ = "broadcasts"
    __table_args__ = (Index("ix_broadcasts_action", "action_id", "made_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("actions.id"))
    site_ids: Mapped[list[str] | None] = mapped_column(JSON)
    audience: Mapped[Audience]
    wording: Mapped[str] = mapped_column(String(40))
    text_enc: Mapped[bytes | None]
    urgent_reason_enc: Mapped[bytes | None]
    audience_filter: Mapped[AudienceFilter] = mapped_column(
        default=AudienceFilter.ALL, server_default=AudienceFilter.ALL.value
    )
    language: Mapped[str | None] = mapped_column(String(3))
    last_action_id: Mapped[uuid.UUID | None]
    only_missing: Mapped[bool] = mapped_column(default=False, server_default=false())
    state: Mapped[BroadcastState] = mapped_column(default=BroadcastState.DRAFT, index=True)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    called_back_at: Mapped[datetime | None]
    phones: Mapped[int | None]
    segments: Mapped[int | None]
    cost_cents: Mapped[int | None]

    text = SealedTranslated()
    urgent_reason = SealedText()

    action: Mapped[Action] = relationship()


class OnCallShift(Model):
    """An organizer on call, who is texted at once about texts that cannot wait, until a moment they set."""

    __tablename__ = "duties"

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]


class WrongNumber(Model):
    """A member's number that somebody else answers, taken off the roster until the office has looked.

    `inbound_id` is the text that said so. When it is settled, the number is deleted here.
    """

    __tablename__ = "wrong_numbers"
    __table_args__ = (
        UniqueConstraint("inbound_id", "member_id", name="uq_wrong_numbers_one_per_text_and_member"),
        Index("ix_wrong_numbers_member", "member_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    inbound_id: Mapped[uuid.UUID]
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    phone_enc: Mapped[bytes | None]
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    taken_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(String(64))

    phone = SealedText()

    member: Mapped[Member] = relationship()
