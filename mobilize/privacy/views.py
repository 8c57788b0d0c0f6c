"""What will be forgotten when, and what is held about a member."""

from flask import Blueprint

bp = Blueprint("privacy", __name__)
