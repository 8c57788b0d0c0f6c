"""The blueprint of webhooks, and the module that puts pages on it."""

from flask import Blueprint, Flask

bp = Blueprint("webhooks", __name__)


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprint, and register it."""
    import mobilize.webhooks.endpoints.views

    app.register_blueprint(bp)
