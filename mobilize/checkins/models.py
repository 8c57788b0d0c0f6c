"""Tables of check-in: evidence, matches, attendance, head counts, and what is kept for review.

The two hottest tables, `evidence` and `attendance`, carry no foreign keys to the event and its shift: on
PostgreSQL each would lock the same few rows for every check-in of the morning. Events are never deleted.
"""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.checkins.record.identifiers import Identifier
from mobilize.database import Model, SealedBytes, SealedText
from mobilize.roster.models import Member


class Tier(StrEnum):
    """The strength of evidence, weakest first."""

    SELF = "self"
    VOUCHED = "vouched"
    VERIFIED = "verified"

    @property
    def rank(self) -> int:
        return list(Tier).index(self)


class Method(StrEnum):
    """Ways of being counted. A walk-in is whom a captain wrote down by what they said, from no list."""

    POSTER = "poster"
    LINK = "link"
    TEXT = "text"
    TICK = "tick"
    PAPER = "paper"
    ROTATING = "rotating"
    SCAN = "scan"
    WALKIN = "walkin"

    @property
    def tier(self) -> Tier:
        """Its strength: a poster can be forwarded, a chair saw a face, a rotating code shows the place."""
        if self in (Method.POSTER, Method.LINK, Method.TEXT):
            return Tier.SELF
        if self in (Method.TICK, Method.PAPER, Method.WALKIN):
            return Tier.VOUCHED
        return Tier.VERIFIED

    @property
    def is_observed(self) -> bool:
        """A chair or captain picked the name on the list, or scanned the member's own code. Nothing was typed
        that could be anybody's number: only such check-ins move a figure that outsiders see."""
        return self in (Method.TICK, Method.PAPER, Method.SCAN)


class Outcome(StrEnum):
    """The outcome `check_in()` gave a request. Every one of them is stored.

    `undone` is the note that somebody took a member's ticks back, kept under its own nonce.
    """

    COUNTED = "counted"
    REPEAT = "repeat"
    WALKUP = "walkup"
    AMBIGUOUS = "ambiguous"
    OUTSIDE_HOURS = "outside_hours"
    UNRESOLVED = "unresolved"
    OUT = "out"
    UNDONE = "undone"


class CheckInKind(StrEnum):
    """The kind of a request: a member is here, leaves, or was ticked by mistake."""

    HERE = "here"
    LEFT = "left"
    UNDO = "undo"


class Duty(StrEnum):
    """The duty of a member on a strike day; at the line unless it was stated otherwise."""

    PICKET = "picket"
    KITCHEN = "kitchen"
    PHONES = "phones"
    CHILDCARE = "childcare"
    SUPPLIES = "supplies"
    OFFICE = "office"
    OTHER = "other"


