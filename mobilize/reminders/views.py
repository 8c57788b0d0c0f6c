"""Which texts an action sends on its own."""

from flask import Blueprint

bp = Blueprint("reminders", __name__)
