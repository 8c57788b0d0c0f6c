"""What makes the pages of the morning open without a network."""

from flask import Response, current_app

from mobilize.accounts.entrance import anyone
from mobilize.checkins.views import bp


@bp.get("/sw.js")
@anyone
def service_worker() -> Response:
    """From the root, since a worker looks after addresses below its own; asked anew with every visit, so that
    a mended one is there the same morning."""
    answer = current_app.send_static_file("sw.js")
    answer.headers["Cache-Control"] = "no-cache"
    return answer
