"""The blueprint of jobs, and the module that puts pages on it."""

from flask import Blueprint, Flask

bp = Blueprint("jobs", __name__)


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprint, and register it."""
    import mobilize.jobs.views

    app.register_blueprint(bp)
