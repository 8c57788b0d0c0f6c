"""Texts that are due, what became of each, and what came back."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, Sealed
from mobilize.texts.kinds import ConsentKind, Intent, Outcome, TextClass, TextState
from mobilize.texts.kinds import Priority as Priority
from mobilize.texts.kinds import QuestionKind as QuestionKind


class OutboxText(Model):
    """One text for one purpose. `purpose_key` = rule:event:version:phone index; unique, so never twice.

    `to` and `blanks` are sealed; `blanks` is the JSON of the wording's named blanks. `due_at` is what was
    promised and stays; `next_try_at` is when it may be claimed. `asks` is the question it opens on leaving.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        # drain(): what is due now, the most urgent first.
        Index(
            "ix_outbox_due",
            "priority",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        # sweep(): claims that ran out; reconcile(): unknowns; the few that are under way.
        Index(
            "ix_outbox_under_way",
            "state",
            "claimed_until",
            sqlite_where=text("state IN ('claimed', 'unknown')"),
            postgresql_where=text("state IN ('claimed', 'unknown')"),
        ),
        # texts_to(): what this number was sent.
        Index("ix_outbox_phone", "phone_bix", "due_at"),
        # told_about(): who was told of an event.
        Index("ix_outbox_event", "event_id", "wording"),
        # failures_by_code(), filtered_share(): what did not arrive lately.
        Index(
            "ix_outbox_failed",
            "settled_at",
            sqlite_where=text("error_code IS NOT NULL"),
            postgresql_where=text("error_code IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    purpose_key: Mapped[str] = mapped_column(String(160), unique=True)
    klass: Mapped[TextClass] = mapped_column("class")
    wording: Mapped[str] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(3))
    tz: Mapped[str] = mapped_column(String(40))
    to_enc: Mapped[bytes]
    phone_bix: Mapped[bytes] = mapped_column(LargeBinary(16))
    blanks_enc: Mapped[bytes]
    event_id: Mapped[uuid.UUID | None]
    member_id: Mapped[uuid.UUID | None]
    due_at: Mapped[datetime]
    useless_after: Mapped[datetime]
    next_try_at: Mapped[datetime]
    priority: Mapped[int]
    urgent: Mapped[bool] = mapped_column(default=False)
    segments: Mapped[int] = mapped_column(default=1)
    asks: Mapped[str | None] = mapped_column(String(24))
    asks_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    state: Mapped[TextState] = mapped_column(default=TextState.WAITING)
    reason: Mapped[str | None] = mapped_column(String(40))
    error_code: Mapped[int | None]
    claimed_by: Mapped[str | None] = mapped_column(String(40))
    claimed_until: Mapped[datetime | None]
    queued_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    to = Sealed()
    blanks = Sealed()


class Attempt(Model):
    """One call to the carrier, written before it is made. `sid` is the carrier's name for what it took.

    `body_bix` is the blind index of the very words, by which a look into the carrier's log knows them again.
    `looks` counts readable looks, `blind_looks` those that could not read the log.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        # reconcile(): whose next look is due.
        Index("ix_attempts_unknown", "outcome", "look_after"),
    )

    outbox_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("outbox.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[Outcome]
    body_bix: Mapped[bytes] = mapped_column(LargeBinary(16))
    sid: Mapped[str | None] = mapped_column(String(34), unique=True)
    error_code: Mapped[int | None]
    looks: Mapped[int] = mapped_column(default=0)
    blind_looks: Mapped[int] = mapped_column(default=0)
    look_after: Mapped[datetime | None]


class Receipt(Model):
    """What the carrier says became of one text; every status once, in whatever order it comes."""

    __tablename__ = "receipts"

    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    status: Mapped[str] = mapped_column(String(16), primary_key=True)
    outbox_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    error_code: Mapped[int | None]
    received_at: Mapped[datetime]


class Sender(Model):
    """A sender's token bucket, shared by all workers: `rate` segments a second."""

    __tablename__ = "senders"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[uuid.UUID]
    rate: Mapped[float]
    tokens: Mapped[float]
    refilled_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]
    paused_why_enc: Mapped[bytes | None]

    paused_why = Sealed()


class PhoneRule(Model):
    """What a number asked of us, by number and not by member: it outlives imports and erasure.

    Opted out while `opted_out_at` stands without a later `back_in_at`. `bad_at`: the carrier cannot reach it.
    """

    __tablename__ = "phone_rules"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_bix: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    phone_enc: Mapped[bytes | None]
    opted_out_at: Mapped[datetime | None]
    back_in_at: Mapped[datetime | None]
    bad_at: Mapped[datetime | None]
    bad_code: Mapped[int | None]
    source: Mapped[str] = mapped_column(String(24))
    wording: Mapped[str | None] = mapped_column(String(40))

    phone = Sealed()


class Question(Model):
    """What was last asked of a number, so that a bare "24" or "1" means something."""

    __tablename__ = "questions"
    __table_args__ = (
        UniqueConstraint("phone_bix", "kind", "event_id", name="uq_questions_one_per_phone_kind_and_event"),
        # questions_open_to(): the latest first of this number.
        Index("ix_questions_phone", "phone_bix", "asked_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_bix: Mapped[bytes] = mapped_column(LargeBinary(16))
    kind: Mapped[str] = mapped_column(String(24))
    event_id: Mapped[uuid.UUID]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class Inbound(Model):
    """A text that came in, once per carrier's id. `intent` and `value` are our reading of it, `question_id`
    what this number had been asked when it came; `done_by` who dealt with it.
    """

    __tablename__ = "inbound"
    __table_args__ = (
        # Rooms above take what waits for them on their tick.
        Index(
            "ix_inbound_waiting",
            "intent",
            "received_at",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
        # answers_this_hour(): how often this number was answered.
        Index("ix_inbound_phone", "phone_bix", "received_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sid: Mapped[str] = mapped_column(String(34), unique=True)
    sender_enc: Mapped[bytes | None]
    phone_bix: Mapped[bytes] = mapped_column(LargeBinary(16))
    body_enc: Mapped[bytes | None]
    intent: Mapped[Intent]
    value: Mapped[str | None] = mapped_column(String(24))
    question_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("questions.id"))
    received_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(String(64))

    sender = Sealed()
    body = Sealed()


class SpendingHour(Model):
    """Segments handed to the carrier in one clock hour; written by the claim. Those of codes are apart: they
    cost money too, and stop nothing."""

    __tablename__ = "spending_hours"

    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    segments: Mapped[int]
    code_segments: Mapped[int] = mapped_column(default=0, server_default="0")


class Allowance(Model):
    """What somebody confirmed may cost beyond the hourly limit, from one moment to another."""

    __tablename__ = "allowances"
    __table_args__ = (Index("ix_allowances_until", "until_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(String(80), unique=True)
    cents: Mapped[int]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(64))


class TextHold(Model):
    """The texts about these events stand still: a campaign was paused, by a person or by itself.

    `ref` is the campaign (or an action without one); this room knows only its events.
    """

    __tablename__ = "text_holds"

    ref: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    why_enc: Mapped[bytes | None]
    by: Mapped[str] = mapped_column(String(64))
    held_at: Mapped[datetime]
    released_at: Mapped[datetime | None]

    why = Sealed(row="ref")


class HeldEvent(Model):
    """An event whose texts stand still."""

    __tablename__ = "held_events"

    event_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    ref: Mapped[uuid.UUID] = mapped_column(index=True)


class Consent(Model):
    """One yes or no of a number: when, how, and to which wording. Append-only; the last one counts.

    `how`: reply, page, carrier, person, roster or erased. `wording` names the words she answered, with their
    version.
    """

    __tablename__ = "consents"
    __table_args__ = (
        # consents_of(): the story of one number.
        Index("ix_consents_phone", "phone_bix", "at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_bix: Mapped[bytes] = mapped_column(LargeBinary(16))
    kind: Mapped[ConsentKind]
    given: Mapped[bool]
    at: Mapped[datetime]
    how: Mapped[str] = mapped_column(String(24))
    wording: Mapped[str | None] = mapped_column(String(40))
