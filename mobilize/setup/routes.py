"""The blueprint of setup, and the modules that put pages on it."""

from flask import Blueprint, Flask

bp = Blueprint("setup", __name__)


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprint, and register it."""
    import mobilize.setup.views

    app.register_blueprint(bp)
