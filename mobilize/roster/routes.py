"""The blueprint of the roster, and the modules that put pages on it."""

from flask import Blueprint, Flask

bp = Blueprint("roster", __name__)


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprint, and register it."""
    import mobilize.roster.imports.views
    import mobilize.roster.views

    app.register_blueprint(bp)
