"""Plan of what a list of sites changes; applying it, and undoing it.

A plan is plain data: `areas` to add, and per site its id, its values `before` (None for a new one) and
`after`. Sites that the list no longer has are left as they are: their chapters and past events stay.
"""

import uuid
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from mobilize.database import db, new_id
from mobilize.roster.imports.reading.sites_reader import SiteRow, SitesReading
from mobilize.roster.models import Area, Site
from mobilize.roster.names import fold

NO_AREA = "No area yet"
COLUMNS = ("name", "area_id", "tz", "street", "city", "zip", "lat", "lon", "represented", "campus")
SitesPlan = dict[str, Any]


def plan_sites(reading: SitesReading, zone: str) -> SitesPlan:
    """The plan for this list. `zone` is the time zone of sites that do not say theirs. Ids are hex text."""
    areas = {fold(name): area_id for area_id, name in db.session.execute(select(Area.id, Area.name))}
    existing = {site.code: site for site in db.session.scalars(select(Site))}
    new_areas: list[dict[str, str]] = []
    rows = []
    for row in reading.sites.values():
        site = existing.get(row.code)
        area_id = _area(row, site, areas, new_areas)
        before = _values(site) if site else None
        after = _after(row, site, area_id, zone)
        if after != before:
            site_id = site.id if site else new_id()
            rows.append({"id": site_id.hex, "code": row.code, "before": before, "after": after})
    missing = [site.name for code, site in existing.items() if code not in reading.sites]
    return {
        "areas": new_areas,
        "sites": rows,
        "same": len(reading.sites) - len(rows),
        "missing": len(missing),
    }


def put_in_place(session: Session, plan: SitesPlan) -> None:
    """Apply the plan."""
    areas = [{"id": uuid.UUID(hex=area["id"]), "name": area["name"]} for area in plan["areas"]]
    if areas:
        session.execute(insert(Area), areas)
    added = [{**_stored(r["after"]), "id": uuid.UUID(hex=r["id"]), "code": r["code"]} for r in _new(plan)]
    if added:
        session.execute(insert(Site), added)
    _write(session, plan, "after")


def put_back(session: Session, plan: SitesPlan) -> None:
    """Undo `put_in_place`. A site or area in use by now raises the database's IntegrityError."""
    _write(session, plan, "before")
    session.execute(delete(Site).where(Site.id.in_([uuid.UUID(hex=row["id"]) for row in _new(plan)])))
    session.execute(delete(Area).where(Area.id.in_([uuid.UUID(hex=area["id"]) for area in plan["areas"]])))


def has_moved_on(session: Session, plan: SitesPlan) -> bool:
    """Whether some site is no longer what the dry run saw."""
    codes = [row["code"] for row in _new(plan)]
    taken = session.scalar(select(select(Site.id).where(Site.code.in_(codes)).exists()))
    return bool(taken) or _differs(session, plan, "before")


def was_edited(session: Session, plan: SitesPlan) -> bool:
    """Whether some site is no longer what the import made of it."""
    return _differs(session, plan, "after")


def _area(
    row: SiteRow, site: Site | None, areas: dict[str, uuid.UUID], new: list[dict[str, str]]
) -> uuid.UUID:
    if not row.area and site is not None:
        return site.area_id
    name = row.area or NO_AREA
    if fold(name) not in areas:
        areas[fold(name)] = new_id()
        new.append({"id": areas[fold(name)].hex, "name": name})
    return areas[fold(name)]


def _after(row: SiteRow, site: Site | None, area_id: uuid.UUID, zone: str) -> dict[str, Any]:
    """Fields that the list does not hold stay as they are; a new site is represented unless the list says
    otherwise."""
    kept = (
        _values(site) if site else {"represented": True, "tz": zone, "campus": None, "lat": None, "lon": None}
    )
    placed = {"lat": row.lat, "lon": row.lon} if row.lat is not None else {}
    stated = {"represented": row.represented, "tz": row.zone, "campus": row.campus}
    texts = {"street": row.street, "city": row.city, "zip": row.zip}
    from_list = {name: value for name, value in stated.items() if value is not None}
    if site is not None:
        texts = {name: value for name, value in texts.items() if value}
    return {**kept, **texts, **placed, **from_list, "name": row.name, "area_id": area_id.hex}


def _values(site: Site) -> dict[str, Any]:
    values = {name: getattr(site, name) for name in COLUMNS}
    return {**values, "area_id": site.area_id.hex}


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "area_id": uuid.UUID(hex=values["area_id"])}


def _new(plan: SitesPlan) -> list[dict[str, Any]]:
    return [row for row in plan["sites"] if row["before"] is None]


def _changed(plan: SitesPlan) -> list[dict[str, Any]]:
    return [row for row in plan["sites"] if row["before"] is not None]


def _write(session: Session, plan: SitesPlan, side: str) -> None:
    rows = [{**_stored(row[side]), "id": uuid.UUID(hex=row["id"])} for row in _changed(plan)]
    if rows:
        session.execute(update(Site), rows)


def _differs(session: Session, plan: SitesPlan, side: str) -> bool:
    expected = {uuid.UUID(hex=row["id"]): row[side] for row in plan["sites"] if row[side] is not None}
    sites = session.scalars(select(Site).execution_options(populate_existing=True))
    stored = {site.id: _values(site) for site in sites if site.id in expected}
    return stored != expected
