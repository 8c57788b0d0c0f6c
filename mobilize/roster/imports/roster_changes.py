"""Changes a roster file would make: each member as stored, against the file's row.

The rules: the file wins for name, site and status. A phone or language that members changed themselves wins
until the file's own value changes. An opt-out is only ever added. Urgent texts that members took back
themselves stay off, whatever the file says, until they agree again. Members the file no longer lists are
gone, not deleted. Erased and merged members stay as they are.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mobilize.database import new_id
from mobilize.roster.imports.reading.roster_reader import RosterReading
from mobilize.roster.imports.reading.roster_rows import MemberRow
from mobilize.roster.members import CARRIED, StoredMember, number_key, phone_key
from mobilize.roster.models import Member, MembershipRank, MemberStatus, PhoneKind, StagedVersion
from mobilize.roster.names import PersonName

Values = dict[str, Any]
_PHONE_KINDS = {"mobile": PhoneKind.MOBILE, "home": PhoneKind.LANDLINE, "work": PhoneKind.LANDLINE}


@dataclass
class StagedChanges:
    """The staged rows of a dry run, made one by one while they are iterated, and counts of the changes."""

    reading: RosterReading
    stored: dict[bytes, StoredMember]
    is_desk_phone: Callable[[str], bool]
    now: datetime
    counts: Counter[str] = field(default_factory=Counter)

    def rows(self) -> Iterator[Values]:
        """Values for `staged_members`, without the import's id; in the order of the members' ids.

        Those are random, so that the order of the file is nowhere in the database: with it, and such a list,
        a copy of the database would tell who is who. What is made of these rows is written in their order.
        """
        listed = {number_key(row.number): row for row in self.reading.members.values()}
        ids = {key: self.stored[key].id if key in self.stored else Member.make_id() for key in listed}
        for key in sorted(listed, key=lambda key: ids[key]):
            yield from self._listed(key, ids[key], listed[key], self.stored.get(key))
        for key, stands in self.stored.items():
            if key not in listed and not stands.keeps_out and stands.values["gone_on"] is None:
                self.counts["gone"] += 1
                yield from _both_sides(stands, _gone(stands, self.now))

    def _listed(
        self, key: bytes, member_id: uuid.UUID, row: MemberRow, stands: StoredMember | None
    ) -> Iterator[Values]:
        if stands is None:
            self.counts["added"] += 1
            yield _added(key, member_id, row, self.is_desk_phone, self.now)
        elif stands.keeps_out:
            self.counts["kept_out"] += 1
        else:
            after = _changed(self.reading.fields, row, stands, self.is_desk_phone, self.now)
            changed = [name for name, value in after.items() if value != _before(stands)[name]]
            self.counts.update(_kinds_of_change(changed, stands))
            if changed:
                yield from _both_sides(stands, after)


def _kinds_of_change(changed: list[str], stands: StoredMember) -> set[str]:
    if not changed:
        return {"same"}
    kinds = {_KINDS[name] for name in changed if name in _KINDS}
    return kinds | {"returned" if stands.values["gone_on"] else "changed"}


_KINDS = {
    "name_enc": "names",
    "phone_index": "phones",
    "status": "statuses",
    "language": "languages",
    "home_site_id": "transfers",
    "second_site_id": "second_sites",
    "opted_out_in_file": "opt_outs",
}


def _before(stands: StoredMember) -> Values:
    homes = {f"{rank}_site_id": stands.open.get(rank, (None, None))[1] for rank in MembershipRank}
    return {**stands.values, **homes}


def _both_sides(stands: StoredMember, after: Values) -> Iterator[Values]:
    """The pair of staged rows; an id says which membership or span closes (before) or opens (after)."""
    before = _before(stands)
    closes: Values = {"span_id": None}
    opens: Values = {"span_id": None}
    for rank in MembershipRank:
        moves = before[f"{rank}_site_id"] != after[f"{rank}_site_id"]
        closes[f"{rank}_id"] = stands.open[rank][0] if moves and rank in stands.open else None
        opens[f"{rank}_id"] = new_id() if moves and after[f"{rank}_site_id"] else None
    if after["gone_on"] is not None:
        closes["span_id"] = stands.span_id
    elif before["status"] != after["status"] or stands.span_id is None:
        closes["span_id"], opens["span_id"] = stands.span_id, new_id()
    shared = {"member_id": stands.id, "is_new": False}
    yield {"id": new_id(), "side": StagedVersion.BEFORE, **shared, **before, **closes}
    yield {"id": new_id(), "side": StagedVersion.AFTER, **shared, **after, **opens}


def _gone(stands: StoredMember, now: datetime) -> Values:
    return {**stands.values, "gone_on": now, "home_site_id": None, "second_site_id": None}


def _added(
    key: bytes, member_id: uuid.UUID, row: MemberRow, is_desk_phone: Callable[[str], bool], now: datetime
) -> Values:
    home, second = _site_ids(row)
    return {
        "id": new_id(),
        "side": StagedVersion.AFTER,
        "is_new": True,
        "member_id": member_id,
        **dict.fromkeys(CARRIED),
        "number_index": key,
        "number_enc": Member.number.seal(member_id, row.number),
        "name_enc": Member.name.seal(member_id, row.name.stored()),
        **_phone_values(member_id, row, is_desk_phone),
        "status": MemberStatus(row.status),
        "language": row.language or "en",
        "file_language": row.language,
        "opted_out_in_file": row.opt_out,
        "proposed_role": row.role,
        "urgent_ok_at": now if row.urgent_ok else None,
        "home_site_id": home,
        "second_site_id": second,
        "home_id": new_id() if home else None,
        "second_id": new_id() if second else None,
        "span_id": new_id(),
    }


def _changed(
    fields: frozenset[str],
    row: MemberRow,
    stands: StoredMember,
    is_desk_phone: Callable[[str], bool],
    now: datetime,
) -> Values:
    before = _before(stands)
    after = {**before, "status": MemberStatus(row.status), "gone_on": None}
    after["name_enc"] = _name(fields, row, stands)
    if "phone" in fields:
        after.update(_phone_changes(row, stands, is_desk_phone))
    if row.language and row.language != before["file_language"]:
        after["language"] = after["file_language"] = row.language
    after["opted_out_in_file"] = before["opted_out_in_file"] or row.opt_out
    if "role" in fields:
        after["proposed_role"] = row.role
    if row.urgent_ok and before["urgent_ok_at"] is None and not stands.no_urgent:
        after["urgent_ok_at"] = now
    if row.sites or not row.gave_site:
        # A site that was written and not found is shown for correction; until then the member stays.
        after["home_site_id"], after["second_site_id"] = _site_ids(row)
    return after


def _name(fields: frozenset[str], row: MemberRow, stands: StoredMember) -> bytes | None:
    sealed = stands.values["name_enc"]
    stored = Member.name.open(stands.id, sealed) if sealed else ""
    preferred = row.preferred if "preferred" in fields else PersonName.read(stored).preferred
    name = PersonName(row.last, row.first, preferred).stored()
    unchanged: bytes | None = sealed
    return unchanged if name == stored else Member.name.seal(stands.id, name)


def _phone_changes(row: MemberRow, stands: StoredMember, is_desk_phone: Callable[[str], bool]) -> Values:
    """The phone columns, empty while the file's value is the same as before. An unreadable number removes
    nothing; a blank one removes a number that came from the file, never one from the member."""
    key = phone_key(row.phone) if row.phone else None
    is_own = stands.values["phone_index"] != stands.values["file_phone_index"]
    if row.phone is None and row.phone_cell:
        return {}
    if key == stands.values["file_phone_index"]:
        return {} if is_own else {"phone_kind": _phone_kind(row, is_desk_phone)}
    if key is None and is_own:
        return {"file_phone_index": None}
    return _phone_values(stands.id, row, is_desk_phone)


def _phone_values(member_id: uuid.UUID, row: MemberRow, is_desk_phone: Callable[[str], bool]) -> Values:
    key = phone_key(row.phone) if row.phone else None
    return {
        "phone_enc": Member.phone.seal(member_id, row.phone) if row.phone else None,
        "phone_index": key,
        "file_phone_index": key,
        "phone_kind": _phone_kind(row, is_desk_phone),
    }


def _phone_kind(row: MemberRow, is_desk_phone: Callable[[str], bool]) -> PhoneKind:
    if row.extension:
        return PhoneKind.EXTENSION
    if row.phone and is_desk_phone(row.phone):
        return PhoneKind.LANDLINE
    return _PHONE_KINDS.get(row.phone_kind, PhoneKind.UNKNOWN)


def _site_ids(row: MemberRow) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    ids = [site.id for site in row.sites[:2]]
    return ids[0] if ids else None, ids[1] if len(ids) == 2 else None
