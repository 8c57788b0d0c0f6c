"""The command that texts members or chairs of an action; it stands among those of the texts."""

import json

import click

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.actions.queries import find_action
from mobilize.commands import translated_option
from mobilize.languages import LANGUAGES, Translated, required_languages
from mobilize.reminders.broadcasts.estimates import BroadcastEstimate, estimate_broadcast
from mobilize.reminders.broadcasts.operations import confirm_broadcast, queue_broadcasts, write_broadcast
from mobilize.reminders.broadcasts.places import chapters_by_area, places_named
from mobilize.reminders.broadcasts.recipients_text import who_gets_it
from mobilize.reminders.models import Audience, AudienceFilter
from mobilize.texts.commands import texts

__all__ = ["texts"]

SHELL = "shell"


@texts.command("broadcast")
@click.option("--action", "named", required=True, help="The action's id, or the start of its name.")
@translated_option(
    "text",
    prefix="",
    help="The text in %(language)s; blanks like {place} are filled.",
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
