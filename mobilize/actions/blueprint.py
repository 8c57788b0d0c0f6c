"""The doors of this room, and what all its pages know."""

from typing import Any, BinaryIO

from flask import Blueprint, Response, send_file, url_for
from werkzeug.routing import BuildError

bp = Blueprint("actions", __name__)


@bp.context_processor
def _what_pages_know() -> dict[str, Any]:
    return {"door": door}


def door(endpoint: str, **values: Any) -> str | None:
    """The address of another room's page; None when there is no such page."""
    try:
        return url_for(endpoint, **values)
    except BuildError:
        return None


def printed(pdf: BinaryIO, name: str) -> Response:
    """A PDF to open and print; nothing on the way keeps it."""
    file = send_file(pdf, mimetype="application/pdf", download_name=name)
    file.headers["Cache-Control"] = "no-store"
    return file
