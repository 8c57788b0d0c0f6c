"""The commands `flask privacy`: the report on one person's data, forgetting an action, legal holds."""

import json
import uuid

import click

from mobilize import clock
from mobilize.actions.queries import find_action
from mobilize.commands import Commands
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.operating import command
from mobilize.privacy.labels import table_words
from mobilize.privacy.retention import forgetting, legal_holds
from mobilize.privacy.retention.report import TableRows, find_traces, held_about

BY = "shell"

privacy = Commands("privacy", help="What is kept about people, and forgetting it.")
_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for machines.")


@privacy.command("report")
@click.option("--number", default="", help="A member number.")
@click.option("--phone", default="", help="A phone number, with area code.")
@_json
def report(number: str, phone: str, as_json: bool) -> None:
    """Everything that could be handed over about one person, by table."""
    if not number and not phone:
        raise click.UsageError("Say whom: --number or --phone.")
    tables = held_about(find_traces(number=number, phone=phone))
    if as_json:
        click.echo(json.dumps({held.table: held.rows for held in tables}, ensure_ascii=False, default=str))
        return
    if not tables:
        click.echo("Nothing is held about this person.")
    for held in tables:
        _print(held)


@privacy.command("forget")
@click.option("--action", "named", required=True, help="Id or name of the action.")
@click.confirmation_option(
    prompt="Nobody can ever find out again who came. The numbers stay. Forget this action now?"
)
@_json
def forget(named: str, as_json: bool) -> None:
    """Forget one action now: the numbers stay, who it was goes."""
    action = find_action(named)
    done = forgetting.forget_action(action.id, by=BY, now=clock.now())
    _say({"action": str(action.id), "forgotten": True, "now": done}, as_json, "Forgotten. The numbers stay.")


@privacy.command("hold")
@click.option("--action", "named", default="", help="Id or name of the action; nothing for all of them.")
@click.option("--reason", required=True, help="Why: the case, and who asked for it.")
@_json
def hold(named: str, reason: str, as_json: bool) -> None:
    """From now on nothing of this action (or of any) is forgotten."""
    action_id = find_action(named).id if named else None
    placed = legal_holds.place_hold(action_id, reason, by=BY, now=clock.now())
    release = command(f"privacy release {placed.id}")
    _say({"hold": str(placed.id)}, as_json, f"Held. Release it with: {release}")


@privacy.command("release")
@click.argument("hold_id")
@_json
def release(hold_id: str, as_json: bool) -> None:
    """End a hold: what is due is forgotten within minutes."""
    released = legal_holds.release_hold(_uuid(hold_id), by=BY, now=clock.now())
    _say({"hold": str(released.id), "released": True}, as_json, "Released.")


def _print(held: TableRows) -> None:
    click.echo(f"\n{table_words(held.table)} ({held.table}): {len(held.rows)}")
    for row in held.rows:
        click.echo("  - " + ", ".join(f"{name}: {value}" for name, value in row.items()))


def _say(facts: dict[str, object], as_json: bool, words: str) -> None:
    click.echo(json.dumps(facts) if as_json else words)


def _uuid(written: str) -> uuid.UUID:
    try:
        return uuid.UUID(written)
    except ValueError:
        raise Refused("no_hold", _("There is no such hold."), status=404) from None
