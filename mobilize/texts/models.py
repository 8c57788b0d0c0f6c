"""The outbox, its attempts and receipts, inbound texts, questions, consents, pauses and spending."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, SealedText
from mobilize.texts.enums import AFTER_RESTORE as AFTER_RESTORE
from mobilize.texts.enums import AttemptOutcome, ConsentKind, Intent, TextClass, TextState
from mobilize.texts.enums import Priority as Priority
from mobilize.texts.enums import QuestionKind as QuestionKind


class OutboxText(Model):
    """One text for one purpose. `idempotency_key` = rule:event:version:phone index; unique, so never twice.

    `to` and `merge_fields` are sealed, the second as JSON. `due_at` is what was
    promised and stays; `next_try_at` is when it may be claimed. `asks` is the question it opens on leaving.
    With a `carrier` it leaves by that one alone, from `number`: an answer, by the number that was written to.
    `only_missing`: useless to a member who is in, which the claim asks again; or said they are not coming,
    unless `only_for` names another condition of whoever queued it.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        # claim(): what is due now, the most urgent first; what is not due yet lies behind it.
        Index(
            "ix_outbox_due",
            "priority",
            "next_try_at",
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
        # routes(), claim(): the few that one carrier alone may send.
        Index(
            "ix_outbox_bound",
            "carrier",
            "next_try_at",
            sqlite_where=text("state = 'waiting' AND carrier IS NOT NULL"),
            postgresql_where=text("state = 'waiting' AND carrier IS NOT NULL"),
        ),
        # texts_to(): what this number was sent.
        Index("ix_outbox_phone", "phone_index", "due_at"),
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
    idempotency_key: Mapped[str] = mapped_column(String(160), unique=True)
    text_class: Mapped[TextClass] = mapped_column("class")
    wording: Mapped[str] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(3))
    tz: Mapped[str] = mapped_column(String(40))
    to_enc: Mapped[bytes]
    phone_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    blanks_enc: Mapped[bytes]
    event_id: Mapped[uuid.UUID | None]
    member_id: Mapped[uuid.UUID | None]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    priority: Mapped[int]
    urgent: Mapped[bool] = mapped_column(default=False)
    only_missing: Mapped[bool] = mapped_column(default=False, server_default=false())
    only_for: Mapped[str | None] = mapped_column(String(24))
    segments: Mapped[int] = mapped_column(default=1)
    asks: Mapped[str | None] = mapped_column(String(24))
    asks_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    state: Mapped[TextState] = mapped_column(default=TextState.WAITING)
    reason: Mapped[str | None] = mapped_column(String(40))
    error_code: Mapped[int | None]
    carrier: Mapped[str | None] = mapped_column(String(16))
    number: Mapped[str | None] = mapped_column(String(16))
    claimed_by: Mapped[str | None] = mapped_column(String(40))
    claimed_until: Mapped[datetime | None]
    queued_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    to = SealedText()
    merge_fields = SealedText(column="blanks_enc")


