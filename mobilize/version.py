"""The version of this code, as `pyproject.toml` says it, and the command `flask version`."""

import tomllib
from functools import cache
from pathlib import Path

import click

from mobilize.commands import Command

_PROJECT = Path(__file__).parents[1] / "pyproject.toml"


@cache
def version() -> str:
    """The version of the release this code is, or of the one it comes after: like 1.2.0."""
    return str(tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"])


@click.command("version", cls=Command)
def show_version() -> None:
    """Which version of Mobilize this is."""
    click.echo(version())
