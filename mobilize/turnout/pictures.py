"""What the board's page shows: the rows of its tables, the map, the pace and the arrivals."""

from typing import Any

from mobilize import clock
from mobilize.actions.models import Action
from mobilize.turnout.board_lines import silent_rows, site_rows
from mobilize.turnout.drawing import bars, site_map
from mobilize.turnout.figures import Board
from mobilize.turnout.pace import arrivals_of, pace_of


def pictures(action: Action, board: Board, link: str) -> dict[str, Any]:
    """For the template: `rows`, `silent`, `map`, `pace` and `arrived`."""
    return {
        "rows": site_rows(board, link),
        "silent": silent_rows(board, link),
        "map": None if board.one_line else site_map(board.chapters),
        "pace": pace_of(board, action, clock.now()),
        "arrived": bars(arrivals_of(board, action)),
    }
