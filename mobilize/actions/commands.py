"""Shell commands for campaigns, actions and events; with `--json` for machines."""

import json
import uuid
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from mobilize import clock
from mobilize.accounts.access.scope import Scope
from mobilize.actions.events.codes import replace_code
from mobilize.actions.events.shifts import read_shifts, set_shifts_of_all
from mobilize.actions.models import Action, ActionKind, Campaign, Event
from mobilize.actions.operations import (
    NewAction,
    create_action_at_sites,
    create_campaign,
    create_rally,
)
from mobilize.actions.printing.print_jobs import posters_of
from mobilize.actions.queries import event_by_code, find_action, find_areas
from mobilize.actions.time_ranges import read_span
from mobilize.actions.visibility import number_of_events, visible_events
from mobilize.commands import Command, Commands, translated_option
from mobilize.database import db, parse_id
from mobilize.errors import Refused
from mobilize.keys.tokens import read_code
from mobilize.languages import DEFAULT, Translated, _
from mobilize.roster.models import Area

EVERY_SITE = "every-site"
SHELL = "shell"
# Whoever has a shell is the operator.
ALL = Scope(everything=True)

campaigns = Commands("campaigns", help="Runs of actions, with their demands.")
actions = Commands("actions", help="Pickets, rallies, strike days and counts.")
events = Commands("events", help="One action at one place.")

as_json = click.option("--json", "as_json", is_flag=True, help="For machines.")


@campaigns.command("create")
@translated_option("name", required=[DEFAULT], help_of_others="Without it the English name stands for both.")
@translated_option("demands", help="One a line, or separated by semicolons.")
@as_json
def new_campaign(name: Translated, demands: Translated, as_json: bool) -> None:
    """Make a campaign and print its id."""
    campaign = create_campaign(name, demands.map(_one_a_line), actor=SHELL, now=clock.now())
    _say({"id": str(campaign.id), "name": campaign.name[DEFAULT]}, as_json)


@actions.command("create")
@translated_option("name", required=[DEFAULT], help_of_others="Without it the English name stands for both.")
@click.option("--kind", type=click.Choice([kind.value for kind in ActionKind]), required=True)
@click.option("--starts", required=True, help="On the clock of each site: 2026-03-03T07:00.")
@click.option("--ends", required=True, help="The same, or only a time: 07:45.")
@click.option("--at", "where", required=True, help="every-site, or areas separated by commas.")
@click.option("--venue", default="", help="Where a rally is.")
@click.option("--campaign", default="", help="The id of its campaign.")
@click.option("--drill", is_flag=True, help="A rehearsal that never enters a total.")
@as_json
def new_action(
    name: Translated, kind: str, starts: str, ends: str, where: str, venue: str, campaign: str,
    drill: bool, as_json: bool,
) -> None:  # fmt: skip
    """Make an action with all its events and print its id."""
    new = NewAction(
        name=name,
        kind=ActionKind(kind),
        span=read_span(starts, ends),
        campaign_id=_campaign_id(campaign),
        drill=drill,
    )
    action = _make(new, _areas(where), venue)
    _say(
        {"id": str(action.id), "name": action.name[DEFAULT], "events": number_of_events(action, ALL)}, as_json
    )


@actions.command("shifts")
@click.argument("which")
@click.argument("times", nargs=-1, required=True)
@as_json
def set_shifts(which: str, times: tuple[str, ...], as_json: bool) -> None:
    """Give all places of an action their shifts, on the clock of each: STRIKE 06:00-10:00 10:00-14:00."""
    changed = set_shifts_of_all(
        visible_events(find_action(which), ALL), read_shifts(times), actor=SHELL, now=clock.now()
    )
    _say({"id": str(changed), "changed": changed}, as_json)


