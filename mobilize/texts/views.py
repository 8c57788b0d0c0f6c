"""What was texted, and what the carrier tells us."""

from flask import Blueprint

bp = Blueprint("texts", __name__)
