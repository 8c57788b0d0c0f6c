"""Every command of `flask --app wsgi`, from each room; what is wrong ends with one line and exit code 1."""

import sqlite3
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from typing import Any, cast

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy.exc import ProgrammingError

from mobilize import operating
from mobilize.database import AWAY, db, migration_status
from mobilize.errors import Refused
from mobilize.languages import DEFAULT, LANGUAGES, Translated, name_of


class Commands(AppGroup):
    """A group whose commands answer what is wrong with one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        with _one_line_for_what_is_wrong():
            return super().invoke(ctx)


class Command(click.Command):
    """A command outside a group that answers what is wrong with one line and exit code 1. Add
    `@with_appcontext`, which a group adds by itself."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _one_line_for_what_is_wrong():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _one_line_for_what_is_wrong():
            return super().invoke(ctx)


@contextmanager
def _one_line_for_what_is_wrong() -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        click.echo(refusal.message, err=True)
        sys.exit(1)
    except click.UsageError as wrong:
        click.echo(wrong.format_message().replace("\n", " "), err=True)
        sys.exit(1)
    except (ProgrammingError, *AWAY) as problem:
        original = getattr(problem, "orig", None) or problem
        is_statement = getattr(original, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
        if is_statement or isinstance(problem, ProgrammingError):
            _say_of_tables(problem)
        # What it says of itself may quote an address or a value.
        kind, doctor = type(original).__name__, operating.command("doctor")
        click.echo(f"The database does not answer ({kind}). What is wrong: {doctor}", err=True)
        sys.exit(1)


def _say_of_tables(problem: BaseException) -> None:
    """End with what makes the tables of this version, where they are missing; else the statement is wrong."""
    db.session.rollback()
    if not migration_status.is_behind():
        raise problem
    migrate = operating.how_to()["migrate"]
    click.echo(f"The database does not have the tables of this version. Make them: {migrate}", err=True)
    sys.exit(1)


def translated_option(
    name: str, *, prefix: str | None = None, help: str = "", help_of_others: str = "",
    required: Collection[str] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # fmt: skip
    """Options for a text in every language, `--name` and `--name-es`; the command is given one `Translated`.

    With the `prefix` "" each is called by its language alone: `--en` and `--es`. `%(language)s` in a help is
    the language's name, and `required` are codes of those that may not be left out.
    """
    stem = name if prefix is None else prefix
    flags = {code: stem if stem and code == DEFAULT else f"{stem}-{code}".strip("-") for code in LANGUAGES}

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def collected(**values: Any) -> Any:
            texts = {code: values.pop(flag.replace("-", "_")) for code, flag in flags.items()}
            return command(**values, **{name: Translated(texts)})

        for code, flag in reversed(flags.items()):
            text = (help if code == DEFAULT else help_of_others) % {"language": name_of(code)}
            # One with a default is never missed.
            kind = {"required": True} if code in required else {"default": ""}
            click.option(f"--{flag}", help=text, **kind)(collected)
        return collected

    return decorate


def init_app(app: Flask) -> None:
    """Register every command. Each is imported when it is called, since no page and no task needs it."""
    app.cli = _WhenCalled(app.name)


class _WhenCalled(AppGroup):
    """A group that imports a command when it is called: click's pattern "lazily loading subcommands"."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, name = COMMANDS[cmd_name].split(":")
        return cast(click.Command, getattr(import_module(module), name))


COMMANDS = {
    "actions": "mobilize.actions.commands:actions",
    "audit": "mobilize.audit.commands:audit_commands",
    "backup": "mobilize.backup.commands:backup",
    "campaigns": "mobilize.actions.commands:campaigns",
    "db": "mobilize.database.commands:db",
    "demo": "mobilize.demo.commands:demo",
    "doctor": "workers.doctor.command:doctor",
    "drill": "mobilize.setup.commands:drill",
    "events": "mobilize.actions.commands:events",
    "keys": "mobilize.keys.commands:keys",
    "migrate": "mobilize.database.commands:migrate",
    "people": "mobilize.accounts.commands:people",
    "posters": "mobilize.actions.commands:posters",
    "privacy": "mobilize.privacy.commands:privacy",
    "reports": "mobilize.turnout.commands:reports",
    "restore": "mobilize.backup.commands:restore",
    "roster": "mobilize.roster.commands:roster",
    "setup-link": "mobilize.setup.commands:setup_link",
    "sites": "mobilize.roster.commands:sites",
    "texts": "mobilize.reminders.commands:texts",
    "turnout": "mobilize.turnout.commands:turnout",
    "version": "mobilize.version:show_version",
}