@events.command("list")
@click.option("--action", "named", required=True, help="Its id, or the start of its name.")
@as_json
def list_events(named: str, as_json: bool) -> None:
    """Print site, code, text code and check-in address of every event of an action."""
    rows = [_row(event) for event in visible_events(find_action(named), ALL)]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo("\t".join([row["site"], row["code"], row["text_code"], row["url"]]))


@events.command("new-code")
@click.argument("code")
@as_json
def new_code(code: str, as_json: bool) -> None:
    """Replace the leaked CODE of an event, and print its new one."""
    event = event_by_code(code)
    if event is None:
        raise Refused("no_event", _("There is no such event."), status=404)
    replace_code(event, read_code(code), actor=SHELL, now=clock.now())
    click.echo(json.dumps(_row(event), ensure_ascii=False) if as_json else event.code)


@click.command("posters", cls=Command)
@click.argument("action")
@click.option("-o", "out", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--area", default="", help="Only this area.")
@with_appcontext
def posters(action: str, out: Path, area: str) -> None:
    """Write the posters of ACTION (its id, or the start of its name) to one PDF, sorted by area."""
    target = find_action(action)
    only = _one_area(area)
    printed = visible_events(target, ALL, only.id if only else None)
    if not printed:
        raise Refused("no_events", _("This action has no event there."))
    _refuse_bad_path(out)
    click.echo(_("Drawing %(num)s posters ...", num=len(printed)), err=True)
    _write(out, posters_of(printed).getvalue())
    click.echo(f"{out}: {len(printed)}")


def _make(new: NewAction, areas: list[Area] | None, venue: str) -> Action:
    if new.kind is ActionKind.RALLY:
        return create_rally(new, venue, areas=areas, actor=SHELL, now=clock.now())
    if venue:
        raise Refused("not_a_rally", _("Only a rally has a venue. Use --kind rally, or leave --venue out."))
    return create_action_at_sites(new, areas=areas, actor=SHELL, now=clock.now())


def _areas(where: str) -> list[Area] | None:
    if where.strip().lower() == EVERY_SITE:
        return None
    areas = find_areas(where)
    if not areas:
        raise Refused("no_area", _("Say where: --at every-site, or --at with areas separated by commas."))
    return areas


def _one_area(name: str) -> Area | None:
    if not name:
        return None
    areas = find_areas(name)
    if len(areas) != 1:
        raise Refused("no_area", _("Enter one area."))
    return areas[0]


def _campaign_id(typed: str) -> uuid.UUID | None:
    if not typed:
        return None
    campaign_id = parse_id(typed)
    campaign = db.session.get(Campaign, campaign_id) if campaign_id else None
    if campaign is None:
        raise Refused("no_campaign", _("There is no campaign with this id."))
    return campaign.id


def _one_a_line(demands: str) -> str:
    return "\n".join(
        part.strip() for line in demands.splitlines() for part in line.split(";") if part.strip()
    )


def _row(event: Event) -> dict[str, str]:
    return {
        "id": str(event.id),
        "site": event.place,
        "site_code": event.site.code if event.site else "",
        "area": event.area.name if event.area else "",
        "code": event.code,
        "text_code": event.text_code,
        "url": event.check_in_address,
        "starts_at": event.starts_at.isoformat(),
        "ends_at": event.ends_at.isoformat(),
    }


def _say(values: dict[str, Any], as_json: bool) -> None:
    click.echo(json.dumps(values, ensure_ascii=False) if as_json else values["id"])


def _write(out: Path, pdf: bytes) -> None:
    try:
        out.write_bytes(pdf)
    except OSError as error:
        raise _cannot_write(out, error.strerror or "") from None


def _refuse_bad_path(out: Path) -> None:
    """Raise before the posters are drawn, not after."""
    if not out.parent.is_dir():
        raise _cannot_write(out, _("there is no such folder"))


def _cannot_write(out: Path, why: str) -> Refused:
    return Refused("cannot_write", _("Cannot write %(path)s: %(why)s.", path=str(out), why=why))