class Evidence(Model):
    """One record that a member was present. Append-only: voids and matches are rows of their own.

    `nonce` is the sender's idempotency key; `body_hash` tells a repeat from another request under the same
    key. `happened_at` is when it happened by the sender's corrected clock, `recorded_at` when it was
    stored. `time_uncertain`: that is a guess outside the hours, and it may have been within them.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        UniqueConstraint("event_id", "nonce", name="uq_evidence_one_per_event_and_nonce"),
        Index("ix_evidence_member", "member_id"),
        # `lookup.look_up`: which places of a ticket are taken. Two at once do not get the same one.
        Index(
            "uq_evidence_one_per_place_of_a_ticket",
            "event_id",
            "ticket_hmac",
            "ticket_place",
            unique=True,
            sqlite_where=text("ticket_hmac IS NOT NULL"),
            postgresql_where=text("ticket_hmac IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID]
    shift_id: Mapped[uuid.UUID]
    nonce: Mapped[bytes] = mapped_column(LargeBinary(16))
    body_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    method: Mapped[Method]
    tier: Mapped[Tier]
    outcome: Mapped[Outcome]
    member_id: Mapped[uuid.UUID | None]
    chapter_id: Mapped[uuid.UUID | None]
    walkup_id: Mapped[uuid.UUID | None]
    gate_id: Mapped[uuid.UUID | None]
    device_hmac: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    # One reading of the line's rotating code, on whatever phones it is shown, and whom it verified there: the
    # first to the sixth.
    ticket_hmac: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    ticket_place: Mapped[int | None]
    grant_id: Mapped[uuid.UUID | None]
    happened_at: Mapped[datetime]
    clock_error_s: Mapped[float | None]
    time_uncertain: Mapped[bool] = mapped_column(default=False, server_default=false())
    recorded_at: Mapped[datetime]
    # Both stay as the database sets them for all but strike days: the hot path does not write them.
    kind: Mapped[CheckInKind] = mapped_column(server_default=CheckInKind.HERE.value)
    duty: Mapped[Duty | None]


# Who took back what was sent from the same phone: nobody knows more of them.
OWN_PHONE = "phone"


class Void(Model):
    """One piece of evidence that a person took back, and why."""

    __tablename__ = "voids"

    evidence_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("evidence.id"), primary_key=True)
    actor: Mapped[str] = mapped_column(String(64))
    reason_enc: Mapped[bytes | None]
    at: Mapped[datetime]

    reason = SealedText(row="evidence_id")


class Resolution(StrEnum):
    """The decision about a piece of evidence: open -> counts | not_ours -> open, as often as it is
    changed."""

    COUNTS = "counts"
    NOT_OURS = "not_ours"
    OPEN = "open"


class Match(Model):
    """A person's decision about evidence that counted for nobody: whose it is, or that it is not ours.

    `at` is the last decision; those before it are in the audit. Without `member_id` it is nobody's.
    """

    __tablename__ = "matches"

    evidence_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("evidence.id"), primary_key=True)
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"))
    verdict: Mapped[Resolution] = mapped_column(
        default=Resolution.COUNTS, server_default=Resolution.COUNTS.value
    )
    reason_enc: Mapped[bytes | None]
    actor: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]

    reason = SealedText(row="evidence_id")


class Attendance(Model):
    """One row per member, event and shift that counts, always derived from the evidence.

    When the action is forgotten `member_id` is emptied; the row keeps its chapter, tier and hour, and counts.
    `observed`: some of the evidence is (`Method.is_observed`). `forgotten_as` (random, made then) says only
    which rows of one action were the same person's, so that they still count once, and `was_eligible` that
    they were in the denominator.
    """

    __tablename__ = "attendance"
    __table_args__ = (
        UniqueConstraint(
            "event_id", "shift_id", "member_id", name="uq_attendance_one_per_member_and_event_and_shift"
        ),
        Index("ix_attendance_member", "member_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID]
    shift_id: Mapped[uuid.UUID]
    member_id: Mapped[uuid.UUID | None]
    chapter_id: Mapped[uuid.UUID | None]
    tier: Mapped[Tier]
    first_at: Mapped[datetime]
    out_at: Mapped[datetime | None]
    duty: Mapped[str | None] = mapped_column(String(24))
    late: Mapped[bool] = mapped_column(default=False)
    observed: Mapped[bool] = mapped_column(default=False, server_default=false())
    forgotten_as: Mapped[uuid.UUID | None]
    was_eligible: Mapped[bool] = mapped_column(default=False, server_default=false())


class Walkup(Model):
    """A typed number or name that matched nobody, or several, kept for a person to match, until `until`.
    `settled_at`: a person has decided whose it is, or that it is not ours."""

    __tablename__ = "walkups"
    __table_args__ = (UniqueConstraint("event_id", "typed_index", name="uq_walkups_once_per_event"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID]
    typed_enc: Mapped[bytes | None]
    typed_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    kind: Mapped[str] = mapped_column(String(12))
    until: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    typed = SealedText()


class KnownPhone(Model):
    """A phone that was used before: remembers what was typed, whether or not it matched; holds no name."""

    __tablename__ = "known_phones"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    typed_enc: Mapped[bytes]
    typed_index: Mapped[bytes] = mapped_column(LargeBinary(16), index=True)
    used_on: Mapped[date]

    typed = SealedText()

    @property
    def last_typed(self) -> Identifier:
        """The number that was last typed on this phone."""
        return Identifier.stored(self.typed)


class EndedLinks(Model):
    """The number of times a member's own links were ended, and the last time: earlier links open nothing."""

    __tablename__ = "ended_links"

    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    times: Mapped[int]
    ended_at: Mapped[datetime]


class HeadCount(Model):
    """A number somebody counted at a line, at a time. Never mixed with names. One from a phone whose link was
    taken back, or whose time is only the phone's own, is stored as taken back, until a person settles it:
    counts it in after all, or leaves it out."""

    __tablename__ = "head_counts"
    __table_args__ = (
        UniqueConstraint("event_id", "nonce", name="uq_head_counts_one_per_event_and_nonce"),
        Index("ix_head_counts_event", "event_id", "counted_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"))
    shift_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("shifts.id"))
    gate_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("gates.id"))
    nonce: Mapped[bytes] = mapped_column(LargeBinary(16))
    n: Mapped[int]
    counted_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    via: Mapped[str] = mapped_column(String(12))
    by: Mapped[str] = mapped_column(String(64))
    voided_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]


class Photo(Model):
    """A photo of the line beside a head count, of which it is the only one; deleted at `until`. `by` is the
    phone's grant, until the one who held it is erased."""

    __tablename__ = "photos"
    __table_args__ = (Index("ix_photos_event", "event_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    head_count_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("head_counts.id"), unique=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"))
    picture_enc: Mapped[bytes]
    by: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]

    picture = SealedBytes()


class Supporters(Model):
    """Parents and community who came or left, without names: the sum of the deltas stands there. `voided_at`
    and `settled_at` as in `HeadCount`."""

    __tablename__ = "supporters"
    __table_args__ = (UniqueConstraint("event_id", "nonce", name="uq_supporters_one_per_event_and_nonce"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"))
    nonce: Mapped[bytes] = mapped_column(LargeBinary(16))
    delta: Mapped[int]
    happened_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(64))
    voided_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]


class NewNumber(Model):
    """A member's new mobile number, noted at a line for the office; the roster does not change by itself.
    When the note is settled, the number is deleted here."""

    __tablename__ = "new_numbers"
    __table_args__ = (
        UniqueConstraint("event_id", "nonce", name="uq_new_numbers_one_per_event_and_nonce"),
        Index("ix_new_numbers_member", "member_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"))
    nonce: Mapped[bytes] = mapped_column(LargeBinary(16))
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    phone_enc: Mapped[bytes | None]
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    asked_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(64))
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(String(64))

    phone = SealedText()

    member: Mapped[Member] = relationship()
