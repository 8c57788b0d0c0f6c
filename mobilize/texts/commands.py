"""Commands about texts: status, the history of one, pause, resume, reconcile."""

import json
import uuid
from typing import Any

import click

from mobilize import clock
from mobilize.backup import gaps
from mobilize.commands import Commands
from mobilize.database import locks
from mobilize.texts import queries
from mobilize.texts.sending import lanes, pauses, reconciling, senders, spending

_TROUBLES = {
    "log_unreadable": "(the carrier's log cannot be read)",
    "journal_unreadable": "(the journal cannot be read: JOURNAL_FOLDER, or a key that is missing)",
}

texts = Commands("texts", help="What waits to be texted, and what became of it.")


@texts.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def status(as_json: bool) -> None:
    """The number of texts in each state, and whether anything stands still."""
    counts = queries.counts_by_state()
    last_beat, gap = locks.last_run("beat"), gaps.latest_open()
    alarms_until = lanes.used_up_until(lanes.ALARMS, clock.now())
    report: dict[str, Any] = {
        "states": counts,
        "total": sum(counts.values()),
        "oldest_due_s": queries.oldest_due_s(now=clock.now()),
        "doubled": queries.doubled_texts(),
        "spent_today_cents": spending.spent_today_cents(clock.now()),
        "spent_this_hour_cents": spending.spent_this_hour_cents(clock.now()),
        "hourly_limit_cents": spending.limit_cents(clock.now()),
        "paused": {sender.name: sender.paused_reason for sender in queries.paused_senders()},
        "resting": [sender.carrier for sender in senders.preferred() if sender.rest_until],
        "alarms_used_up_until": alarms_until.isoformat() if alarms_until else None,
        "looks_up_since": gap.from_at.isoformat() if gap else None,
        "looks_up_trouble": gap.trouble if gap else None,
        "beat_heard_at": last_beat.isoformat() if last_beat else None,
    }
    click.echo(json.dumps(report) if as_json else _lines(report))


@texts.command()
@click.argument("outbox_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True)
def show(outbox_id: uuid.UUID, as_json: bool) -> None:
    """The story of one text: attempts and receipts. No name, no number, no words."""
    story = queries.story_of(outbox_id)
    if story is None:
        raise click.ClickException(f"There is no text {outbox_id}.")
    report = story.to_dict()
    click.echo(json.dumps(report) if as_json else "\n".join(f"{at}  {what}" for at, what in report["story"]))


@texts.command()
@click.argument("why", default="the office stopped it")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def pause(why: str, as_json: bool) -> None:
    """Send nothing until `texts resume`. WHY is shown to organizers."""
    pauses.pause_sending(why[:80], now=clock.now())
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
    """Look up in the carriers' logs what nobody knows about, and what got stuck because a log was unreadable
    or did not show it."""
    reconciling.look_again_at_stuck(now=clock.now())
    result = reconciling.reconcile(now=clock.now())
    counts = vars(result)
    summary = "Looked up {looked}, found {adopted}, sent anew {sent_anew}, stuck {stuck}.".format(**counts)
    click.echo(json.dumps(counts) if as_json else summary)


def _paused() -> str:
    return json.dumps({"paused": {sender.name: sender.paused_reason for sender in queries.paused_senders()}})


def _lines(report: dict[str, Any]) -> str:
    lines = [f"{count:>8,}  {state}" for state, count in report["states"].items() if count]
    lines += [f"paused: {name} ({why})" for name, why in report["paused"].items()]
    lines += [f"does not answer: {carrier}" for carrier in report["resting"]]
    if until := report["alarms_used_up_until"]:
        lines.append(f"emergencies: the hour's budget is used up until {until}, read the inbox")
    if since := report["looks_up_since"]:
        trouble = _TROUBLES.get(report["looks_up_trouble"], "")
        line = (
            f"nothing but codes and emergencies leaves until what left since {since} is looked up {trouble}"
        )
        lines.append(line.rstrip())
    lines += [f"left twice: {report['doubled']}"] if report["doubled"] else []
    return "\n".join(lines) or "No texts yet."
