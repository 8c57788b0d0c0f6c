"""Key rotation: how many values each key sealed, and sealing all of them again with the newest key.

How it is done without stopping anything stands in docs/decisions/0005.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Table, func, not_, or_, select, update
from sqlalchemy.orm import Session

from mobilize import audit, settings
from mobilize.database import Model, SealedText, atomic, db
from mobilize.keys import crypto
from mobilize.keys.crypto import CannotOpen, head_of

_NIL = uuid.UUID(int=0)


@dataclass
class Rotation:
    """The result of `rotate`: values sealed anew, and values it could not open, by "table.column"."""

    resealed: Counter[str] = field(default_factory=Counter)
    shut: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class KeyUse:
    """One key: how many values it sealed; `listed` in SECRET_KEYS, `newest` when it seals what is new."""

    key_id: str
    listed: bool
    newest: bool
    values: int


@dataclass(frozen=True)
class SealedColumn:
    """One sealed column of one table. `staged` hold the same values, for rows that an import would write."""

    model: type[Model]
    sealed: SealedText

    @property
    def table(self) -> Table:
        return cast(Table, self.model.__table__)

    @property
    def column(self) -> Any:
        return self.table.c[self.sealed.column]

    @property
    def row_id(self) -> Any:
        return self.table.c[self.sealed.row]

    @property
    def key(self) -> Any:
        """The column that the rows are read in the order of: ids that no two rows share."""
        return self.table.c.get("id", self.row_id)

    def __str__(self) -> str:
        return f"{self.table.name}.{self.sealed.column}"


def sealed_columns() -> list[SealedColumn]:
    """Every sealed column of the models, found by its `SealedText` descriptor."""
    models = [cast(type[Model], mapper.class_) for mapper in Model.registry.mappers]
    columns = [SealedColumn(m, s) for m in models for s in vars(m).values() if isinstance(s, SealedText)]
    return sorted(columns, key=str)


def rotate(*, by: str, now: datetime, tell: Callable[[str, int], None] | None = None) -> Rotation:
    """Seal every value of an older key again with the newest one, in small transactions, while others work.

    Killed anywhere it goes on where it stopped, since each value says which key sealed it; a value that
    somebody else writes meanwhile stays theirs. `tell(column, done)` is called with the progress.
    """
    done = Rotation()
    for column in sealed_columns():
        last: uuid.UUID | None = _NIL
        while last is not None:
            with atomic() as session:
                last = _reseal(session, column, last, done)
            if tell:
                tell(str(column), done.resealed[str(column)])
    with atomic():
        audit.note(by, "keys.rotate", settings().secret_keys[0].id, now=now)
    return done


def uses() -> list[KeyUse]:
    """Each key that is listed or has sealed a value, the newest first, keys that are not listed last."""
    listed = [key.id for key in settings().secret_keys]
    counts: Counter[str] = Counter()
    for column in sealed_columns():
        counts.update(_counted(column, listed))
    ordered = [*listed, *sorted(set(counts) - set(listed))]
    return [KeyUse(key_id, key_id in listed, key_id == listed[0], counts[key_id]) for key_id in ordered]


def unknown_key() -> str | None:
    """The id of a key that sealed a value and is not listed, so that this process cannot open it."""
    listed = [key.id for key in settings().secret_keys]
    keys = (_key_beside(column, listed) for column in sealed_columns())
    return next((key_id for key_id in keys if key_id is not None), None)


def unfit_key() -> str | None:
    """The id of a key that sealed a value which this process cannot open: not listed, or listed with other
    bytes. Of each key that is listed, one value is tried."""
    return unknown_key() or next((key.id for key in settings().secret_keys if not _opens(key.id)), None)


def _opens(key_id: str) -> bool:
    for column in sealed_columns():
        sealed_by_it = _begins_with(column.column, head_of(key_id))
        row = db.session.execute(select(column.row_id, column.column).where(sealed_by_it).limit(1)).first()
        if row is not None:
            return _is_opened(column, *row)
    return True


def _is_opened(column: SealedColumn, row_id: uuid.UUID, value: bytes) -> bool:
    try:
        column.sealed.open(row_id, value)
    except CannotOpen:
        return False
    return True


def _reseal(session: Session, column: SealedColumn, after: uuid.UUID, done: Rotation) -> uuid.UUID | None:
    """One batch, in the order of the rows' ids; returns the last id it looked at, None at the end."""
    old = list(session.execute(_old_values(column, after)))
    fresh: dict[uuid.UUID, tuple[bytes, bytes]] = {}
    for key, row_id, value in old:
        try:
            anew = column.sealed.seal(row_id, column.sealed.open(row_id, value))
        except CannotOpen:
            done.shut[str(column)] += 1
            continue
        # Only where it still says what we read: who wrote meanwhile sealed with the newest key anyway.
        changed = session.execute(
            update(column.table)
            .where(column.key == key, column.column == value)
            .values({column.column: anew})
        )
        done.resealed[str(column)] += changed.rowcount  # type: ignore[attr-defined]
        fresh[row_id] = value, anew
    for staged in _staged_like(column):
        _keep_staged_equal(session, staged, fresh, done)
    return old[-1][0] if len(old) == column.sealed.at_once else None


def _old_values(column: SealedColumn, after: uuid.UUID) -> Select[Any]:
    stale = not_(_begins_with(column.column, head_of(settings().secret_keys[0].id)))
    query = select(column.key, column.row_id, column.column).where(column.key > after)
    return query.where(column.column.is_not(None), stale).order_by(column.key).limit(column.sealed.at_once)


def _staged_like(column: SealedColumn) -> Iterator[SealedColumn]:
    for other in sealed_columns():
        if other.sealed.like is column.model and other.sealed.column == column.sealed.column:
            yield other


def _keep_staged_equal(
    session: Session, staged: SealedColumn, fresh: dict[uuid.UUID, tuple[bytes, bytes]], done: Rotation
) -> None:
    """An import can be undone while its rows equal what it staged, byte for byte: keep them so."""
    query = select(staged.key, staged.row_id, staged.column).where(staged.row_id.in_(fresh))
    for key, row_id, value in list(session.execute(query)) if fresh else []:
        was, anew = fresh[row_id]
        if value == was:
            session.execute(update(staged.table).where(staged.key == key).values({staged.column: anew}))
            done.resealed[str(staged)] += 1


def _begins_with(column: Any, head: bytes) -> ColumnElement[bool]:
    return func.substr(column, 1, len(head)) == head


def _counted(column: SealedColumn, listed: list[str]) -> dict[str, int]:
    """The number of values of a column by key, with keys that are not listed."""
    key_ids, counted = list(listed), {}
    while (other := _key_beside(column, key_ids)) is not None:
        key_ids.append(other)
    for key_id in key_ids:
        sealed_by = select(func.count()).where(_begins_with(column.column, head_of(key_id)))
        counted[key_id] = db.session.scalar(sealed_by.select_from(column.table)) or 0
    return counted


def _key_beside(column: SealedColumn, key_ids: list[str]) -> str | None:
    """The id of a key that sealed a value of this column and is not among `key_ids`."""
    by_these = or_(*(_begins_with(column.column, head_of(key_id)) for key_id in key_ids))
    others = select(column.column).where(column.column.is_not(None), not_(by_these))
    value = db.session.scalar(others.limit(1))
    return None if value is None else crypto.key_id_of(value)
