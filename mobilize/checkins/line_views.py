"""The line page: the phone of the chair or captain at the gate."""

from flask import Blueprint

bp = Blueprint("line", __name__)