class Attempt(Model):
    """One call to a carrier, written before it is made. `sid` is the carrier's id of the message.

    `body_index` is the blind index of the body, by which the message is found in the carrier's log.
    `looks` counts readable looks, `blind_looks` those that could not read the log. `redacted_at`: since then
    the carrier keeps no words of it.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        # reconcile(): whose next look is due.
        Index("ix_attempts_unknown", "outcome", "look_after"),
        # redact_due(): whose words the carrier still keeps.
        Index(
            "ix_attempts_unredacted",
            "started_at",
            sqlite_where=text("redacted_at IS NULL AND sid IS NOT NULL"),
            postgresql_where=text("redacted_at IS NULL AND sid IS NOT NULL"),
        ),
    )

    outbox_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("outbox.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[AttemptOutcome]
    carrier: Mapped[str] = mapped_column(String(16), default="twilio", server_default="twilio")
    body_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    sid: Mapped[str | None] = mapped_column(String(34), unique=True)
    error_code: Mapped[int | None]
    looks: Mapped[int] = mapped_column(default=0)
    blind_looks: Mapped[int] = mapped_column(default=0)
    look_after: Mapped[datetime | None]
    redacted_at: Mapped[datetime | None]


class UnmatchedMessage(Model):
    """A message in a carrier's log that no attempt here knows of, read after a restore: some text left in the
    minutes that were lost. The text that wants to leave with the same words is that one.

    `body_index` is None where the log keeps no words, `names_id` our id in its callback, where it shows that.
    """

    __tablename__ = "unmatched_messages"
    __table_args__ = (
        # without_adopted(): what this number got.
        Index("ix_unmatched_messages_phone", "phone_index"),
    )

    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    carrier: Mapped[str] = mapped_column(String(16))
    phone_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    body_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    names_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    outbox_id: Mapped[uuid.UUID | None]


class Receipt(Model):
    """A status of one message, as the carrier reported it; each status once, in any order."""

    __tablename__ = "receipts"

    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    status: Mapped[str] = mapped_column(String(16), primary_key=True)
    outbox_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    error_code: Mapped[int | None]
    received_at: Mapped[datetime]


class Sender(Model):
    """A sender: its carrier, the numbers it texts from, and a token bucket of `rate` segments a second that
    all workers share.

    `trouble` rises with each call that failed and falls with each that did not. Until `rest_until` texts
    leave by another sender; then it is tried with one (`sending/senders.py`).
    """

    __tablename__ = "senders"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[uuid.UUID]
    carrier: Mapped[str] = mapped_column(String(16), default="twilio", server_default="twilio")
    numbers: Mapped[str] = mapped_column(String(400), default="", server_default="")
    rate: Mapped[float]
    tokens: Mapped[float]
    refilled_at: Mapped[datetime]
    trouble: Mapped[int] = mapped_column(default=0, server_default="0")
    rest_until: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    paused_why_enc: Mapped[bytes | None]

    paused_reason = SealedText(column="paused_why_enc")


class Suppression(Model):
    """A number on the suppression list. By number and not by member: it outlives imports and erasure.

    Opted out while `opted_out_at` stands without a later `back_in_at`. `bad_at`: the carrier cannot reach it.
    """

    __tablename__ = "phone_rules"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_index: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    phone_enc: Mapped[bytes | None]
    opted_out_at: Mapped[datetime | None]
    back_in_at: Mapped[datetime | None]
    bad_at: Mapped[datetime | None]
    bad_code: Mapped[int | None]
    source: Mapped[str] = mapped_column(String(24))
    wording: Mapped[str | None] = mapped_column(String(40))

    phone = SealedText()


class CarrierBlock(Model):
    """A number that said the bare word STOP to a carrier, which blocks it until it hears START itself."""

    __tablename__ = "carrier_blocks"

    phone_index: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    carrier: Mapped[str] = mapped_column(String(16), primary_key=True)
    blocked_at: Mapped[datetime]


class Question(Model):
    """A question that a number was asked by text, which gives a bare "24" or "1" its meaning."""

    __tablename__ = "questions"
    __table_args__ = (
        UniqueConstraint("phone_index", "kind", "event_id", name="uq_questions_one_per_phone_kind_and_event"),
        # questions_open_to(): the latest first of this number.
        Index("ix_questions_phone", "phone_index", "asked_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    kind: Mapped[str] = mapped_column(String(24))
    event_id: Mapped[uuid.UUID]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class Inbound(Model):
    """A text that came in, once per carrier's id. `intent` and `value` are what it means, `question_id`
    the question open when it came, `done_by` the room or person that handled it. `waits_at`: no room
    could, and a person is to; `corrected_by` said that it means what stands in `intent` now. `carrier` and
    `number` are where it was sent to, `media` how many pictures came with it, which nobody here sees.
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
        Index("ix_inbound_phone", "phone_index", "received_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sid: Mapped[str] = mapped_column(String(34), unique=True)
    sender_enc: Mapped[bytes | None]
    phone_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    body_enc: Mapped[bytes | None]
    intent: Mapped[Intent]
    value: Mapped[str | None] = mapped_column(String(24))
    question_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("questions.id"))
    received_at: Mapped[datetime]
    carrier: Mapped[str] = mapped_column(String(16), default="twilio", server_default="twilio")
    number: Mapped[str | None] = mapped_column(String(16))
    media: Mapped[int] = mapped_column(default=0, server_default="0")
    redacted_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(String(64))
    waits_at: Mapped[datetime | None]
    corrected_by: Mapped[str | None] = mapped_column(String(64))

    sender = SealedText()
    body = SealedText()


class SpendingHour(Model):
    """Segments handed to the carrier in one clock hour, written by the claim. Segments of codes, and of
    what else no pause holds, are counted apart: they cost money too, but open no breaker."""

    __tablename__ = "spending_hours"

    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    segments: Mapped[int]
    code_segments: Mapped[int] = mapped_column(default=0, server_default="0")


class Allowance(Model):
    """Spending beyond the hourly limit that somebody confirmed, for a period."""

    __tablename__ = "allowances"
    __table_args__ = (Index("ix_allowances_until", "until_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(String(80), unique=True)
    cents: Mapped[int]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(64))


class TextPause(Model):
    """A pause of the texts of a campaign, by a person or automatic.

    `ref` is the campaign (or an action without one); this room knows only its events.
    """

    __tablename__ = "text_holds"

    ref: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    why_enc: Mapped[bytes | None]
    by: Mapped[str] = mapped_column(String(64))
    paused_at: Mapped[datetime] = mapped_column("held_at")
    resumed_at: Mapped[datetime | None] = mapped_column("released_at")

    reason = SealedText(row="ref", column="why_enc")


class PausedEvent(Model):
    """An event whose texts are paused."""

    __tablename__ = "held_events"

    event_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    ref: Mapped[uuid.UUID] = mapped_column(index=True)


class Consent(Model):
    """One yes or no of a number: when, how, and to which wording. Append-only; the last one counts.

    `how`: reply, page, form, carrier, person, roster or erased. `wording` names the words they answered, with
    their version.
    """

    __tablename__ = "consents"
    __table_args__ = (
        # consents_of(): the story of one number.
        Index("ix_consents_phone", "phone_index", "at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    kind: Mapped[ConsentKind]
    granted: Mapped[bool]
    at: Mapped[datetime]
    how: Mapped[str] = mapped_column(String(24))
    wording: Mapped[str | None] = mapped_column(String(40))
