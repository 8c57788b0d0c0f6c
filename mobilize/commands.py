"""Every command of `flask --app wsgi`, from each room; bad input ends with one line and exit code 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from mobilize.errors import Refused


class Commands(AppGroup):
    """A group whose commands answer bad input with one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        with _one_line_for_bad_input():
            return super().invoke(ctx)


class Command(click.Command):
    """The same for a command that stands alone. Add `@with_appcontext`, which a group gives by itself."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _one_line_for_bad_input():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _one_line_for_bad_input():
            return super().invoke(ctx)


@contextmanager
def _one_line_for_bad_input() -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        click.echo(refusal.message, err=True)
        sys.exit(1)
    except click.UsageError as wrong:
        click.echo(wrong.format_message().replace("\n", " "), err=True)
        sys.exit(1)


def init_app(app: Flask) -> None:
    """Register each room's commands."""
    from mobilize.accounts.commands import people
    from mobilize.actions.commands import actions, campaigns, events, posters
    from mobilize.audit_commands import audit_commands
    from mobilize.demo.commands import demo
    from mobilize.key_commands import keys
    from mobilize.privacy.commands import privacy
    from mobilize.reminders.commands import texts
    from mobilize.roster.commands import roster, sites
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
        privacy,
        audit_commands,
        keys,
        demo,
    ):
        app.cli.add_command(command)
