"""The places of a broadcast: the chapters of an action by area, those somebody chose, and their names."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

from flask_babel import format_decimal
from sqlalchemy import Select, select

from mobilize.accounts.access.scope import THE_OFFICE, Scope
from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _, listed, ngettext
from mobilize.roster.models import Area, Site

# So many places are named one by one; of more it is said how many they are.
NAMED = 3


@dataclass(frozen=True)
class ChapterPlace:
    """A chapter of the action."""

    id: uuid.UUID
    code: str
    name: str


@dataclass(frozen=True)
class AreaPlaces:
    """An area with its chapters in the action, by name."""

    id: uuid.UUID
    name: str
    chapters: tuple[ChapterPlace, ...]

    @property
    def ids(self) -> set[str]:
        """The chapters' ids, as a form sends them."""
        return {str(chapter.id) for chapter in self.chapters}


def chapters_by_area(action: Action, scope: Scope = THE_OFFICE) -> list[AreaPlaces]:
    """The action's chapters in scope whose event stands, by area."""
    query = (
        select(Area.id, Area.name, Site.id, Site.code, Site.name)
        .select_from(Site)
        .join(Area, Area.id == Site.area_id)
        .join(EventChapter, EventChapter.site_id == Site.id)
        .join(Event, Event.id == EventChapter.event_id)
        .where(EventChapter.action_id == action.id, EventChapter.gone_at.is_(None))
        .where(Event.state != EventState.CALLED_OFF)
        .order_by(Area.name, Site.name, Site.code)
    )
    chapters: dict[tuple[uuid.UUID, str], list[ChapterPlace]] = {}
    for area_id, area, *chapter in db.session.execute(scope.limit(cast(Select[Any], query))):
        chapters.setdefault((area_id, area), []).append(ChapterPlace(*chapter))
    return [AreaPlaces(*area, tuple(inside)) for area, inside in chapters.items()]


def chosen_chapters(
    areas: Collection[AreaPlaces], places: Collection[uuid.UUID] | None
) -> list[uuid.UUID] | None:
    """The ids of the chapters that these areas and sites stand for, and all of them for None. None when a
    place is not among `areas`: it is out of scope, or not there."""
    if places is None:
        return [chapter.id for area in areas for chapter in area.chapters]
    there_are = {area.id for area in areas} | {chapter.id for area in areas for chapter in area.chapters}
    if not there_are.issuperset(places):
        return None
    return [
        chapter.id for area in areas for chapter in area.chapters if area.id in places or chapter.id in places
    ]


def places_named(areas: Collection[AreaPlaces], names: Collection[str]) -> list[uuid.UUID]:
    """The areas and sites that somebody typed: an area by its name, a site by its code. Refused:
    no_such_place."""
    by_name = {area.name.casefold(): area.id for area in areas}
    by_name |= {one.code.casefold(): one.id for area in areas for one in area.chapters}
    for name in names:
        if name.casefold() not in by_name:
            raise Refused(
                "no_such_place", _("No area or school of this action is called %(name)s.", name=name)
            )
    return [by_name[name.casefold()] for name in names]


def ticked_places(
    areas: Collection[AreaPlaces], chapters: Collection[uuid.UUID] | None
) -> list[uuid.UUID] | None:
    """The other way round: whole areas, and single sites of others; None when these are all chapters."""
    if chapters is None or all(one.id in chapters for area in areas for one in area.chapters):
        return None
    places: list[uuid.UUID] = []
    for area in areas:
        inside = [one.id for one in area.chapters if one.id in chapters]
        places += [area.id] if len(inside) == len(area.chapters) else inside
    return places


def names_of(areas: Collection[AreaPlaces], chapters: Collection[uuid.UUID] | None) -> str:
    """In words: a few sites or whole areas by name, all of the action's, or how many in which areas."""
    inside = {
        area: names
        for area in areas
        if (names := [one.name for one in area.chapters if chapters is None or one.id in chapters])
    }
    names = [name for one in inside.values() for name in one]
    if len(names) == 1:
        return names[0]
    if len(inside) <= NAMED and all(len(some) == len(area.chapters) for area, some in inside.items()):
        return listed(area.name for area in inside)
    if len(names) <= NAMED:
        return listed(names)
    count = {"count": format_decimal(len(names)), "areas": listed(area.name for area in inside)}
    if chapters is None:
        return str(ngettext("all %(count)s chapter", "all %(count)s chapters", len(names), **count))
    if len(inside) > NAMED:
        return str(ngettext("%(count)s chapter", "%(count)s chapters", len(names), **count))
    return str(
        ngettext("%(count)s chapter of %(areas)s", "%(count)s chapters of %(areas)s", len(names), **count)
    )
