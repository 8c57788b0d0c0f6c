"""Which rooms there are: their doors and their commands, and what every page knows."""

from functools import partial
from typing import Any

from flask import Flask, request
from flask_wtf.csrf import CSRFProtect

from mobilize import clock
from mobilize.accounts import entrance
from mobilize.accounts.approvals import how_many_wait
from mobilize.accounts.entrance import entrance_of, me
from mobilize.accounts.queries import looks_after_everything

_csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Open every room. Public forms are stateless and answer to their origin; others carry a CSRF token."""
    _csrf.init_app(app)
    entrance.init_app(app)
    app.before_request(partial(_protect_forms, app))
    app.context_processor(_what_pages_know)
    _open_doors(app)
    _add_commands(app)


def _open_doors(app: Flask) -> None:
    from mobilize.accounts.doors import bp as accounts
    from mobilize.actions.grant_views import bp as grants
    from mobilize.actions.views import bp as actions
    from mobilize.checkins.doors import checkins, line
    from mobilize.privacy.views import bp as privacy
    from mobilize.public import bp as public
    from mobilize.reminders.views import bp as reminders
    from mobilize.roster.import_views import bp as roster
    from mobilize.texts.views import bp as texts
    from mobilize.turnout.views import bp as turnout

    for room in (
        public,
        accounts,
        roster,
        actions,
        grants,
        checkins,
        line,
        texts,
        reminders,
        turnout,
        privacy,
    ):
        app.register_blueprint(room)


def _add_commands(app: Flask) -> None:
    from mobilize import commands

    commands.init_app(app)


def _protect_forms(app: Flask) -> None:
    endpoint = request.endpoint
    if endpoint is None or endpoint == "static":
        return
    stated = entrance_of(app, endpoint)
    if stated is not None and stated.kind in {"signed_in", "first_step"}:
        _csrf.protect()


def _what_pages_know() -> dict[str, Any]:
    visitor = me()
    return {
        "me": visitor.person,
        "scope": visitor.scope,
        "whole_union": partial(looks_after_everything, visitor.scope),
        "nav": _nav(visitor),
    }


def _nav(visitor: entrance.Visitor) -> list[tuple[str, str, bool]]:
    """(endpoint, label, whether it is this room's page) for what this person works with."""
    from mobilize.languages import _

    scope = visitor.scope
    pages = [("turnout.overview", _("Overview"))] if scope.roles else []
    if scope.roles:
        pages += [("reminders.inbox", _("Inbox"))]
    if scope.is_organizer:
        pages += [
            ("actions.campaigns", _("Campaigns")),
            ("roster.sites", _("Sites")),
            ("texts.log", _("Texts")),
        ]
        pages += [("accounts.people", _("People"))]
        waiting = how_many_wait(visitor.actor, scope, clock.now())
        pages += [("accounts.approvals", _("Waiting for you: %(n)s", n=waiting))] if waiting else []
    if scope.everything:
        pages += [("accounts.protections", _("Protections"))]
    return [(endpoint, label, request.endpoint == endpoint) for endpoint, label in pages]
