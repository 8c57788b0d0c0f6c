"""Commands of the room texts."""

import json
import uuid
from typing import Any

import click

from mobilize import clock, leases
from mobilize.commands import Commands
from mobilize.texts import queries, reconciling, senders, spending

texts = Commands("texts", help="What waits to be texted, and what became of it.")


@texts.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def status(as_json: bool) -> None:
    """How many texts are in each state, and whether anything stands still."""
    counts = queries.counts_by_state()
    heard = leases.last_run("beat")
    found: dict[str, Any] = {
        "states": counts,
        "total": sum(counts.values()),
        "oldest_due_s": queries.oldest_due_s(now=clock.now()),
        "doubled": queries.doubled_texts(),
        "spent_today_cents": spending.spent_today_cents(clock.now()),
        "spent_this_hour_cents": spending.spent_this_hour_cents(clock.now()),
        "hourly_limit_cents": spending.limit_cents(clock.now()),
        "paused": {sender.name: sender.paused_why for sender in queries.paused_senders()},
        "beat_heard_at": heard.isoformat() if heard else None,
    }
    click.echo(json.dumps(found) if as_json else _lines(found))


@texts.command()
@click.argument("outbox_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True)
def show(outbox_id: uuid.UUID, as_json: bool) -> None:
    """The story of one text: attempts and receipts. No name, no number, no words."""
    story = queries.story_of(outbox_id)
    if story is None:
        raise click.ClickException(f"There is no text {outbox_id}.")
    told = story.told()
    click.echo(json.dumps(told) if as_json else "\n".join(f"{at}  {what}" for at, what in told["story"]))


@texts.command()
@click.argument("why", default="the office stopped it")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def pause(why: str, as_json: bool) -> None:
    """Send nothing until `texts resume`. WHY is shown to organizers."""
    senders.pause_sending(why[:80], now=clock.now())
    click.echo(_paused() if as_json else "Paused. What waits keeps waiting.")


@texts.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def resume(as_json: bool) -> None:
    """Send again."""
    spending.resume_after_a_look(by="shell", now=clock.now())
    click.echo(_paused() if as_json else "Sending again.")


@texts.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def reconcile(as_json: bool) -> None:
    """Look up in the carrier's log what nobody knows about, those that got stuck on an unreadable log
    included."""
    reconciling.look_again_at_stuck(now=clock.now())
    found = reconciling.reconcile(now=clock.now())
    told = (
        f"Looked up {found.looked}, found {found.adopted}, sent anew {found.sent_anew}, stuck {found.stuck}."
    )
    click.echo(json.dumps(vars(found)) if as_json else told)


def _paused() -> str:
    return json.dumps({"paused": {sender.name: sender.paused_why for sender in queries.paused_senders()}})


def _lines(found: dict[str, Any]) -> str:
    lines = [f"{count:>8,}  {state}" for state, count in found["states"].items() if count]
    lines += [f"paused: {name} ({why})" for name, why in found["paused"].items()]
    lines += [f"left twice: {found['doubled']}"] if found["doubled"] else []
    return "\n".join(lines) or "No texts yet."
