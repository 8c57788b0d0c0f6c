"""Campaigns, actions and events."""

from flask import Blueprint

bp = Blueprint("actions", __name__)
