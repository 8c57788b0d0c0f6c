"""The document of the API, for programs and for people. It holds nothing of this union."""

import json

from flask import Response, render_template, request

from mobilize import settings
from mobilize.accounts.access.permissions import anyone
from mobilize.api.document import SCOPES, document
from mobilize.api.routes import bp


@bp.get("/openapi.json")
@anyone
def openapi() -> Response:
    """The OpenAPI document."""
    response = Response(json.dumps(document(), ensure_ascii=False), mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag(weak=True)
    response.make_conditional(request)
    return response


@bp.get("/")
@anyone
def page() -> str:
    """The same to be read by people."""
    base = settings().public_base_url
    return render_template("api/page.html", document=document(), scopes=SCOPES, base=base)
