"""`flask doctor`: everything this installation needs, looked at now."""

import json

import click
from flask.cli import with_appcontext

from mobilize.commands import Command
from mobilize.observability.finding_words import FindingState
from mobilize.observability.findings import worst_of
from workers.doctor.examination import examine_now

EXIT_CODES = {FindingState.OK: 0, FindingState.WARNING: 1, FindingState.BROKEN: 2}


@click.command("doctor", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
@with_appcontext
def doctor(as_json: bool) -> None:
    """Look at everything this installation needs, and say what to do. It changes nothing.

    The exit code is for monitors: 0 all is well, 1 something is worth a look, 2 something is broken.
    """
    results = examine_now()
    state = worst_of(results)
    if as_json:
        rows = [
            {
                "code": one.code,
                "state": one.state,
                "subject": one.subject,
                "found": one.sentence,
                "do": one.remedy,
            }
            for one in results
        ]
        click.echo(json.dumps({"state": state, "findings": rows}, ensure_ascii=False))
    for one in () if as_json else results:
        click.echo(f"{one.state:<8} {one.subject}: {one.sentence}")
        if one.remedy:
            click.echo(f"         {one.remedy}")
    if not as_json and state is FindingState.OK:
        click.echo("All is well.")
    raise SystemExit(EXIT_CODES[state])
