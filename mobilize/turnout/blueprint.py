"""The room's door, which its pages share."""

from flask import Blueprint

bp = Blueprint("turnout", __name__)
