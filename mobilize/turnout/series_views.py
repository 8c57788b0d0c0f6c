"""The series of a campaign: a page, and the same figures as a file."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from flask import Response, abort, render_template, request, url_for

from mobilize import audit, clock, settings
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import Campaign
from mobilize.actions.seen import seen_site
from mobilize.database import db
from mobilize.languages import _, language
from mobilize.turnout.blueprint import bp
from mobilize.turnout.how_often import how_often
from mobilize.turnout.matrix import Matrix, matrix_of
from mobilize.turnout.readiness import readiness
from mobilize.turnout.report_views import as_file
from mobilize.turnout.series_lines import lines_of
from mobilize.turnout.spreadsheet import percent, to_csv

# A page shows so many actions; the file has them all.
LATEST = 12


@bp.get("/campaigns/<uuid:campaign_id>/sites/<uuid:site_id>/seen")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def seen_how_often(campaign_id: UUID, site_id: UUID) -> str:
    """Who of a chapter was seen at none, some, all actions: by name for its chair and its own organizer."""
    site, now = seen_site(site_id, me().scope), clock.now()
    campaign = db.session.get(Campaign, campaign_id) or abort(404)
    found = how_often(campaign.id, site.id, now) or abort(404)
    named = site.id in me().scope.sites or site.area_id in me().scope.areas
    if named:
        audit.note(me().actor, "how_often.see", f"{campaign.id}/{site.id}", now=now)
    page = {"campaign": campaign, "site": site, "found": found, "named": named}
    return render_template("turnout/seen_how_often.html", **page)


@bp.get("/campaigns/<uuid:campaign_id>/series")
@signed_in(RoleName.ORGANIZER)
def series(campaign_id: UUID) -> str | Response:
    """Site by action, for the sites in scope. `?form=csv` is the whole matrix as a file."""
    now = clock.now()
    campaign = db.session.get(Campaign, campaign_id) or abort(404)
    matrix = matrix_of(campaign.id, me().scope, now) or abort(404)
    if request.args.get("form") == "csv":
        headings = ["site", "area", *(action.starts_at.date().isoformat() for action in matrix.actions)]
        rows = [[r.name, r.area, *(percent(c.share) if c else None for c in r.cells)] for r in matrix.sites]
        return as_file(to_csv(headings, rows), "csv", "series")
    return render_template(
        "turnout/series.html", campaign=campaign, link=_seen_link(campaign.id), **_page(matrix, now)
    )


def _page(matrix: Matrix, now: datetime) -> dict[str, object]:
    bands, shown = settings().share_bands, matrix.actions[-LATEST:]
    columns = [action.name_in(language()) for action in shown]
    outside = [replace(matrix.no_site, name=_("No site"), area=_("No site"))] if matrix.no_site else []
    return {
        "matrix": matrix,
        "shown": shown,
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
