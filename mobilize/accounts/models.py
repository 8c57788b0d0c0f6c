"""The tables of people who sign in, the terms of their roles, their sessions, links, passkeys and grants."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.database import Model, SealedText


class RoleName(StrEnum):
    """The roles. Chairs of all three kinds may see the same; the titles matter to the people."""

    ADMIN = "admin"
    ORGANIZER = "organizer"
    CHAIR = "chair"
    COCHAIR = "cochair"
    VICE_CHAIR = "vice"


CHAIRS = (RoleName.CHAIR, RoleName.COCHAIR, RoleName.VICE_CHAIR)


class Person(Model):
    """Somebody who may sign in. `member_id` ties them to the roster when they are on it."""

    make_id = staticmethod(uuid.uuid4)
    __tablename__ = "people"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"))
    name_enc: Mapped[bytes]
    phone_enc: Mapped[bytes | None]
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(16), unique=True)
    language: Mapped[str] = mapped_column(String(3), default="en")
    made_at: Mapped[datetime]
    # A reset or another number: everything older is invalid.
    restarted_at: Mapped[datetime | None]
    # How often they ended the addresses of their calendars.
    calendars_ended: Mapped[int] = mapped_column(default=0, server_default="0")

    name = SealedText()
    phone = SealedText()

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
    granted_by: Mapped[str] = mapped_column(String(64))
    # When it was given, or its first day was last changed: it begins then, or with its first day.
    granted_at: Mapped[datetime]

    person: Mapped[Person] = relationship(back_populates="roles")


class Sponsorship(Model):
    """The one who gave somebody a role or reset their sign-in, for ever: neither is ever the other's second
    person."""

    __tablename__ = "sponsorships"

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    sponsor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    # The moment the role begins, for one that begins later.
    from_at: Mapped[datetime]


class AdminChangeKind(StrEnum):
    """The changes to an admin that need a second admin."""

    MAKE = "make"
    RESTART = "restart"
    NUMBER = "number"
    EXTEND = "extend"


class AdminChange(Model):
    """A change to an admin, or a new one, that one admin asked for; done once, when a second one agrees.

    `from_on` and `last_on` are for a role that is made or extended, `phone` for another number. The
    approval's `ref` is this row's id.
    """

    __tablename__ = "admin_changes"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[AdminChangeKind]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    term_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("roles.id"))
    from_on: Mapped[date | None]
    last_on: Mapped[date | None]
    phone_enc: Mapped[bytes | None]
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    phone = SealedText()

    person: Mapped[Person] = relationship()


SIGN_IN = "sign_in"


class CodeLane(StrEnum):
    """The groups of codes with a budget of their own: known browsers, people with a role, members."""

    KNOWN_BROWSER = "known_browser"
    ROLE = "role"
    MEMBER = "member"


class CodeRequest(Model):
    """A request for a one-time code, one row for person and stranger alike. A worker decides and texts, and
    only then sets `code_hash` and `lane`; a stranger's stay empty. Bound to the browser that asked, and to
    its `purpose`: "sign_in", or that of a higher room."""

    __tablename__ = "code_requests"
    __table_args__ = (
        # send_codes(): requests no worker has looked at.
        Index("ix_code_requests_waiting", "looked_at", "asked_at"),
        # What one code opens, and what one phone asked for.
        Index("ix_code_requests_phone", "phone_index"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    phone_enc: Mapped[bytes]
    phone_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    language: Mapped[str] = mapped_column(String(3), default="en")
    purpose: Mapped[str] = mapped_column(String(12), default=SIGN_IN, server_default=SIGN_IN)
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    lane: Mapped[CodeLane | None]
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    tries: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime]
    looked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    phone = SealedText()


class SignInBy(StrEnum):
    """The way a session began: with what only they have (a code on their phone, a passkey), a one-time link
    that only they had, one that its maker saw as well, or their account at the union's identity provider."""

    CODE = "code"
    LINK = "link"
    DISPLAYED = "shown"
    PROVIDER = "provider"


class Device(StrEnum):
    """The name of a browser, chosen from this list, so that nothing personal is stored."""

    PHONE = "phone"
    TABLET = "tablet"
    COMPUTER = "computer"
    OFFICE = "office"


