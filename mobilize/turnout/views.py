"""Who came, by area and site."""

from flask import Blueprint

bp = Blueprint("turnout", __name__)
