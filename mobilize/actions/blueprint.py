"""The blueprint of this room, and how it hands out what is printed."""

from typing import BinaryIO

from flask import Blueprint, Response, send_file

bp = Blueprint("actions", __name__)


def printed(pdf: BinaryIO, name: str) -> Response:
    """A PDF to open and print; nothing on the way keeps it."""
    file = send_file(pdf, mimetype="application/pdf", download_name=name)
    file.headers["Cache-Control"] = "no-store"
    return file
