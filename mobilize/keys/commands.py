"""`flask --app wsgi keys new|status|rotate`: making a key, seeing which are in use, exchanging them."""

import json
import sys

import click

import config
from mobilize import clock
from mobilize.commands import Commands
from mobilize.keys import rotation as operations
from mobilize.operating import command

keys = Commands("keys", help="The keys that seal names and numbers.")
_json = click.option("--json", "as_json", is_flag=True, help="For machines.")


@keys.command("new")
def new() -> None:
    """Print a new id:key for SECRET_KEYS. It is stored nowhere. (The first one: python3 config.py)"""
    click.echo(config.new_key())


@keys.command("status")
@_json
def status(as_json: bool) -> None:
    """The number of values each key sealed. Exit code 1 when a key that is needed is not listed."""
    uses = operations.uses()
    if as_json:
        click.echo(json.dumps([vars(use) for use in uses]))
    else:
        for use in uses:
            click.echo(f"{use.key_id:<9} {use.values:>9} values  {_advice(use)}")
    if any(use.values and not use.listed for use in uses):
        click.echo("Put the missing key back into SECRET_KEYS: without it these values are lost.", err=True)
        sys.exit(1)


@keys.command("rotate")
@_json
def rotate(as_json: bool) -> None:
    """Seal everything with the newest key, while the service runs. Stopped halfway, it goes on next time.

    Exit code 1 when something could not be opened; it is left as it is.
    """
    tell = None if as_json or not sys.stderr.isatty() else _tell
    done = operations.rotate(by="shell", now=clock.now(), tell=tell)
    if as_json:
        click.echo(json.dumps({"resealed": dict(done.resealed), "cannot_open": dict(done.shut)}))
    else:
        click.echo(f"{done.resealed.total()} values sealed with the newest key.")
        click.echo("A key of which `keys status` counts 0 values may leave SECRET_KEYS.")
    if done.shut:
        click.echo(f"{done.shut.total()} values could not be opened: {', '.join(done.shut)}.", err=True)
        sys.exit(1)


def _tell(column: str, n: int) -> None:
    click.echo(f"\r{column:<40} {n:>9}", nl=False, err=True)


def _advice(use: operations.KeyUse) -> str:
    if not use.listed:
        return "NOT LISTED" if use.values else "not listed, not needed"
    if use.newest:
        return "seals what is new"
    return f"needed until: {command('keys rotate')}" if use.values else "not needed any more"
