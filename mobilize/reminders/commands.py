"""Commands of this room: they stand among those of the texts."""

import json

import click

from mobilize import clock
from mobilize.accounts.scope import THE_OFFICE
from mobilize.actions.queries import find_action
from mobilize.reminders.broadcast_sizing import Sizing, sizing
from mobilize.reminders.broadcasts import confirm_broadcast, queue_broadcasts, write_broadcast
from mobilize.reminders.composing import Written
from mobilize.reminders.models import Audience
from mobilize.texts.commands import texts

__all__ = ["texts"]

SHELL = "shell"


@texts.command("broadcast")
@click.option("--action", "named", required=True, help="The action's id, or the start of its name.")
@click.option("--en", required=True, help="The text in English; blanks like {place} are filled.")
@click.option("--es", required=True, help="The same in Spanish.")
@click.option("--audience", type=click.Choice(["members", "chairs"]), required=True)
@click.option("--urgent", default="", metavar="REASON", help="At any hour, to those who agreed to that.")
@click.option("--long", "long_ok", is_flag=True, help="It may take more than two segments.")
@click.option("--confirm", is_flag=True, help="Queue it. Without this, only its size is shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def send_broadcast(
    named: str, en: str, es: str, audience: str, urgent: str, long_ok: bool, confirm: bool, as_json: bool
) -> None:
    """Text members or chairs of an action's chapters. A drill's goes to staff."""
    now, action = clock.now(), find_action(named)
    written = Written(" ".join(en.split()), " ".join(es.split()))
    draft = write_broadcast(
        action, written, Audience(audience), urgent_reason=urgent, scope=THE_OFFICE, actor=SHELL, now=now
    )
    found = {"id": str(draft.id), **_said(sizing(draft, now)), "confirmed": False, "queued": 0}
    if confirm:
        found["confirmed"] = confirm_broadcast(draft.id, long_ok=long_ok, scope=None, actor=SHELL, now=now)
        found["queued"] = queue_broadcasts(now)
    click.echo(json.dumps(found) if as_json else _lines(found))


def _said(size: Sizing) -> dict[str, object]:
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


def _lines(found: dict[str, object]) -> str:
    lines = [f"{name.replace('_', ' ')}: {found[name]}" for name in ("phones", "segments", "cost_cents")]
    lines += [f"cannot be told: {found['cannot_be_told']}", f"last leaves at: {found['last_leaves_at']}"]
    lines += [f"note: {warning}" for warning in found["warnings"]]  # type: ignore[attr-defined]
    done = f"Queued {found['queued']} texts." if found["confirmed"] else "Nothing queued: add --confirm."
    return "\n".join([*lines, done])
