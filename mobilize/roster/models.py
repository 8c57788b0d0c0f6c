"""Areas, sites and the members of their chapters, with the dates that make an old share stay what it was."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.database import Model, SealedText
from mobilize.roster.names import PersonName


class MemberStatus(StrEnum):
    """Only `active` counts into the denominator; the others are shown as "also there"."""

    ACTIVE = "active"
    LEAVE = "leave"
    SUBSTITUTE = "substitute"
    RETIRED = "retired"


class PhoneKind(StrEnum):
    """The kind of a number by the roster; only `mobile` and `unknown` are texted."""

    MOBILE = "mobile"
    UNKNOWN = "unknown"
    LANDLINE = "landline"
    EXTENSION = "extension"


class MembershipRank(StrEnum):
    """The rank of a membership: the home chapter counts a member into its denominator, a second site only
    lists them."""

    HOME = "home"
    SECOND = "second"


class Area(Model):
    """A region of the union; organizers look after one or more."""

    __tablename__ = "areas"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)

    sites: Mapped[list["Site"]] = relationship(back_populates="area", order_by="Site.name")


class Site(Model):
    """A worksite. `represented` sites get an event when an action is held at every site."""

    __tablename__ = "sites"
    __table_args__ = (Index("ix_sites_area", "area_id", "name"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    area_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("areas.id"))
    tz: Mapped[str] = mapped_column(String(40))
    street: Mapped[str] = mapped_column(String(200), default="")
    city: Mapped[str] = mapped_column(String(80), default="")
    zip: Mapped[str] = mapped_column(String(10), default="")
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    represented: Mapped[bool] = mapped_column(default=True)
    campus: Mapped[str | None] = mapped_column(String(80))

    area: Mapped[Area] = relationship(back_populates="sites")


class Gate(Model):
    """One of several lines at a site."""

    __tablename__ = "gates"
    __table_args__ = (UniqueConstraint("site_id", "name", name="uq_gates_one_of_a_name_per_site"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id"))
    name: Mapped[str] = mapped_column(String(80))


class Member(Model):
    """A member. Their name, number and phone are sealed; they are found by the blind indexes of number and
    phone.

    `file_phone_index` and `file_language` are the values of the last roster, so that what members changed
    themselves wins until the file's own value changes. `opted_out_in_file` only ever goes to True by import;
    `mobilize.texts` asks it beside its own rules. `merged_into_id` is set for a merged duplicate.
    """

    make_id = staticmethod(uuid.uuid4)
    __tablename__ = "members"
    __table_args__ = (
        # check_in(): the number somebody typed, as phone or as member number.
        Index("ix_members_phone", "phone_index"),
        # says_stop(): the few whose opt-out the roster brought, asked for each time texts are claimed.
        Index(
            "ix_members_opted_out",
            "phone_index",
            sqlite_where=text("opted_out_in_file IS 1"),
            postgresql_where=text("opted_out_in_file IS TRUE"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number_index: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    number_enc: Mapped[bytes | None]
    name_enc: Mapped[bytes | None]
    phone_enc: Mapped[bytes | None]
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    phone_kind: Mapped[PhoneKind] = mapped_column(default=PhoneKind.UNKNOWN)
    status: Mapped[MemberStatus]
    language: Mapped[str] = mapped_column(String(3), default="en")
    file_phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    file_language: Mapped[str | None] = mapped_column(String(3))
    opted_out_in_file: Mapped[bool] = mapped_column(default=False)
    proposed_role: Mapped[str | None] = mapped_column(String(24))
    urgent_ok_at: Mapped[datetime | None]
    urgent_off_at: Mapped[datetime | None]
    added_at: Mapped[datetime]
    gone_on: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    merged_into_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"), index=True)

    number = SealedText()
    name = SealedText()
    phone = SealedText()

    memberships: Mapped[list["Membership"]] = relationship(
        back_populates="member",
        primaryjoin="and_(Member.id == Membership.member_id, Membership.to_at.is_(None))",
        viewonly=True,
    )

    @property
    def person(self) -> PersonName:
        """The member's name; empty for an erased member."""
        return PersonName.read(self.name or "")


