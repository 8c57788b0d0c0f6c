"""The blueprint of privacy, and the modules that put pages on it."""

from flask import Blueprint, Flask

bp = Blueprint("privacy", __name__)


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprint, and register it."""
    import mobilize.privacy.exports.views
    import mobilize.privacy.member_page.views
    import mobilize.privacy.photos.views
    import mobilize.privacy.retention.views
    import mobilize.privacy.texting.views

    app.register_blueprint(bp)
