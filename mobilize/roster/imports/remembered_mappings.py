"""Remembered mappings of a roster's columns and unknown places, for the next file with the same headings."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select

from mobilize import audit
from mobilize.database import atomic, db
from mobilize.roster.models import RosterColumns, RosterPlaces
from mobilize.roster.names import fold


def hash_of(header: Sequence[str]) -> bytes:
    """What tells one source from another: its headings, in any order, blind to case and accents."""
    return hashlib.sha256("\x1f".join(sorted(fold(text) for text in header)).encode()).digest()


def recall_columns(header: Sequence[str]) -> dict[str, str]:
    """Heading -> field, as it was said of a file with these headings; empty where nothing was."""
    return columns_of(hash_of(header))


def columns_of(headings: bytes) -> dict[str, str]:
    """Heading -> field, as it was said of files with these headings."""
    row = db.session.scalar(select(RosterColumns).where(RosterColumns.headings == headings))
    columns: dict[str, str] = json.loads(row.columns) if row else {}
    return columns


def remember_columns(header: Sequence[str], chosen: Mapping[str, str], *, by: str, now: datetime) -> None:
    """Keep it; what was said before of these headings is replaced."""
    with atomic() as session:
        forget_headings(hash_of(header))
        row = RosterColumns(headings=hash_of(header), by=by, chosen_at=now)
        row.columns = json.dumps(dict(chosen), ensure_ascii=False)
        session.add(row)
        session.flush()
        audit.note(by, "import.columns", row.id, now=now)


def forget_headings(headings: bytes) -> None:
    """The next file with these headings is asked about again. Twice is once."""
    with atomic() as session:
        session.execute(delete(RosterColumns).where(RosterColumns.headings == headings))


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