class SignedInSession(Model):
    """One browser signed in as one person; the cookie holds the token, we hold its hash.

    Half in: `second_asked` (or an organizer's or admin's role), and `second_at` still empty. `tries` counts
    wrong second factors; `stepped_up_at` is when they last proved again who they are.
    """

    __tablename__ = "sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    stepped_up_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    began_by: Mapped[SignInBy] = mapped_column(default=SignInBy.CODE, server_default=SignInBy.CODE.value)
    second_asked: Mapped[bool] = mapped_column(default=False, server_default=false())
    second_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    device: Mapped[Device | None]

    person: Mapped[Person] = relationship()

    @property
    def handle(self) -> uuid.UUID:
        """The session's id on the page of devices: it opens nothing, and changes with every new token."""
        return uuid.UUID(bytes=sha256(b"session handle" + self.token_hash).digest()[:16])


class ProviderIdentity(Model):
    """A person's account at the union's identity provider, found by the blind index of its subject there."""

    __tablename__ = "provider_identities"

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    subject_hash: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    linked_at: Mapped[datetime]


class Passkey(Model):
    """A key on a person's phone, computer or security key (WebAuthn level 2). We hold its public half."""

    __tablename__ = "passkeys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name_enc: Mapped[bytes]
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    name = SealedText()


class PasskeyChallenge(Model):
    """The challenge a passkey has to sign next, one for each session (for signing in: browser) and purpose;
    deleted when it is used."""

    __tablename__ = "passkey_challenges"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(8), primary_key=True)
    challenge: Mapped[bytes] = mapped_column(LargeBinary(32))
    expires_at: Mapped[datetime]


class AuthenticatorApp(Model):
    """A shared secret for six digits every half minute (RFC 6238), unconfirmed until they are typed once."""

    __tablename__ = "authenticator_apps"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    secret_enc: Mapped[bytes]
    made_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)

    secret = SealedText()


class RecoveryCode(Model):
    """One of ten codes kept on paper. Good once, instead of the passkey or the app."""

    __tablename__ = "recovery_codes"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ChairChange(Model):
    """A staged list of chairs until it is carried out or deleted: a day at most. `plan_digest` is of the plan
    displayed before."""

    __tablename__ = "chair_changes"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    rows_enc: Mapped[bytes | None]
    from_on: Mapped[date]
    plan_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    committed_at: Mapped[datetime | None]

    rows = SealedText()


class LinkKind(StrEnum):
    """The way a one-time link reaches its person. `displayed`: its maker sees it. `texted`: only their phone
    does. `waited`: displayed, and opens a day later, when all were notified. `shell`: the operator sees
    it."""

    DISPLAYED = "shown"
    TEXTED = "texted"
    WAITED = "waited"
    SHELL = "shell"


class OneTimeLink(Model):
    """An invitation, or a sign-in where no text can be sent. Opening it changes nothing, its button does."""

    __tablename__ = "one_time_links"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    kind: Mapped[LinkKind]
    opens_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship()


class GrantKind(StrEnum):
    """The line's page on one phone of the chair or of a captain; a link that makes a captain's grant on each
    phone that opens it; or the read-only wall."""

    CHAIR = "chair"
    CAPTAIN = "captain"
    LINK = "link"
    WALL = "wall"


class LineGrant(Model):
    """The right to one event's line page, without an account, until it ends or is revoked.

    `label` is whose phone it is, in the chair's words: a name, forgotten with the action.
    """

    __tablename__ = "line_grants"
    __table_args__ = (Index("ix_line_grants_event", "event_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    kind: Mapped[GrantKind]
    label_enc: Mapped[bytes | None]
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    # The role in whose name it was given: it ends with a role ended for cause, and passes to the successor
    # otherwise. None: given by the shell.
    role_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("roles.id"), index=True)
    # A wall's link may be for one area alone.
    area_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("areas.id"))
    # The link that this phone opened, at `made_at`. Nothing else is known of the phone.
    link_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("line_grants.id"))
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    label = SealedText()
