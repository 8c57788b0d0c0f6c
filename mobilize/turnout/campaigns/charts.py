"""Charts of a campaign: small multiples and a heat map of areas by actions, without any inline style.

The table beside them says the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mobilize.turnout.campaigns.matrix import MatrixCell, MatrixRow
from mobilize.turnout.labels import percent_text, points_text

# A small multiple: its bars stand between the values of the axis and the edge.
WIDTH, HEIGHT = 168, 112
LEFT, TOP, BOTTOM = 38, 10, 18
WIDEST = 26
# Of more columns than this, every second one says its number.
NUMBERED = 7
# The heat map.
CELL, ROW, HEAD = 60, 40, 28
# An average letter's width, and how many of a name are shown.
LETTER, LETTERS = 7.6, 24


@dataclass(frozen=True, slots=True)
class ChartColumn:
    """One action in a small multiple: `number` is that of the list of actions, `numbered` whether the picture
    says it, `text` its share in words. `height` is None where few or none are eligible: no share is drawn."""

    number: int
    numbered: bool
    text: str
    running: bool
    x: float
    y: float
    width: float
    height: float | None


@dataclass(frozen=True, slots=True)
class Multiple:
    """The series of one area: `last` and `change` in words, of the actions that are over."""

    row: MatrixRow
    last: str
    change: str
    columns: Sequence[ChartColumn]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A field of the heat map; `band` is None where there is no share to colour; `filled` is how much of its
    foot is drawn."""

    text: str
    band: int | None
    running: bool
    x: float
    y: float
    filled: float


@dataclass(frozen=True, slots=True)
class HeatMap:
    """`heads`: the numbers of the actions with their place; `rows`: the short name, all of it, and its
    height; `left` is where the fields begin."""

    heads: Sequence[tuple[float, int]]
    rows: Sequence[tuple[str, str, float]]
    cells: Sequence[HeatCell]
    left: float
    width: float
    height: float


def multiples(rows: Sequence[MatrixRow], latest: int) -> list[Multiple]:
    """A picture for each row, of its latest actions; all of them from 0 to 100 percent."""
    return [
        Multiple(row, share_in_words(row.last), points_text(row.change), _columns(row, latest))
        for row in rows
    ]


def share_in_words(cell: MatrixCell | None) -> str:
    """The share; of a few members, how many of how many; a dash where there is neither."""
    if cell is None or not cell.eligible:
        return "–"
    return f"{cell.came}/{cell.eligible}" if cell.small else percent_text(cell.share)


def level(share: float) -> float:
    """The height of a share in a small multiple."""
    return round(HEIGHT - BOTTOM - min(share, 1) * (HEIGHT - BOTTOM - TOP), 1)


def heat_map(rows: Sequence[MatrixRow], latest: int, bands: Sequence[int]) -> HeatMap:
    """Areas (or sites) by their latest actions."""
    names = [row.name if len(row.name) <= LETTERS else f"{row.name[: LETTERS - 1].rstrip()}…" for row in rows]
    left = round(max(map(len, names)) * LETTER + 12, 1)
    count = min(latest, len(rows[0].cells))
    cells = [
        _heat_cell(cell, over, bands, round(left + n * CELL, 1), HEAD + line * ROW)
        for line, row in enumerate(rows)
        for n, (cell, over) in enumerate(zip(row.cells[-count:], row.over[-count:], strict=True))
    ]
    heads = [(round(left + n * CELL + CELL / 2, 1), n + 1) for n in range(count)]
    listed = [(name, row.name, HEAD + n * ROW) for n, (name, row) in enumerate(zip(names, rows, strict=True))]
    return HeatMap(heads, listed, cells, left, round(left + count * CELL + 2, 1), HEAD + len(rows) * ROW + 2)


def _columns(row: MatrixRow, latest: int) -> list[ChartColumn]:
    cells, over = row.cells[-latest:], row.over[-latest:]
    wide = min((WIDTH - LEFT) / len(cells), WIDEST)
    columns = []
    for n, (cell, ended) in enumerate(zip(cells, over, strict=True)):
        share = cell.share if cell and not cell.small else None
        y = level(share or 0)
        height = None if share is None else round(HEIGHT - BOTTOM - y, 1)
        x = round(LEFT + n * wide, 1)
        columns.append(
            ChartColumn(
                n + 1,
                len(cells) <= NUMBERED or n % 2 == 0,
                share_in_words(cell),
                not ended,
                x,
                y,
                round(wide * 0.8, 1),
                height,
            )
        )
    return columns


def _heat_cell(cell: MatrixCell | None, over: bool, bands: Sequence[int], x: float, y: float) -> HeatCell:
    share = cell.share if cell and not cell.small else None
    band = cell.band(bands) if cell and share is not None else None
    return HeatCell(share_in_words(cell), band, not over, x, y, round((CELL - 4) * min(share or 0, 1), 1))
