"""Areas by hand. A list of sites brings its own; these are for whoever is invited before it is there."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from mobilize import audit
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Area
from mobilize.roster.names import fold

LONGEST_NAME, MOST = 80, 100


def add_areas(names: Iterable[str], *, by: str, now: datetime) -> int:
    """Add the areas of these names that are not there yet, however they are spelled; returns how many are
    new. Twice adds none. Refused: "no_names", "too_many" (above 100), "long_name"."""
    cleaned = [" ".join(name.split()) for name in names]
    typed = {fold(name): name for name in reversed(cleaned) if name}
    if not typed:
        raise Refused("no_names", _("Type a name on each line."))
    if len(typed) > MOST:
        raise Refused("too_many", _("100 areas at most."))
    if any(len(name) > LONGEST_NAME or not name.isprintable() for name in typed.values()):
        raise Refused("long_name", _("A name can have up to 80 letters."))
    with atomic() as session:
        standing = {fold(name) for name in session.scalars(select(Area.name))}
        new = [Area(name=name) for key, name in typed.items() if key not in standing]
        session.add_all(new)
        session.flush()
        for area in new:
            audit.note(by, "area.add", area.id, now=now)
    return len(new)
