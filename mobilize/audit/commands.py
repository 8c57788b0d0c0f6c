"""The commands `flask audit`: verifying the chain, and listing rows."""

import json
import sys
from datetime import datetime, time, timedelta

import click

from mobilize import audit, clock, settings
from mobilize.commands import Commands
from mobilize.database import db

audit_commands = Commands("audit", help="Who did what, chained so that nothing can be taken out unseen.")
_json = click.option("--json", "as_json", is_flag=True, help="For machines.")


@audit_commands.command("verify")
@_json
def verify(as_json: bool) -> None:
    """Walk the chain. Exit code 1, and the number of the row, when something was altered or taken out."""
    check = audit.verify_and_note(now=clock.now())
    if as_json:
        row = str(check.row_id) if check.row_id else None
        fields = {"holds": check.holds, "sealed": check.sealed, "unsealed": check.unsealed}
        click.echo(json.dumps({**fields, "broken": check.broken, "why": check.why, "row": row}))
    elif check.holds:
        click.echo(f"The chain holds: {check.sealed} rows sealed, {check.unsealed} not sealed yet.")
    else:
        where = f" (row {check.row_id})" if check.row_id else " (at the end)"
        click.echo(
            f"The chain is broken: number {check.broken} is {check.why}{where}. "
            f"{check.unsealed} rows are not sealed yet.",
            err=True,
        )
    if not check.holds:
        sys.exit(1)


@audit_commands.command("list")
@click.option("--verb", default="", help="This verb or its kind: role finds role.give.chair.")
@click.option("--actor", default="", help='As it stands in the audit: "person:<id>", "shell", "worker".')
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The union's day.")
@click.option("--last", default=50, show_default=True, type=click.IntRange(1, 100_000))
@_json
def list_rows(verb: str, actor: str, day: datetime | None, last: int, as_json: bool) -> None:
    """The last rows, newest first. Ids only: names stand on the page."""
    zone = settings().union_timezone
    since = clock.from_local(day.date(), time(), zone, fold=0) if day else None
    until = clock.from_local(day.date() + timedelta(days=1), time(), zone, fold=0) if day else None
    query = audit.rows(verb=verb, actors=[actor] if actor else None, since=since, until=until)
    for row in db.session.scalars(query.limit(last)):
        fields = {"seq": row.seq, "at": row.at.isoformat(), "actor": row.actor, "verb": row.verb}
        if as_json:
            click.echo(json.dumps({**fields, "ref": row.ref}))
        else:
            click.echo(
                f"{row.seq or '-':>6}  {row.at:%Y-%m-%d %H:%M:%S}Z  {row.actor}  {row.verb}  {row.ref}"
            )
