"""Drawings of a live board: as what keeps its page fresh, as figures for machines, and as what a wall shows.

A drawing depends on nothing but its key and the board, so that whoever asks for the same is given the same.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from mobilize.accounts.access.scope import Scope
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.languages import language
from mobilize.turnout.board.board_page import board_payload, has_begun
from mobilize.turnout.board.drawing.wall_page import wall_html
from mobilize.turnout.figures.types import Board
from mobilize.turnout.reports.tables import as_json

# A tenth of the bytes, for a phone on the road; higher levels of gzip win little and take long.
QUICKLY = 1


class DrawingKind(StrEnum):
    """Who it is for: machines, the page of a board, or a wall."""

    FIGURES = "figures"
    PAGE = "page"
    WALL = "wall"


@dataclass(frozen=True, slots=True)
class DrawingKey:
    """What tells one drawing from another: the action, who sees it, and in which language; of a page, which
    area is on the map, and whether names of places and what stands behind a word below them are there; of a
    wall, its area. `begun`: the action had begun."""

    action_id: UUID
    scope: Scope
    kind: DrawingKind
    language: str
    begun: bool
    area_id: UUID | None = None
    places: bool = False
    more: bool = False

    @classmethod
    def of(
        cls, kind: DrawingKind, action: Action, scope: Scope, area_id: UUID | None = None, **parts: bool
    ) -> "DrawingKey":
        """That of whoever asks now, in their language."""
        return cls(action.id, scope, kind, language(), has_begun(action), area_id, **parts)

    def to_json(self) -> str:
        """The same text in every process: the order of a set is not."""
        ids = {name: sorted(map(str, getattr(self.scope, name))) for name in ("roles", "areas", "sites")}
        return json.dumps(
            {
                "action": str(self.action_id),
                "everything": self.scope.everything,
                **ids,
                "kind": self.kind,
                "language": self.language,
                "begun": self.begun,
                "area": str(self.area_id) if self.area_id else None,
                "places": self.places,
                "more": self.more,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "DrawingKey":
        """The reverse of `to_json`."""
        stored: dict[str, Any] = json.loads(text)
        return cls(
            action_id=UUID(stored["action"]),
            scope=Scope(
                roles=frozenset(map(RoleName, stored["roles"])),
                everything=stored["everything"],
                areas=frozenset(map(UUID, stored["areas"])),
                sites=frozenset(map(UUID, stored["sites"])),
            ),
            kind=DrawingKind(stored["kind"]),
            language=stored["language"],
            begun=stored["begun"],
            area_id=UUID(stored["area"]) if stored["area"] else None,
            places=stored["places"],
            more=stored["more"],
        )


@dataclass(frozen=True, slots=True)
class Drawing:
    """The JSON, also compressed, and the name of this state.

    It may be compressed: it holds figures alone, no token, and nothing that the asker has typed.
    """

    body: bytes
    gzipped: bytes
    etag: str


def draw(key: DrawingKey, action: Action, visible: Board) -> Drawing:
    """The drawing of what `key.scope` sees of a board, in the language of the context."""
    if key.kind is DrawingKind.WALL:
        return as_drawing({"html": wall_html(action, visible, key.area_id)})
    if key.kind is DrawingKind.PAGE:
        return as_drawing(
            board_payload(action, visible, area_id=key.area_id, places=key.places, more=key.more)
        )
    areas = {"areas": as_json(visible, by="area")["areas"]}
    return as_drawing({"drill": action.drill} | as_json(visible, by="site") | areas)


def as_drawing(what: Mapping[str, object]) -> Drawing:
    """As JSON."""
    body = json.dumps(what, ensure_ascii=False).encode()
    return Drawing(
        body, gzip.compress(body, QUICKLY, mtime=0), hashlib.blake2b(body, digest_size=12).hexdigest()
    )
