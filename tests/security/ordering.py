"""Whether the order of a list can be read from the order of stored rows: every table, every column.

Whose row it is comes from what any of its cells names: a member's id, the index of their number or phone, or
the id of another row of theirs. So a new table is in it by itself.
"""

import json
import math
import re
import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import text

from mobilize.database import Model, db, is_postgres

# Fewer rows say nothing either way.
FEWEST = 100
LIMIT = 0.05
_TOKEN = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")

Values = list[Any]


@dataclass
class Stored:
    """A table's rows as they lie in the file, or as a dump writes them; `place` is the row's position."""

    name: str
    columns: list[str]
    rows: list[Values]


@dataclass(frozen=True)
class Correlation:
    """The correlation of one column of a table with one order of the list; `noise` is the standard deviation
    that chance gives `tau` with so many rows."""

    table: str
    column: str
    order: str
    tau: float
    rows: int
    noise: float

    @property
    def tells(self) -> bool:
        """More than 0.05; of less than 6,500 rows, more than six times what chance does."""
        return abs(self.tau) > max(LIMIT, 6 * self.noise)


def agreement(ranked: Iterable[tuple[int, Any]]) -> int:
    """Pairs in the same order in both, less those in the opposite one, of (rank, value); the ranks differ.
    Divided by the number of pairs it is Kendall's tau (a); tied values count neither way."""
    score, before = 0, list[Any]()
    for _rank, value in sorted(ranked, key=lambda pair: pair[0]):
        less, not_more = bisect_left(before, value), bisect_right(before, value)
        score += less - (len(before) - not_more)
        before.insert(not_more, value)
    return score


def stored_tables() -> list[Stored]:
    """Every table of the database, in the order in which its rows lie there."""
    names = [table.name for table in Model.metadata.sorted_tables]
    place = "ctid" if is_postgres() else "rowid"
    results = []
    for name in names:
        read = db.session.execute(text(f'SELECT * FROM "{name}" ORDER BY {place}'))
        results.append(Stored(name, list(read.keys()), [[_plain(cell) for cell in row] for row in read]))
    db.session.rollback()
    return results


def owners(tables: Sequence[Stored], whose: dict[str, str]) -> dict[str, list[str | None]]:
    """Per table the member (a key of the caller's) whose row each is, or None. `whose` says it of the tokens
    that name a member; rows found bring the ids by which others name them."""
    whose = dict(whose)
    results: dict[str, list[str | None]] = {one.name: [None] * len(one.rows) for one in tables}
    tokens = {one.name: [_tokens(row) for row in one.rows] for one in tables}
    changed = True
    while changed:
        changed, new = False, dict[str, str]()
        for one in tables:
            at = one.columns.index("id") if "id" in one.columns else None
            for n, sentence in enumerate(tokens[one.name]):
                members = {whose[token] for token in sentence if token in whose}
                if results[one.name][n] is None and len(members) == 1:
                    results[one.name][n] = member = members.pop()
                    changed = True
                    if at is not None:
                        new |= dict.fromkeys(_tokens([one.rows[n][at]]), member)
        whose = new | whose
    return results


def followed(
    tables: Sequence[Stored],
    owned: dict[str, list[str | None]],
    orders: dict[str, dict[str, int]],
    chapter: dict[str, str],
) -> Iterator[Correlation]:
    """The correlation of each column, and of the place of the rows, with each order: over all, and within
    chapters."""
    for one in tables:
        of_members = [(n, member) for n, member in enumerate(owned[one.name]) if member is not None]
        if len(of_members) < FEWEST:
            continue
        for column, values in _columns(one, [n for n, _member in of_members]):
            pairs = [(member, v) for (_n, member), v in zip(of_members, values, strict=True) if v is not None]
            for order, ranks in orders.items():
                yield _measured(one.name, column, order, [("", ranks[m], v) for m, v in pairs])
                within = [(chapter[m], ranks[m], v) for m, v in pairs]
                yield _measured(one.name, column, f"{order} within chapters", within)


def _measured(table: str, column: str, order: str, rows: list[tuple[str, int, Any]]) -> Correlation:
    """Pairs are compared within a group. Chance: Kendall's variance 2(2n + 5) / 9n(n - 1), for each group."""
    score = pairs = members = 0
    variance = 0.0
    for _group, some in groupby(sorted(rows, key=lambda row: row[0]), key=lambda row: row[0]):
        group = list(_one_each(some))
        n = len(group)
        score, pairs, members = score + agreement(group), pairs + n * (n - 1) // 2, members + n
        variance += n * (n - 1) * (2 * n + 5) / 18
    return Correlation(
        table, column, order, score / max(pairs, 1), members, math.sqrt(variance) / max(pairs, 1)
    )


def _one_each(rows: Iterable[tuple[str, int, Any]]) -> Iterator[tuple[int, Any]]:
    """(rank, value); of several rows of one member, the first."""
    taken = set[int]()
    for _group, rank, value in rows:
        if rank not in taken:
            taken.add(rank)
            yield rank, value


def _columns(one: Stored, rows: list[int]) -> Iterator[tuple[str, Values]]:
    """Sealed values are left out: each begins with random bytes of its own."""
    yield "(place)", list(rows)
    for at, column in enumerate(one.columns):
        if column.endswith("_enc"):
            continue
        values = [one.rows[n][at] for n in rows]
        if len(set(values)) > 1:
            yield column, values


def _plain(cell: Any) -> Any:
    """The same on both databases, and something that can be sorted."""
    if isinstance(cell, uuid.UUID):
        return cell.hex
    if isinstance(cell, (bytes, memoryview)):
        return bytes(cell).hex()
    if isinstance(cell, (dict, list)):
        return json.dumps(cell)
    return cell


def _tokens(row: Values) -> set[str]:
    return {
        token.replace("-", "")
        for cell in row
        if isinstance(cell, str) and len(cell) >= 32
        for token in _TOKEN.findall(cell)
    }
