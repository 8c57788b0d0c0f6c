"""The document of the API, for programs and for people. It holds nothing of this union."""

import json
import re

from flask import Response, render_template, request
from markupsafe import Markup, escape

from mobilize import settings
from mobilize.accounts.access.permissions import anyone
from mobilize.api.document import SCOPES, document
from mobilize.api.routes import bp
from mobilize.api.vocabulary import CODES

# Of Markdown, in which OpenAPI has its descriptions, these two are all that ours use.
_CODE, _EMPHASIS = re.compile(r"`([^`]+)`"), re.compile(r"\*([^*]+)\*")


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
    return render_template(
        "api/page.html",
        document=document(),
        scopes={scope: as_html(words) for scope, words in SCOPES.items()},
        codes=CODES,
        base=settings().public_base_url,
        as_html=as_html,
    )


def as_html(words: str) -> Markup:
    """Words of the document with their `code` and *emphasis*."""
    marked = _CODE.sub(r"<code>\1</code>", str(escape(words)))
    return Markup(_EMPHASIS.sub(r"<em>\1</em>", marked))  # noqa: S704
