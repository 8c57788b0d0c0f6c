"""The blueprints of check-in and of the line page, and the modules that put pages on them."""

from flask import Blueprint, Flask

bp = Blueprint("checkins", __name__)
line = Blueprint("line", __name__)


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprints, and register them."""
    import mobilize.checkins.calendar.views
    import mobilize.checkins.line.paper_views
    import mobilize.checkins.line.views
    import mobilize.checkins.member.personal_views
    import mobilize.checkins.member.receipt_views
    import mobilize.checkins.member.views
    import mobilize.checkins.photos.views
    import mobilize.checkins.review.views

    app.register_blueprint(bp)
    app.register_blueprint(line)
