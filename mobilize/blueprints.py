"""The blueprints and commands of every room, the check of forms, and the navigation of every page."""

from functools import cache, partial
from importlib import import_module
from typing import Any

from flask import Flask, request
from flask_wtf.csrf import CSRFProtect

from mobilize import ROOMS, clock
from mobilize.accounts import higher_rooms
from mobilize.accounts.access import permissions
from mobilize.accounts.access.permissions import me, permission_of
from mobilize.accounts.approvals.operations import how_many_wait
from mobilize.accounts.higher_rooms import HigherRooms
from mobilize.accounts.queries import looks_after_everything
from mobilize.jobs import labels
from mobilize.jobs.queries import unseen_of

_csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Register every room. Public forms are stateless and checked by origin; others carry a CSRF token."""
    _csrf.init_app(app)
    permissions.init_app(app)
    _pass_higher_rooms(app)
    app.before_request(partial(_protect_forms, app))
    app.context_processor(_template_variables)
    _register_blueprints(app)
    _add_commands(app)


def _pass_higher_rooms(app: Flask) -> None:
    from mobilize.actions.queries import event_ids_with_code
    from mobilize.privacy.audit_labels import audit_labels
    from mobilize.privacy.replay import HANDLERS
    from mobilize.privacy.retention.legal_holds import count_running_holds
    from mobilize.webhooks.endpoints import operations as webhooks

    higher_rooms.init_app(app, HigherRooms(event_ids_with_code, count_running_holds, audit_labels))
    HANDLERS["webhook.change"] = webhooks.repeat


def _register_blueprints(app: Flask) -> None:
    from mobilize.home import views

    app.register_blueprint(views.bp)
    for room in ROOMS:
        import_module(f"mobilize.{room}.routes").init_app(app)


def _add_commands(app: Flask) -> None:
    from mobilize import commands

    commands.init_app(app)


def _protect_forms(app: Flask) -> None:
    endpoint = request.endpoint
    if endpoint is None or endpoint == "static":
        return
    stated = permission_of(app, endpoint)
    if stated is not None and stated.kind in {"signed_in", "first_step"}:
        _csrf.protect()


def _template_variables() -> dict[str, Any]:
    requester = me()
    return {
        "me": requester.person,
        "scope": requester.scope,
        "whole_union": partial(looks_after_everything, requester.scope),
        "nav": cache(partial(_nav, requester)),
        "own_jobs": partial(unseen_of, requester.actor),
        "job_labels": labels,
    }


def _nav(requester: permissions.Requester) -> list[tuple[str, str, bool]]:
    """(endpoint, label, whether it is this room's page) for what this person works with."""
    from mobilize.languages import _

    scope = requester.scope
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
        waiting = how_many_wait(requester.actor, scope, clock.now())
        pages += [("accounts.approvals", _("Waiting for you: %(n)s", n=waiting))] if waiting else []
    if scope.everything:
        pages += [("accounts.protections", _("Protections"))]
    return [(endpoint, label, request.endpoint == endpoint) for endpoint, label in pages]
