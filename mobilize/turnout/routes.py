"""The blueprint of turnout, and the modules that put pages on it."""

from flask import Blueprint, Flask

bp = Blueprint("turnout", __name__)


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprint, and register it."""
    import mobilize.turnout.board.public_views
    import mobilize.turnout.board.site_views
    import mobilize.turnout.board.views
    import mobilize.turnout.calls.views
    import mobilize.turnout.campaigns.views
    import mobilize.turnout.hours.views
    import mobilize.turnout.reports.views
    import mobilize.turnout.statements.press_views
    import mobilize.turnout.statements.views

    app.register_blueprint(bp)
