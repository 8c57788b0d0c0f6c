"""The blueprint of accounts, and the modules that put pages on it."""

from flask import Blueprint, Flask

bp = Blueprint("accounts", __name__)


def init_app(app: Flask) -> None:
    """Put every page of the room on the blueprint, and register it."""
    import mobilize.accounts.approvals.views
    import mobilize.accounts.people.chairs_views
    import mobilize.accounts.people.views
    import mobilize.accounts.second_factor.views
    import mobilize.accounts.security.views
    import mobilize.accounts.sign_in.device_views
    import mobilize.accounts.sign_in.provider_views
    import mobilize.accounts.sign_in.views
    import mobilize.accounts.tokens.views

    app.register_blueprint(bp)
