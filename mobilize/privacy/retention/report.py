"""The report on one person's data: every row of every table that leads to them.

It walks the tables by the meaning of their columns, so that a new table is in it too: references to members
and people, indexes of numbers and phones, "person:<id>" as an actor, ids in the audit. Rows that the person
only wrote are listed without their sealed columns, which are about others.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, LargeBinary, String, Table, and_, false, func, not_, or_, select

from mobilize.accounts.models import Person
from mobilize.audit import AuditRow
from mobilize.database import Model, SealedText, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.languages import _
from mobilize.phones import normalize
from mobilize.roster.members import number_key
from mobilize.roster.models import Member, StagedMember

_NUMBER_INDEXES = ("number_index", "typed_index")
_PHONE_INDEXES = ("phone_index", "typed_index")
# These rows are found by id alone: an index in them may be an old one, and the row somebody else's.
_TRACED_BY_ID = (Member.__table__, StagedMember.__table__, Person.__table__)
# Secrets of sign-in are not part of the report, which a page opened by a text offers as a file.
_SECRETS = ("secret",)


@dataclass(frozen=True)
class TableRows:
    """The rows of one table, as column -> value; sealed columns are opened, indexes left out."""

    table: str
    rows: Sequence[dict[str, Any]]


@dataclass
class PersonKeys:
    """The ids and indexes by which a person's rows are found."""

    members: set[uuid.UUID] = field(default_factory=set)
    people: set[uuid.UUID] = field(default_factory=set)
    numbers: set[bytes] = field(default_factory=set)
    phones: set[bytes] = field(default_factory=set)


def find_traces(*, number: str = "", phone: str = "") -> PersonKeys:
    """The traces of a member number or a phone. Refused: "bad_phone"."""
    traces = PersonKeys()
    if number:
        traces.numbers.add(number_key(number))
    if phone:
        read = normalize(phone).phone
        if read is None:
            raise Refused("bad_phone", _("Write the phone with its area code, like (213) 555-0123."))
        traces.phones.add(blind_index("phone", read))
    conditions = or_(
        Member.number_index.in_(traces.numbers),
        Member.phone_index.in_(traces.phones),
        Member.file_phone_index.in_(traces.phones),
    )
    for member in db.session.scalars(select(Member).where(conditions)).all():
        _add_member(traces, member, also_phone=bool(number))
    _add_people(traces)
    return traces


def traces_of(member: Member, *, include_phone: bool) -> PersonKeys:
    """The traces of a member; with `include_phone` by their phone as well, which nobody may share then."""
    traces = PersonKeys()
    _add_member(traces, member, also_phone=include_phone)
    _add_people(traces)
    return traces


def held_about(traces: PersonKeys) -> list[TableRows]:
    """Every table with at least one row about the person."""
    tables = []
    for mapper in sorted(Model.registry.mappers, key=lambda m: m.local_table.name):  # type: ignore[attr-defined]
        rows = list(_rows_of(mapper.class_, mapper.local_table, traces))
        if rows:
            tables.append(TableRows(mapper.local_table.name, rows))  # type: ignore[attr-defined]
    return tables


def _add_member(traces: PersonKeys, member: Member, *, also_phone: bool) -> None:
    doubles = db.session.scalars(select(Member).where(Member.merged_into_id == member.id))
    for row in (member, *doubles):
        traces.members.add(row.id)
        traces.numbers.add(row.number_index)
        if also_phone and row.phone_index:
            traces.phones.add(row.phone_index)


def _add_people(traces: PersonKeys) -> None:
    conditions = or_(Person.member_id.in_(traces.members), Person.phone_index.in_(traces.phones))
    traces.people |= set(db.session.scalars(select(Person.id).where(conditions)))


def _rows_of(model: Any, table: Any, traces: PersonKeys) -> Iterator[dict[str, Any]]:
    about = [way for column in table.columns for way in _conditions_about(table, column, traces)]
    done = [way for column in table.columns for way in _conditions_done_by(column, traces)]
    if about:
        yield from _rows(model, table, or_(*about), opened=True)
    if done:
        yield from _rows(
            model, table, and_(or_(*done), not_(func.coalesce(or_(false(), *about), false()))), opened=False
        )


def _conditions_about(table: Table, column: Column[Any], traces: PersonKeys) -> Iterator[ColumnElement[bool]]:
    if column.name == "member_id" or _is_or_refers_to(column, Member):
        yield column.in_(traces.members)
    if column.name == "person_id" or _is_or_refers_to(column, Person):
        yield column.in_(traces.people)
    if table in _TRACED_BY_ID:
        return
    if column.name in _NUMBER_INDEXES:
        yield column.in_(traces.numbers)
    if column.name in _PHONE_INDEXES:
        yield column.in_(traces.phones)
    if column.name == "idempotency_key":
        yield from (column.endswith(f":{phone.hex()}") for phone in traces.phones)


def _is_or_refers_to(column: Column[Any], model: type[Member | Person]) -> bool:
    own_id = model.__table__.c.id
    return column is own_id or any(key.column is own_id for key in column.foreign_keys)


def _conditions_done_by(column: Column[Any], traces: PersonKeys) -> Iterator[ColumnElement[bool]]:
    if isinstance(column.type, String):
        yield from (column == f"person:{person}" for person in traces.people)
    if column is AuditRow.__table__.c.ref:
        yield from (column.contains(str(one)) for one in traces.members | traces.people)


def _rows(
    model: Any, table: Any, condition: ColumnElement[bool], *, opened: bool
) -> Iterator[dict[str, Any]]:
    sealed = {s.column: (name, s) for name, s in vars(model).items() if isinstance(s, SealedText)}
    for row in db.session.execute(select(table).where(condition)).mappings():
        values = {}
        for column in table.columns:
            name, shut = sealed.get(column.name, (column.name, None))
            if row[column.name] is None or (shut is None and isinstance(column.type, LargeBinary)):
                continue
            if shut is None:
                values[name] = _plain(row[column.name])
            elif opened and name not in _SECRETS:
                values[name] = shut.open(row[shut.row], row[column.name])
        yield values


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value
