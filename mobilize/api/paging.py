"""Lists of the API by pages: in the order of ids, each page going on after the last id of the one before.

What is added meanwhile moves nothing: a program that reads to the end has read everything that was there.
"""

import base64
import binascii
import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from sqlalchemy import Select

from mobilize.database import db

MOST, USUAL = 200, 50
Item = TypeVar("Item", bound=BaseModel)
Row = TypeVar("Row")


def cursor_of(row_id: uuid.UUID) -> str:
    """The cursor that goes on after this id."""
    return base64.urlsafe_b64encode(row_id.bytes).decode().rstrip("=")


def _read_cursor(written: object) -> object:
    try:
        return uuid.UUID(bytes=base64.urlsafe_b64decode(f"{written}=="))
    except (ValueError, binascii.Error):
        raise ValueError("not a cursor of ours: take it from `next`") from None


Cursor = Annotated[
    uuid.UUID,
    BeforeValidator(_read_cursor),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$"}),
]


class PageQuery(BaseModel):
    """Which part of a list: `limit` items after `cursor`, which is the `next` of the page before."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(USUAL, ge=1, le=MOST, description="How many at most.")
    cursor: Cursor | None = Field(None, description="Where to go on: `next` of the page before.")


class Listing(BaseModel, Generic[Item]):
    """One page of a list."""

    data: list[Item]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")


def read_page(query: Select[Any], key: Any, page: PageQuery) -> tuple[Sequence[Any], str | None]:
    """(rows, cursor of the next page) of a query, in the order of the column `key`, which holds ids."""
    if page.cursor is not None:
        query = query.where(key > page.cursor)
    result = db.session.execute(query.order_by(key).limit(page.limit + 1))
    rows = result.scalars().all() if len(query.column_descriptions) == 1 else result.all()
    return _cut(rows, page, lambda row: row.id)


def cut_page(
    rows: Sequence[Row], page: PageQuery, id_of: Callable[[Row], uuid.UUID]
) -> tuple[Sequence[Row], str | None]:
    """The same of rows that a query of a room has read already."""
    ordered = sorted(rows, key=id_of)
    after = [row for row in ordered if page.cursor is None or id_of(row) > page.cursor]
    return _cut(after[: page.limit + 1], page, id_of)


def _cut(
    rows: Sequence[Row], page: PageQuery, id_of: Callable[[Row], uuid.UUID]
) -> tuple[Sequence[Row], str | None]:
    if len(rows) <= page.limit:
        return rows, None
    return rows[: page.limit], cursor_of(id_of(rows[page.limit - 1]))
