"""The blueprint of reminders, and the modules that put pages on it."""

from flask import Blueprint, Flask

bp = Blueprint("reminders", __name__)


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprint, and register it."""
    import mobilize.reminders.broadcasts.chapter_text_views
    import mobilize.reminders.broadcasts.views
    import mobilize.reminders.calling_off.views
    import mobilize.reminders.inbox.views
    import mobilize.reminders.monitoring.views
    import mobilize.reminders.plan.views
    import mobilize.reminders.rules.views

    app.register_blueprint(bp)
