"""The blueprint of the API, and the modules that put operations on it."""

from flask import Blueprint, Flask, Response, g

bp = Blueprint("api", __name__, url_prefix="/api/v1")


def init_app(app: Flask) -> None:
    """Put every operation on the blueprint, and register it."""
    import mobilize.api.document_views
    import mobilize.api.planning.draft_views
    import mobilize.api.planning.members_views
    import mobilize.api.planning.views
    import mobilize.api.reading.actions_views
    import mobilize.api.reading.figures_views
    import mobilize.api.reading.people_views
    import mobilize.api.reading.places_views
    import mobilize.api.reading.texts_views
    import mobilize.api.reporting.desk_views
    import mobilize.api.reporting.views

    app.register_blueprint(bp)


@bp.after_request
def _add_headers(response: Response) -> Response:
    """How many requests are left to this token; on refusals too."""
    if "rate_headers" in g:
        response.headers.update(g.rate_headers)
    return response
