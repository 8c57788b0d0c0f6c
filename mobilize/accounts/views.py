"""Sign-in, people and their links."""

from flask import Blueprint

bp = Blueprint("accounts", __name__)
