"""The one blueprint of this room; each file of views adds its pages."""

from flask import Blueprint

bp = Blueprint("privacy", __name__)
