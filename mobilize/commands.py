"""Every command of `flask --app wsgi`, from each room; bad input ends with one line and exit code 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

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
    """Every command there is; each is loaded when it is called, since no page and no task needs them."""
    app.cli = _WhenCalled(app.name)


class _WhenCalled(AppGroup):
    """Knows where each command is. The pattern is click's own ("lazily loading subcommands")."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, name = COMMANDS[cmd_name].split(":")
        return cast(click.Command, getattr(import_module(module), name))


COMMANDS = {
    "actions": "mobilize.actions.commands:actions",
    "audit": "mobilize.audit_commands:audit_commands",
    "campaigns": "mobilize.actions.commands:campaigns",
    "db": "flask_migrate.cli:db",
    "demo": "mobilize.demo.commands:demo",
    "events": "mobilize.actions.commands:events",
    "keys": "mobilize.key_commands:keys",
    "people": "mobilize.accounts.commands:people",
    "posters": "mobilize.actions.commands:posters",
    "privacy": "mobilize.privacy.commands:privacy",
    "reports": "mobilize.turnout.commands:reports",
    "roster": "mobilize.roster.commands:roster",
    "sites": "mobilize.roster.commands:sites",
    "texts": "mobilize.reminders.commands:texts",
    "turnout": "mobilize.turnout.commands:turnout",
}
