"""People who sign in, the terms of their roles, and the tokens by which a browser or a phone is known."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.database import Model, Sealed


class RoleName(StrEnum):
    """Chairs of all three kinds see their site alike; the words matter to the people."""

    ADMIN = "admin"
    ORGANIZER = "organizer"
    CHAIR = "chair"
    COCHAIR = "cochair"
    VICE_CHAIR = "vice"


CHAIRS = (RoleName.CHAIR, RoleName.COCHAIR, RoleName.VICE_CHAIR)


class Person(Model):
    """Somebody who may sign in. `member_id` ties her to the roster when she is on it."""

    __tablename__ = "people"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"))
    name_enc: Mapped[bytes]
    phone_enc: Mapped[bytes | None]
    phone_bix: Mapped[bytes | None] = mapped_column(LargeBinary(16), unique=True)
    language: Mapped[str] = mapped_column(String(3), default="en")
    made_at: Mapped[datetime]

    name = Sealed()
    phone = Sealed()

    roles: Mapped[list["RoleTerm"]] = relationship(back_populates="person")


class RoleTerm(Model):
    """A role from one day to another. A role of a site or of an area names it; an admin's names neither."""

    __tablename__ = "roles"
    __table_args__ = (
        Index("ix_roles_site", "site_id", "to_on"),
        Index("ix_roles_person", "person_id", "to_on"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    role: Mapped[RoleName]
    site_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sites.id"))
    area_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("areas.id"))
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    given_by: Mapped[str] = mapped_column(String(64))

    person: Mapped[Person] = relationship(back_populates="roles")


SIGN_IN = "sign_in"


class CodeRequest(Model):
    """Somebody asked for a code: one row for person and stranger alike. A worker decides, texts, and only
    then is there a `code_hash`. Bound to the browser that asked, and to its `purpose`: "sign_in", or what a
    room above texts codes for."""

    __tablename__ = "code_requests"
    __table_args__ = (
        # send_codes(): requests no worker has looked at.
        Index("ix_code_requests_waiting", "looked_at", "asked_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_enc: Mapped[bytes]
    phone_bix: Mapped[bytes] = mapped_column(LargeBinary(16))
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    language: Mapped[str] = mapped_column(String(3), default="en")
    purpose: Mapped[str] = mapped_column(String(12), default=SIGN_IN, server_default=SIGN_IN)
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    tries: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime]
    looked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    phone = Sealed()


class SignedInSession(Model):
    """One browser signed in as one person; the cookie holds the token, we hold its hash."""

    __tablename__ = "sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    stepped_up_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship()


class OneTimeLink(Model):
    """An invitation, or a sign-in where no text can be sent. Opening it changes nothing, its button does."""

    __tablename__ = "one_time_links"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class GrantKind(StrEnum):
    """A line's page for the chair or a captain, or the read-only wall view."""

    CHAIR = "chair"
    CAPTAIN = "captain"
    WALL = "wall"


class LineGrant(Model):
    """The right to one event's line page, without an account, until it ends or is revoked."""

    __tablename__ = "line_grants"
    __table_args__ = (Index("ix_line_grants_event", "event_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    kind: Mapped[GrantKind]
    label: Mapped[str] = mapped_column(String(80), default="")
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
