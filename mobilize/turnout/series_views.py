"""The series of a campaign: a page, and the same figures as a file."""

from uuid import UUID

from flask import Response, abort, render_template, request

from mobilize import clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Campaign
from mobilize.database import db
from mobilize.turnout.blueprint import bp
from mobilize.turnout.matrix import BANDS, matrix_of
from mobilize.turnout.readiness import readiness
from mobilize.turnout.report_views import as_file
from mobilize.turnout.spreadsheet import percent, to_csv

# A page shows so many actions; the file has them all.
LATEST = 12


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
        "turnout/series.html",
        campaign=campaign,
        matrix=matrix,
        latest=LATEST,
        bands=BANDS,
        areas=readiness(matrix, now),
    )
