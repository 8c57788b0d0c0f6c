"""What somebody said of places that a roster names and no list has, for the next file of its source."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select

from mobilize import audit
from mobilize.database import atomic, db
from mobilize.roster.imports.remembered_columns import hash_of
from mobilize.roster.models import RosterPlaces


def recall_places(header: Sequence[str]) -> dict[str, str]:
    """Word of the file -> code of a site, or "" to leave it out; empty where nothing was said."""
    return _said_of(hash_of(header))


def remember_places(headings: bytes, places: Mapping[str, str], *, by: str, now: datetime) -> None:
    """Add what was said of files with these headings; of one word the last counts."""
    with atomic() as session:
        whole = _said_of(headings) | dict(places)
        session.execute(delete(RosterPlaces).where(RosterPlaces.headings == headings))
        row = RosterPlaces(headings=headings, by=by, chosen_at=now)
        row.places = json.dumps(whole, ensure_ascii=False)
        session.add(row)
        session.flush()
        audit.note(by, "import.places", row.id, now=now)


def _said_of(headings: bytes) -> dict[str, str]:
    row = db.session.scalar(select(RosterPlaces).where(RosterPlaces.headings == headings))
    places: dict[str, str] = json.loads(row.places) if row else {}
    return places
