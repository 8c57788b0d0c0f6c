"""Blind indexes of member numbers and phones, and the roster as it is stored."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from mobilize.database import db
from mobilize.keys.crypto import blind_index
from mobilize.roster.models import Member, Membership, MembershipRank, StatusSpan

CARRIED = (
    "number_index",
    "number_enc",
    "name_enc",
    "phone_enc",
    "phone_index",
    "phone_kind",
    "status",
    "language",
    "file_phone_index",
    "file_language",
    "opted_out_in_file",
    "proposed_role",
    "urgent_ok_at",
    "gone_on",
)
"""The columns of a member that an import may change, in `members` and in `staged_members`."""


@dataclass(slots=True)
class StoredMember:
    """A member as stored: their columns, open memberships (id, site) by rank, and open status span.
    `no_urgent`: they took back their own consent to urgent texts."""

    id: uuid.UUID
    values: dict[str, Any]
    keeps_out: bool
    open: dict[MembershipRank, tuple[uuid.UUID, uuid.UUID]]
    span_id: uuid.UUID | None
    no_urgent: bool = False


def number_key(number: str) -> bytes:
    """The blind index of a member number; `123`, `00000123` and `E123` are one number."""
    digits = "".join(letter for letter in number if letter in "0123456789")
    return blind_index("number", digits.zfill(8))


def phone_key(phone: str) -> bytes:
    """The blind index of a phone in E.164."""
    return blind_index("phone", phone)


def stored_roster() -> dict[bytes, StoredMember]:
    """All members, by the index of their number. `keeps_out`: erased or merged, so no file brings them
    back."""
    open_at = _open_memberships()
    spans = dict(_rows(select(StatusSpan.member_id, StatusSpan.id).where(StatusSpan.to_at.is_(None))))
    columns = [getattr(Member, name) for name in CARRIED]
    query = select(Member.id, Member.erased_at, Member.merged_into_id, Member.urgent_off_at, *columns)
    members = {}
    for member_id, erased_at, merged_into_id, off_at, *values in db.session.execute(query).yield_per(5_000):
        carried = dict(zip(CARRIED, values, strict=True))
        keeps_out = erased_at is not None or merged_into_id is not None
        members[carried["number_index"]] = StoredMember(
            member_id,
            carried,
            keeps_out,
            open_at.get(member_id, {}),
            spans.get(member_id),
            off_at is not None,
        )
    return members


def _open_memberships() -> dict[uuid.UUID, dict[MembershipRank, tuple[uuid.UUID, uuid.UUID]]]:
    by_member: dict[uuid.UUID, dict[MembershipRank, tuple[uuid.UUID, uuid.UUID]]] = defaultdict(dict)
    query = select(Membership.member_id, Membership.rank, Membership.id, Membership.site_id)
    for member_id, rank, membership_id, site_id in _rows(query.where(Membership.to_at.is_(None))):
        by_member[member_id][rank] = membership_id, site_id
    return by_member


def _rows(query: Any) -> Sequence[Any]:
    return db.session.execute(query).all()
