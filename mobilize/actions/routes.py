"""The blueprints of actions and of links to a line, and the modules that put pages on them."""

from flask import Blueprint, Flask

bp = Blueprint("actions", __name__)
grants = Blueprint("grants", __name__)


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprints, and register them."""
    import mobilize.actions.campaigns.action_views
    import mobilize.actions.campaigns.views
    import mobilize.actions.events.grant_views
    import mobilize.actions.events.shift_views
    import mobilize.actions.events.views
    import mobilize.actions.line_finder.views

    app.register_blueprint(bp)
    app.register_blueprint(grants)
