"""Commands of the demo."""

import json

import click

from mobilize import clock
from mobilize.commands import Commands
from mobilize.demo import local

demo = Commands("demo", help="The invented local that `make run` shows.")


@demo.command()
@click.option("--json", "as_json", is_flag=True, help="The links, for machines.")
def reset(as_json: bool) -> None:
    """Delete everything in this database and invent the demo local anew. Refused in production."""
    now = clock.now()
    local.reset(now)
    picket = local.open_todays_picket(now)
    if as_json:
        click.echo(json.dumps({"links": dict(picket.links), "check_in": picket.check_in_url}))
        return
    click.echo("The demo local is as new.")
    for who, link in picket.links:
        click.echo(f"  {who:<11} {link}")
    click.echo(f"  {'check in':<11} {picket.check_in_url}")
