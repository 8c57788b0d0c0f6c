"""Look-ups that accounts needs from the rooms above it. `mobilize.blueprints` passes them in."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app
from sqlalchemy import Select

_KEY = "mobilize.higher_rooms"


@dataclass(frozen=True)
class HigherRooms:
    """`event_ids_with_code(code)`: SELECT of the event that has or had this code. `running_holds()`: the
    number of legal holds. `audit_labels(ids)`: the labels of rows of the higher rooms among these ids."""

    event_ids_with_code: Callable[[str], Select[uuid.UUID]]
    running_holds: Callable[[], int]
    audit_labels: Callable[[set[uuid.UUID]], Mapping[uuid.UUID, str]]


def init_app(app: Flask, rooms: HigherRooms) -> None:
    """Make the look-ups available in the application's context."""
    extensions: dict[str, Any] = app.extensions
    extensions[_KEY] = rooms


def higher_rooms() -> HigherRooms:
    """The look-ups of the current application."""
    return cast(HigherRooms, current_app.extensions[_KEY])
