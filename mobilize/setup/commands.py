"""The command `flask setup-link`: the address at which the first admin begins."""

import click
from flask.cli import with_appcontext

from mobilize import clock
from mobilize.commands import Command
from mobilize.setup.first_admin import make_setup_link


@click.command("setup-link", cls=Command)
@with_appcontext
def setup_link() -> None:
    """Print the address at which the first admin sets the service up, in a browser."""
    address = make_setup_link(now=clock.now())
    click.echo("Open this address in a browser, within an hour. It works once, and only you can see it:")
    click.echo(address)