class Membership(Model):
    """A member's time in a chapter, from one moment to another; open while `to_at` is empty."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index(
            "uq_memberships_one_open_per_member_and_rank",
            "member_id",
            "rank",
            unique=True,
            sqlite_where=text("to_at IS NULL"),
            postgresql_where=text("to_at IS NULL"),
        ),
        # Who belonged to this chapter at a moment.
        Index("ix_memberships_site", "site_id", "from_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), index=True)
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id"))
    rank: Mapped[MembershipRank]
    from_at: Mapped[datetime]
    to_at: Mapped[datetime | None]

    member: Mapped[Member] = relationship(back_populates="memberships", viewonly=True)
    site: Mapped[Site] = relationship()


class StatusSpan(Model):
    """A member's time in a status, from one moment to another; open while `to_at` is empty."""

    __tablename__ = "status_spans"
    __table_args__ = (
        Index(
            "uq_status_spans_one_open_per_member",
            "member_id",
            unique=True,
            sqlite_where=text("to_at IS NULL"),
            postgresql_where=text("to_at IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), index=True)
    status: Mapped[MemberStatus]
    from_at: Mapped[datetime]
    to_at: Mapped[datetime | None]


class ImportState(StrEnum):
    """reading -> staged -> committed -> undone; a staged one that is not wanted is `dropped`."""

    READING = "reading"
    STAGED = "staged"
    COMMITTED = "committed"
    UNDONE = "undone"
    DROPPED = "dropped"


class Import(Model):
    """One file that was read. `summary` is what the dry run showed: counts and refused lines, no names.

    `warned_lines` is JSON, kind of doubt -> lines of members somebody should look at. Sealed: beside a list
    in the same order, "line 17 has no phone" would say whose row has none.
    A roster's rows stand in `staged_members`; a site list is short and public, its rows stand in `plan`.
    `based_on_id` is the last change by import that the dry run saw: another one since makes it stale.
    """

    __tablename__ = "imports"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    state: Mapped[ImportState]
    summary: Mapped[dict[str, object]] = mapped_column(JSON)
    plan: Mapped[dict[str, object] | None] = mapped_column(JSON)
    warned_lines_enc: Mapped[bytes | None]
    based_on_id: Mapped[uuid.UUID | None]
    by: Mapped[str] = mapped_column(String(64))
    second_by: Mapped[str | None] = mapped_column(String(64))
    started_at: Mapped[datetime]
    committed_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]

    warned_lines = SealedText()


class RosterColumns(Model):
    """What somebody said is in each column of a roster, for files with the same headings. `columns` is JSON,
    heading -> field, sealed: where headings are missing, the first member's line stands in their place."""

    __tablename__ = "roster_columns"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    headings: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    columns_enc: Mapped[bytes]
    by: Mapped[str] = mapped_column(String(64))
    chosen_at: Mapped[datetime]

    columns = SealedText()


class RosterPlaces(Model):
    """What somebody said of places that a roster names and nobody knows, for files with the same headings.
    `places` is JSON, word of the file -> code of a site, or "" to leave it out."""

    __tablename__ = "roster_places"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    headings: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    places_enc: Mapped[bytes]
    by: Mapped[str] = mapped_column(String(64))
    chosen_at: Mapped[datetime]

    places = SealedText()


class StagedVersion(StrEnum):
    """The side of a staged change: the member after the import, and before it (for undo)."""

    AFTER = "after"
    BEFORE = "before"


class StagedMember(Model):
    """A member as an import will write them: sealed values under the final id, so that commit only moves
    them.

    `is_new` members have no `before` side. A membership or span id is set where the import opens (`after`) or
    closes (`before`) one; the ids are made at staging, so that undo knows exactly what the import did.
    """

    __tablename__ = "staged_members"
    __table_args__ = (
        UniqueConstraint("import_id", "side", "member_id", name="uq_staged_members_one_per_import_and_side"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    side: Mapped[StagedVersion]
    is_new: Mapped[bool]
    # Not a foreign key: new members do not exist before the commit.
    member_id: Mapped[uuid.UUID]
    number_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    number_enc: Mapped[bytes | None]
    name_enc: Mapped[bytes | None]
    phone_enc: Mapped[bytes | None]
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    phone_kind: Mapped[PhoneKind]
    status: Mapped[MemberStatus]
    language: Mapped[str] = mapped_column(String(3))
    file_phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    file_language: Mapped[str | None] = mapped_column(String(3))
    opted_out_in_file: Mapped[bool]
    proposed_role: Mapped[str | None] = mapped_column(String(24))
    urgent_ok_at: Mapped[datetime | None]
    gone_on: Mapped[datetime | None]
    home_site_id: Mapped[uuid.UUID | None]
    second_site_id: Mapped[uuid.UUID | None]
    home_id: Mapped[uuid.UUID | None]
    second_id: Mapped[uuid.UUID | None]
    span_id: Mapped[uuid.UUID | None]

    number = SealedText(Member, "member_id")
    name = SealedText(Member, "member_id")
    phone = SealedText(Member, "member_id")
