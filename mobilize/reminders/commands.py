"""The commands of `flask texts` that need actions and members: texts to many, the queue, and the inbox."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

import click

from mobilize import audit, clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.actions.queries import find_action
from mobilize.commands import translated_option
from mobilize.database import db
from mobilize.languages import DEFAULT, LANGUAGES, Translated, required_languages
from mobilize.reminders.broadcasts.estimates import (
    BroadcastEstimate,
    estimate_broadcast,
    latest_broadcasts,
    outcome_of,
)
from mobilize.reminders.broadcasts.operations import (
    call_back_broadcast,
    confirm_broadcast,
    queue_broadcasts,
    write_broadcast,
)
from mobilize.reminders.broadcasts.places import chapters_by_area, places_named
from mobilize.reminders.broadcasts.recipients_text import who_gets_it
from mobilize.reminders.inbox.corrections import Reading, correct_reading, readings_offered
from mobilize.reminders.inbox.queries import (
    InboxItem,
    count_waiting,
    inbound_in_scope,
    inbox_items,
    unknown_items,
)
from mobilize.reminders.models import Audience, AudienceFilter, Broadcast
from mobilize.reminders.monitoring.worker_tasks import due_texts
from mobilize.texts.commands import texts
from mobilize.texts.queries import counts_by_state, unsettled_texts

__all__ = ["texts"]

SHELL = "shell"


@texts.command("broadcast")
@click.option("--action", "named", required=True, help="The action's id, or the start of its name.")
@translated_option(
    "text",
    prefix="",
    help="The text in %(language)s; fields like {place} are filled.",
    help_of_others="The same in %(language)s.",
    required=required_languages(),
)
@click.option("--audience", type=click.Choice(["members", "chairs"]), required=True)
@click.option(
    "--of",
    "audience_filter",
    type=click.Choice([one.value for one in AudienceFilter]),
    default=AudienceFilter.ALL.value,
    help="Which of the members.",
)
@click.option(
    "--place", "named_places", multiple=True, metavar="NAME", help="Only this area, or this site's code."
)
@click.option("--reads", "language", type=click.Choice(list(LANGUAGES)), help="Only who is texted in it.")
@click.option("--urgent", default="", metavar="REASON", help="At any hour, to those who agreed to that.")
@click.option("--long", "long_ok", is_flag=True, help="It may take more than two segments.")
@click.option("--confirm", is_flag=True, help="Queue it. Without this, only its size is shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def send_broadcast(
    named: str,
    text: Translated,
    audience: str,
    audience_filter: str,
    named_places: tuple[str, ...],
    language: str | None,
    urgent: str,
    long_ok: bool,
    confirm: bool,
    as_json: bool,
) -> None:
    """Text members or chairs of an action's chapters. A drill's goes to staff."""
    now, action = clock.now(), find_action(named)
    written = text.map(lambda typed: " ".join(typed.split()))
    draft = write_broadcast(
        action,
        written,
        Audience(audience),
        audience_filter=AudienceFilter(audience_filter),
        places=places_named(chapters_by_area(action), named_places) if named_places else None,
        language=language,
        urgent_reason=urgent,
        scope=THE_OFFICE,
        actor=SHELL,
        now=now,
    )
    size = estimate_broadcast(draft, now)
    report = {
        "id": str(draft.id),
        "goes_to": who_gets_it(draft, people=size.people, phones=size.phones),
        **_as_dict(size),
        "confirmed": False,
        "queued": 0,
    }
    if confirm:
        report["confirmed"] = confirm_broadcast(draft.id, long_ok=long_ok, scope=None, actor=SHELL, now=now)
        report["queued"] = queue_broadcasts(now)
    click.echo(json.dumps(report) if as_json else _lines(report))


@texts.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def broadcasts(as_json: bool) -> None:
    """The texts to many that were confirmed last, with their ids: sent, waiting or stopped."""
    rows = [
        {
            "id": str(one.id),
            "action": one.action.name[DEFAULT],
            "audience": one.audience.value,
            "confirmed_at": _moment(one.confirmed_at),
            **vars(outcome_of(one)),
        }
        for one in latest_broadcasts()
    ]
    lines = (
        "{id}  {confirmed_at}  {action}, {audience}: {left} sent, {waiting} waiting, {called_back} stopped"
    )
    click.echo(json.dumps({"broadcasts": rows}) if as_json else _each(lines, rows, "No text to many yet."))


@texts.command("call-back")
@click.argument("broadcast_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def call_back(broadcast_id: uuid.UUID, as_json: bool) -> None:
    """Stop what has not gone out yet of a text to many. `texts broadcasts` lists their ids."""
    if db.session.get(Broadcast, broadcast_id) is None:
        raise click.ClickException(f"There is no text to many {broadcast_id}.")
    stopped = call_back_broadcast(broadcast_id, any_author=True, actor=SHELL, now=clock.now())
    report = {"id": str(broadcast_id), "stopped": stopped}
    click.echo(json.dumps(report) if as_json else f"Stopped. Texts that will not go out: {stopped}.")


@texts.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def waiting(as_json: bool) -> None:
    """How many texts wait: those that are due by class, all, and what waits in the inbox."""
    now = clock.now()
    due = [
        {"class": one.kind, "texts": one.texts, "oldest_s": _age_s(one.oldest_at, now)}
        for one in due_texts(now)
    ]
    report = {
        "due": due,
        "waiting": counts_by_state()["waiting"],
        "inbox": count_waiting(now, is_known=True),
        "unknown_numbers": count_waiting(now, is_known=False),
    }
    lines = [f"{one['texts']:>8,}  {one['class']}, the oldest due {one['oldest_s']} s ago" for one in due]
    lines += ["{waiting:>8,}  in all, with what is not due yet", "{inbox:>8,}  in the inbox, for a person"]
    lines += ["{unknown_numbers:>8,}  from numbers we do not know"]
    click.echo(json.dumps(report) if as_json else "\n".join(lines).format(**report))


@texts.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def unknown(as_json: bool) -> None:
    """The texts of which nobody knows whether they left, with their ids for `texts show`. `texts reconcile`
    looks them up."""
    now = clock.now()
    rows = [
        {"id": str(one.id), "wording": one.wording, "state": one.state.value, "reason": one.reason or ""}
        | {"due_s_ago": _age_s(one.due_at, now)}
        for one in unsettled_texts()
    ]
    lines = "{id}  {state} {reason}  {wording}, due {due_s_ago} s ago"
    click.echo(
        json.dumps({"texts": rows}) if as_json else _each(lines, rows, "None: every text is accounted for.")
    )


@texts.command()
@click.option("--unknown-numbers", "strangers", is_flag=True, help="Those of numbers we do not know instead.")
@click.option("--words", is_flag=True, help="With what they wrote. It is noted in the audit.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def inbox(strangers: bool, words: bool, as_json: bool) -> None:
    """What waits for a person, with its ids for `texts correct`. No name, no number."""
    now = clock.now()
    items = unknown_items(now) if strangers else inbox_items(THE_OFFICE, now)
    offered = readings_offered([item.inbound for item in items], THE_OFFICE)
    rows = [_as_row(item, offered[item.inbound.id], words=words) for item in items]
    if words:
        audit.note(SHELL, "inbox.see", "", now=now)
    line = "{id}  {received_at}  read as {read_as}{urgent}  {site}" + ("\n    {words}" if words else "")
    click.echo(json.dumps({"texts": rows}) if as_json else _each(line, rows, "Nothing waits for a person."))


@texts.command()
@click.argument("inbound_id", type=click.UUID)
@click.argument("reading", type=click.Choice([one.value for one in Reading]))
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def correct(inbound_id: uuid.UUID, reading: str, as_json: bool) -> None:
    """Say what a text means after all, as in the inbox. Only the member's own START lifts a stop."""
    now = clock.now()
    inbound = inbound_in_scope(inbound_id, THE_OFFICE, now)
    if inbound is None:
        raise click.ClickException(f"Nothing came in with the id {inbound_id}.")
    correct_reading(inbound, Reading(reading), scope=THE_OFFICE, actor=SHELL, now=now)
    report = {"id": str(inbound_id), "reading": reading}
    click.echo(json.dumps(report) if as_json else f"Corrected: {reading}.")


