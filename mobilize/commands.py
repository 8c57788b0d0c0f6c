"""Every command of `flask --app wsgi`: each room brings its own; bad input ends with one line and exit code 1."""

import sys
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from mobilize.errors import Refused


class Commands(AppGroup):
    """A group whose commands answer a `Refused` with its message on one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refused as refusal:
            click.echo(refusal.message, err=True)
            sys.exit(1)


def init_app(app: Flask) -> None:
    """Register each room's commands."""
    from mobilize.accounts.commands import people
    from mobilize.actions.commands import actions, campaigns, events, posters
    from mobilize.demo.commands import demo
    from mobilize.roster.commands import roster, sites
    from mobilize.texts.commands import texts
    from mobilize.turnout.commands import reports, turnout

    for command in (
        sites,
        roster,
        campaigns,
        actions,
        events,
        posters,
        texts,
        turnout,
        reports,
        people,
        demo,
    ):
        app.cli.add_command(command)
