"""Where members check in."""

from flask import Blueprint

bp = Blueprint("checkins", __name__)
