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
from mobilize.actions.models import Action, Campaign
from mobilize.actions.visibility import visible_site
from mobilize.database import db
from mobilize.languages import _, language
from mobilize.tabular import Sheet
from mobilize.turnout.board.cache import board_for
from mobilize.turnout.board.pace import Pace, pace_of, paces_of_areas
from mobilize.turnout.campaigns.charts import heat_map, level, multiples, share_in_words
from mobilize.turnout.campaigns.matrix import Matrix, MatrixCell, MatrixRow, matrix_of
from mobilize.turnout.campaigns.participation import participation_of
from mobilize.turnout.campaigns.readiness import readiness
from mobilize.turnout.figures.types import percent
from mobilize.turnout.labels import points_text
from mobilize.turnout.reports.views import as_table
from mobilize.turnout.routes import bp

# A page shows so many actions, and so many sites before it asks for an area; the file has them all.
LATEST = 12
SITES_AT_ONCE = 100


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
    """Area by action, and the sites of the area that `?area=` names. `?form=csv` is the whole matrix."""
    now = clock.now()
    campaign = db.session.get(Campaign, campaign_id) or abort(404)
    matrix = matrix_of(campaign.id, me().scope, now) or abort(404)
    if request.args.get("form") == "csv":
        return as_table([_sheet(matrix)], "csv", campaign, "series")
    return render_template(
        "turnout/series.html",
        campaign=campaign,
        link=_seen_link(campaign.id),
        **_page(matrix, request.args.get("area", type=UUID), now),
    )


def _sheet(matrix: Matrix) -> Sheet:
    headings = ["site", "area", *(action.starts_at.date().isoformat() for action in matrix.actions)]
    rows = [[r.name, r.area, *(percent(c.share) if c else None for c in r.cells)] for r in matrix.sites]
    return Sheet("series", headings, rows)


def _page(matrix: Matrix, area_id: UUID | None, now: datetime) -> dict[str, object]:
    bands, latest = settings().share_bands, matrix.actions[-LATEST:]
    columns = [action.name.in_(language()) for action in latest]
    outside = [replace(matrix.no_site, name=_("No site"), area=_("No site"))] if matrix.no_site else []
    together = replace(matrix.together, name=_("In total"))
    rows = [together, *matrix.areas, *outside]
    sites = _sites_shown(matrix, area_id)
    return {
        "matrix": matrix,
        "latest": latest,
        "multiples": multiples(rows, LATEST),
        "heat_map": heat_map(rows, LATEST, bands),
        "axis": [(level(edge / 100), edge) for edge in (0, 50, 100)],
        "lines_of_areas": lines_of(rows, columns, bands),
        "lines_of_sites": lines_of(sites, columns, bands),
        "area_id": area_id,
        "small": any(cell and cell.small for row in sites for cell in row.cells[-LATEST:]),
        "bands": bands,
        "per_captain": settings().members_per_captain,
        "areas": readiness(matrix, now),
        "paces": [_pace_of(action, now) for action in matrix.running],
    }


def _sites_shown(matrix: Matrix, area_id: UUID | None) -> Sequence[MatrixRow]:
    """The sites of the chosen area; of all, where those are no more than a page holds."""
    chosen = next((area for area in matrix.areas if area.id == area_id), None)
    if chosen:
        return [row for row in matrix.sites if row.area == chosen.name]
    return matrix.sites if len(matrix.sites) <= SITES_AT_ONCE else []


class RunningPace(NamedTuple):
    """An action that still runs: `pace` beside the one before it at the same minute, and by area (its name,
    how many are in by name, how many were); no pace where nothing is there to compare with."""

    action: Action
    pace: Pace | None
    areas: Sequence[tuple[str, int, int]]


def _pace_of(action: Action, now: datetime) -> RunningPace:
    board = board_for(action, me().scope)
    pace = pace_of(board, action, now) if board else None
    if board is None or pace is None:
        return RunningPace(action, None, [])
    of_areas = paces_of_areas(board, pace)
    return RunningPace(
        action,
        pace,
        [(area.name, *of_areas[area.area_id]) for area in board.areas if area.area_id in of_areas],
    )


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
    if cell is None or cell.share is None or cell.small:
        return None, escape(share_in_words(cell))
    return str(cell.band(bands)), escape(share_in_words(cell))
