"""Applying a staged roster, and undoing it: a few statements inside one short transaction.

Nothing is sealed, parsed or sent row by row here, so that the write lock is held for about a second even for
a whole local, and a check-in waits no longer than that.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Executable,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from mobilize.database import Model
from mobilize.roster.members import CARRIED
from mobilize.roster.models import Member, Membership, MembershipRank, StagedMember, StagedVersion, StatusSpan

_MOVED = tuple(name for name in CARRIED if name not in ("number_index", "number_enc"))
_EDITABLE = ("name_enc", "phone_index", "status", "language")


def rows_to_write(session: Session, import_id: uuid.UUID) -> int:
    """The rows that `put_in_place` or `put_back` writes: members, and what is opened and closed of each."""
    after = case((StagedMember.side == StagedVersion.AFTER, 1))
    spans = (func.count(getattr(StagedMember, f"{of}_id")) for of in (*MembershipRank, "span"))
    columns = session.execute(
        select(func.count(after), *spans).where(StagedMember.import_id == import_id)
    ).one()
    return sum(columns)


def put_in_place(session: Session, import_id: uuid.UUID, *, now: datetime) -> Iterator[int]:
    """Do what was staged: change, add, close and open, all dated `now`. Gives after each statement how many
    rows it wrote."""
    yield _restore_or_change(session, import_id, StagedVersion.AFTER, now)
    yield _add_members(session, import_id, now)
    for rank in MembershipRank:
        yield _close(session, Membership, _ids(import_id, StagedVersion.BEFORE, f"{rank}_id"), now)
        yield _open_memberships(session, import_id, rank, now)
    yield _close(session, StatusSpan, _ids(import_id, StagedVersion.BEFORE, "span_id"), now)
    yield _open_spans(session, import_id, now)


def put_back(session: Session, import_id: uuid.UUID) -> Iterator[int]:
    """Undo `put_in_place`: what it opened goes, what it closed is open again, all members are as before."""
    for rank in MembershipRank:
        yield _remove(session, Membership, _ids(import_id, StagedVersion.AFTER, f"{rank}_id"))
    yield _remove(session, StatusSpan, _ids(import_id, StagedVersion.AFTER, "span_id"))
    for rank in MembershipRank:
        yield _close(session, Membership, _ids(import_id, StagedVersion.BEFORE, f"{rank}_id"), None)
    yield _close(session, StatusSpan, _ids(import_id, StagedVersion.BEFORE, "span_id"), None)
    yield _restore_or_change(session, import_id, StagedVersion.BEFORE, None)
    yield _remove(session, Member, _new_members(import_id))


def has_moved_on(session: Session, import_id: uuid.UUID, since: datetime) -> bool:
    """Whether the roster is no longer the one the dry run saw, so that its result would be another one."""
    changed = _differing(import_id, StagedVersion.BEFORE, CARRIED)
    taken = select(Member.id).join(
        StagedMember,
        and_(
            *_of(import_id, StagedVersion.AFTER),
            StagedMember.is_new,
            StagedMember.number_index == Member.number_index,
        ),
    )
    added = select(Member.id).where(Member.added_at > since)
    closed = _closed_since(import_id, StagedVersion.BEFORE)
    return any(session.scalar(select(query.exists())) for query in (changed, taken, added, closed))


def edited_since(session: Session, import_id: uuid.UUID, committed_at: datetime) -> list[uuid.UUID]:
    """The members whom somebody changed after this import, by name, phone, status, language or chapter."""
    edited = set(session.scalars(_differing(import_id, StagedVersion.AFTER, _EDITABLE)))
    edited |= set(session.scalars(_closed_since(import_id, StagedVersion.AFTER)))
    later = select(Membership.member_id).where(
        Membership.from_at > committed_at,
        Membership.member_id.in_(select(StagedMember.member_id).where(*_of(import_id, StagedVersion.AFTER))),
    )
    return sorted(edited | set(session.scalars(later)))


def used_since(session: Session, import_id: uuid.UUID) -> int:
    """The number of members this import added who are already counted somewhere, so that they must stay."""
    own = Membership.__table__, StatusSpan.__table__
    members = Member.__table__
    used: set[uuid.UUID] = set()
    for table in Model.metadata.sorted_tables:
        for column in table.columns:
            if table not in own and any(key.column is members.c.id for key in column.foreign_keys):
                query = select(column).where(column.in_(_new_members(import_id))).distinct()
                used |= set(session.scalars(query))
    return len(used)


def hold_members(session: Session, import_id: uuid.UUID) -> None:
    """Lock these members against edits until the end, on PostgreSQL; check-ins only refer to them and go
    on."""
    concerned = select(StagedMember.member_id).where(
        *_of(import_id, StagedVersion.AFTER), StagedMember.is_new.is_(False)
    )
    held = select(Member.id).where(Member.id.in_(concerned)).with_for_update(key_share=True).subquery()
    session.scalar(select(func.count()).select_from(held))


def _of(import_id: uuid.UUID, side: StagedVersion) -> tuple[ColumnElement[bool], ...]:
    return StagedMember.import_id == import_id, StagedMember.side == side


def _ids(import_id: uuid.UUID, side: StagedVersion, column: str) -> Select[Any]:
    staged = getattr(StagedMember, column)
    return select(staged).where(*_of(import_id, side), staged.is_not(None))


def _new_members(import_id: uuid.UUID) -> Select[Any]:
    return select(StagedMember.member_id).where(*_of(import_id, StagedVersion.AFTER), StagedMember.is_new)


def _restore_or_change(
    session: Session, import_id: uuid.UUID, side: StagedVersion, now: datetime | None
) -> int:
    values: dict[str, Any] = {name: getattr(StagedMember, name) for name in _MOVED}
    if now is not None:
        # Staged with the moment of the dry run; gone is gone from the commit on.
        values["gone_on"] = case((StagedMember.gone_on.is_(None), null()), else_=_moment(now))
    return _written(
        session,
        update(Member)
        .where(*_of(import_id, side), StagedMember.is_new.is_(False), StagedMember.member_id == Member.id)
        .values(values),
    )


def _add_members(session: Session, import_id: uuid.UUID, now: datetime) -> int:
    names = ("id", *CARRIED, "added_at")
    carried = [getattr(StagedMember, name) for name in CARRIED]
    rows = select(StagedMember.member_id, *carried, _moment(now)).where(
        *_of(import_id, StagedVersion.AFTER), StagedMember.is_new
    )
    return _written(
        session, insert(Member).from_select(names, rows.order_by(StagedMember.id), include_defaults=False)
    )


def _open_memberships(session: Session, import_id: uuid.UUID, rank: MembershipRank, now: datetime) -> int:
    opened, site = getattr(StagedMember, f"{rank}_id"), getattr(StagedMember, f"{rank}_site_id")
    rows = select(
        opened, StagedMember.member_id, site, literal(rank, Membership.rank.type), _moment(now)
    ).where(*_of(import_id, StagedVersion.AFTER), opened.is_not(None))
    names = ("id", "member_id", "site_id", "rank", "from_at")
    return _written(
        session, insert(Membership).from_select(names, rows.order_by(StagedMember.id), include_defaults=False)
    )


def _open_spans(session: Session, import_id: uuid.UUID, now: datetime) -> int:
    rows = select(StagedMember.span_id, StagedMember.member_id, StagedMember.status, _moment(now)).where(
        *_of(import_id, StagedVersion.AFTER), StagedMember.span_id.is_not(None)
    )
    names = ("id", "member_id", "status", "from_at")
    return _written(
        session, insert(StatusSpan).from_select(names, rows.order_by(StagedMember.id), include_defaults=False)
    )


def _moment(now: datetime) -> ColumnElement[datetime]:
    return literal(now, Member.added_at.type)


def _close(session: Session, kind: Any, ids: Select[Any], at: datetime | None) -> int:
    """Close at a moment, or with None open again."""
    return _written(session, update(kind).where(kind.id.in_(ids)).values(to_at=at))


def _remove(session: Session, kind: Any, ids: Select[Any]) -> int:
    return _written(session, delete(kind).where(kind.id.in_(ids)))


def _written(session: Session, statement: Executable) -> int:
    """How many rows it wrote."""
    result = session.execute(statement.execution_options(synchronize_session=False, preserve_rowcount=True))
    return cast("CursorResult[Any]", result).rowcount


def _differing(import_id: uuid.UUID, side: StagedVersion, names: tuple[str, ...]) -> Select[Any]:
    same_member = and_(*_of(import_id, side), StagedMember.member_id == Member.id)
    differs = or_(*(getattr(Member, name).is_distinct_from(getattr(StagedMember, name)) for name in names))
    return (
        select(Member.id).join(StagedMember, same_member).where(or_(differs, Member.erased_at.is_not(None)))
    )


def _closed_since(import_id: uuid.UUID, side: StagedVersion) -> Select[Any]:
    ids = [Membership.id.in_(_ids(import_id, side, f"{rank}_id")) for rank in MembershipRank]
    return select(Membership.member_id).where(or_(*ids), Membership.to_at.is_not(None))
