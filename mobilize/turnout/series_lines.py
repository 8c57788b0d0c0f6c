"""The rows of a series as its page shows them: what 800 times 12 cells say is worked out before."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from markupsafe import Markup, escape

from mobilize.turnout.matrix import Cell, Row
from mobilize.turnout.wording import percent_text, points_text

# A cell: the heading of its column; how many thresholds its share reaches, None without one; the share.
Said = tuple[Markup, str | None, Markup]


class Line(NamedTuple):
    """A row; `area` is "" where it is the row's own name."""

    id: UUID | None
    name: str
    area: str
    cells: Sequence[Said]
    change: str


def lines_of(rows: Sequence[Row], columns: Sequence[str], bands: Sequence[int]) -> list[Line]:
    """The latest actions, as many as there are `columns`, which are their names in the reader's language."""
    labels = [escape(name) for name in columns]
    held: dict[Cell | None, tuple[str | None, Markup]] = {None: (None, escape("–"))}
    found = []
    for row in rows:
        shown = row.cells[-len(labels) :]
        for cell in shown:
            if cell not in held:
                held[cell] = _said(cell, bands)
        cells = [(label, *held[cell]) for label, cell in zip(labels, shown, strict=True)]
        area = row.area if row.area != row.name else ""
        found.append(Line(row.id, row.name, area, cells, points_text(row.change) or "–"))
    return found


def _said(cell: Cell | None, bands: Sequence[int]) -> tuple[str | None, Markup]:
    if cell is None or cell.share is None:
        return None, escape("–")
    return str(cell.band(bands)), escape(percent_text(cell.share))
