"""Commands of the demo."""

import json

import click

from mobilize import clock, settings
from mobilize.commands import Commands
from mobilize.demo.seed import local
from mobilize.demo.simulation.start import prepare_morning

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
    for label, link in picket.links:
        click.echo(f"  {label:<11} {link}")
    click.echo(f"  {'check in':<11} {picket.check_in_url}")


@demo.command()
@click.option(
    "--speed", type=click.FloatRange(1, 600), default=60.0, help="Simulated minutes in one of ours."
)
@click.option("--seed", type=int, default=1937, help="The same seed makes the same morning.")
def morning(speed: float, seed: int) -> None:
    """Let a morning happen in the demo that runs: check-ins, ticks, texts and counts, through the real pages.
    Some text in their own words, English and Spanish: whether they come, a count, STOP, an emergency.

    Two hours of it, in two minutes unless --speed says otherwise. Ctrl-C ends it; what happened stays.
    """
    try:
        running, action = prepare_morning(speed, seed, clock.now())
    except KeyboardInterrupt:
        click.echo("Stopped before anybody came. Its actions are called off.")
        return
    seconds = running.clock.duration.total_seconds()
    click.echo(f"A morning of {len(running.events)} places, {len(running.steps)} steps, in {seconds:.0f} s.")
    click.echo(f"  watch it    {settings().public_base_url}/actions/{action.id}/turnout")
    click.echo("  (sign in with the office's or the organizer's link that make run has printed)")
    if settings().carrier_page_url:
        click.echo(
            f"  own words   {settings().carrier_page_url}/talks (what people texted, and what was answered)"
        )
    try:
        running.run(click.echo)
    except KeyboardInterrupt:
        click.echo("Stopped. What happened until now stays.")
    done, refused = running.done.total(), running.refused.total()
    click.echo(f"{done} steps taken, {refused} refused.")
