"""The blueprint of webhooks, and the module that puts pages on it."""

from flask import Blueprint, Flask

bp = Blueprint("webhooks", __name__)
# What the API tells of them.
api_bp = Blueprint("webhooks_api", __name__, url_prefix="/api/v1")


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprint, and register it."""
    import mobilize.webhooks.endpoints.api_views
    import mobilize.webhooks.endpoints.views

    app.register_blueprint(bp)
    app.register_blueprint(api_bp)