def _as_row(item: InboxItem, offered: Sequence[Reading], *, words: bool) -> dict[str, object]:
    inbound = item.inbound
    row: dict[str, object] = {
        "id": str(inbound.id),
        "received_at": _moment(inbound.received_at),
        "read_as": inbound.intent.value,
        "urgent": ", urgent" if item.urgent else "",
        "site": item.site or "no site",
        "readings": [one.value for one in offered],
    }
    return row | {"words": _printable(inbound.body or "(deleted)")} if words else row


def _printable(words: str) -> str:
    """On one line, and without what a terminal would obey."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""


def _age_s(moment: datetime, now: datetime) -> int:
    return int((now - moment).total_seconds())


def _each(line: str, rows: Sequence[Mapping[str, object]], otherwise: str) -> str:
    return "\n".join(line.format(**row) for row in rows) or otherwise


def _as_dict(size: BroadcastEstimate) -> dict[str, object]:
    return {
        "phones": size.phones,
        "segments": size.segments,
        "cost_cents": size.cost_cents,
        "cannot_be_told": size.cannot,
        "first_leaves_at": size.starts_at.isoformat(),
        "last_leaves_at": size.done_at.isoformat(),
        "longest": {preview.language: preview.body for preview in size.previews},
        "longest_segments": max((preview.length.segments for preview in size.previews), default=0),
        "warnings": size.warnings,
    }


def _lines(report: dict[str, object]) -> str:
    figures = ("goes_to", "phones", "segments", "cost_cents")
    lines = [f"{name.replace('_', ' ')}: {report[name]}" for name in figures]
    lines += [f"cannot be told: {report['cannot_be_told']}", f"last leaves at: {report['last_leaves_at']}"]
    lines += [f"note: {warning}" for warning in report["warnings"]]  # type: ignore[attr-defined]
    done = f"Queued {report['queued']} texts." if report["confirmed"] else "Nothing queued: add --confirm."
    return "\n".join([*lines, done])
