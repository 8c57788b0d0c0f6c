"""What the board's page shows: the rows of its tables, the map, the pace and the arrivals."""

from typing import Any

from mobilize import clock
from mobilize.actions.models import Action
from mobilize.turnout.board_lines import silent_lines, site_lines
from mobilize.turnout.drawing import bars, site_map
from mobilize.turnout.figures import Board
from mobilize.turnout.pace import arrivals_of, pace_of


def pictures(action: Action, board: Board) -> dict[str, Any]:
    """For the template: `lines`, `silent`, `map`, `pace` and `arrived`."""
    return {
        "lines": site_lines(board),
        "silent": silent_lines(board),
        "map": None if board.one_line else site_map(board.chapters),
        "pace": pace_of(board, action, clock.now()),
        "arrived": bars(arrivals_of(board, action)),
    }
