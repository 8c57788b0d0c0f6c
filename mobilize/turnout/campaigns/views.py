"""The series of a campaign: a page, and the same figures as a file."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from flask import Response, abort, render_template, request, url_for
from markupsafe import Markup, escape

from mobilize import audit, clock, settings
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import Campaign
from mobilize.actions.visibility import visible_site
from mobilize.database import db
from mobilize.languages import _, language
from mobilize.tabular import Sheet
from mobilize.turnout.campaigns.matrix import Matrix, MatrixCell, MatrixRow, matrix_of
from mobilize.turnout.campaigns.participation import participation_of
from mobilize.turnout.campaigns.readiness import readiness
from mobilize.turnout.figures.types import percent
from mobilize.turnout.labels import percent_text, points_text
from mobilize.turnout.reports.views import as_table
from mobilize.turnout.routes import bp

# A page shows so many actions; the file has them all.
LATEST = 12


@bp.get("/campaigns/<uuid:campaign_id>/sites/<uuid:site_id>/seen")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def seen_how_often(campaign_id: UUID, site_id: UUID) -> str:
    """The members of a chapter seen at none, some, all actions: by name for its chair and its own
    organizer."""
    site, now = visible_site(site_id, me().scope), clock.now()
    campaign = db.session.get(Campaign, campaign_id) or abort(404)
    participation = participation_of(campaign.id, site.id, now) or abort(404)
    named = site.id in me().scope.sites or site.area_id in me().scope.areas
    if named:
        audit.note(me().actor, "how_often.see", f"{campaign.id}/{site.id}", now=now)
    page = {"campaign": campaign, "site": site, "participation": participation, "named": named}
    return render_template("turnout/seen_how_often.html", **page)


@bp.get("/campaigns/<uuid:campaign_id>/series")
@signed_in(RoleName.ORGANIZER)
def series(campaign_id: UUID) -> str | Response:
    """Site by action, for the sites in scope. `?form=csv` is the whole matrix as a file."""
    now = clock.now()
    campaign = db.session.get(Campaign, campaign_id) or abort(404)
    matrix = matrix_of(campaign.id, me().scope, now) or abort(404)
    if request.args.get("form") == "csv":
        return as_table([_sheet(matrix)], "csv", campaign, "series")
    return render_template(
        "turnout/series.html", campaign=campaign, link=_seen_link(campaign.id), **_page(matrix, now)
    )


def _sheet(matrix: Matrix) -> Sheet:
    headings = ["site", "area", *(action.starts_at.date().isoformat() for action in matrix.actions)]
    rows = [[r.name, r.area, *(percent(c.share) if c else None for c in r.cells)] for r in matrix.sites]
    return Sheet("series", headings, rows)


def _page(matrix: Matrix, now: datetime) -> dict[str, object]:
    bands, latest = settings().share_bands, matrix.actions[-LATEST:]
    columns = [action.name.in_(language()) for action in latest]
    outside = [replace(matrix.no_site, name=_("No site"), area=_("No site"))] if matrix.no_site else []
    return {
        "matrix": matrix,
        "latest": latest,
        "lines_of_areas": lines_of([matrix.together, *matrix.areas, *outside], columns, bands),
        "lines_of_sites": lines_of(matrix.sites, columns, bands),
        "bands": bands,
        "per_captain": settings().members_per_captain,
        "areas": readiness(matrix, now),
    }


def _seen_link(campaign_id: UUID) -> str:
    """The address of a chapter's list with {} for the site: made once, since a series has 800 of them."""
    anyone = UUID(int=0)
    return url_for("turnout.seen_how_often", campaign_id=campaign_id, site_id=anyone).replace(
        str(anyone), "{}"
    )


# A cell: the heading of its column; how many thresholds its share reaches, None without one; the share.
CellText = tuple[Markup, str | None, Markup]


class SeriesRow(NamedTuple):
    """A row; `area` is "" where it is the row's own name."""

    id: UUID | None
    name: str
    area: str
    cells: Sequence[CellText]
    change: str


def lines_of(rows: Sequence[MatrixRow], columns: Sequence[str], bands: Sequence[int]) -> list[SeriesRow]:
    """The latest actions, as many as there are `columns`, which are their names in the reader's language."""
    labels = [escape(name) for name in columns]
    held: dict[MatrixCell | None, tuple[str | None, Markup]] = {None: (None, escape("–"))}
    lines = []
    for row in rows:
        latest = row.cells[-len(labels) :]
        for cell in latest:
            if cell not in held:
                held[cell] = _cell_text(cell, bands)
        cells = [(label, *held[cell]) for label, cell in zip(labels, latest, strict=True)]
        area = row.area if row.area != row.name else ""
        lines.append(SeriesRow(row.id, row.name, area, cells, points_text(row.change) or "–"))
    return lines


def _cell_text(cell: MatrixCell | None, bands: Sequence[int]) -> tuple[str | None, Markup]:
    if cell is None or cell.share is None:
        return None, escape("–")
    return str(cell.band(bands)), escape(percent_text(cell.share))
