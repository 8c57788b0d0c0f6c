"""The commands `flask setup-link`, the address at which the first admin begins, and `flask drill`."""

import json
import sys
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from mobilize import clock
from mobilize.commands import Command
from mobilize.setup.first_admin import make_setup_link
from mobilize.setup.load_drill import MOST_A_SECOND, run_drill
from mobilize.setup.preflight import why_not


@click.command("setup-link", cls=Command)
@with_appcontext
def setup_link() -> None:
    """Print the address at which the first admin sets the service up, in a browser."""
    address = make_setup_link(now=clock.now())
    click.echo("Open this address in a browser, within an hour. It works once, and only you can see it:")
    click.echo(address)


@click.command("drill", cls=Command)
@click.option("--seconds", type=click.IntRange(1, 60), default=20, show_default=True)
@click.option("--rate", type=click.FloatRange(0.1, MOST_A_SECOND), help="Check-ins a second; twice the peak.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@with_appcontext
def drill(seconds: int, rate: float | None, as_json: bool) -> None:
    """Check in invented people at twice the expected peak, through the public address. Texts nobody."""
    result = run_drill(seconds=seconds, rate=rate, now=clock.now())
    if as_json:
        click.echo(json.dumps({**asdict(result), "is_good": result.is_good}))
    else:
        click.echo(f"{result.rate:g} check-ins a second; {result.expected:g} are expected at the peak.")
        click.echo(f"{result.sent} sent, {result.acknowledged} acknowledged, {result.stored} stored;")
        click.echo(f"{result.refused} refused, {result.unanswered} without an answer.")
        click.echo(f"Half within {result.p50_ms} ms, 95 of 100 within {result.p95_ms} ms.")
        click.echo("Good." if result.is_good else f"Not good. {why_not(result)}")
    sys.exit(0 if result.is_good else 1)
