"""The commands `flask people`: invitations, the first admin, resets, changed numbers, the list of chairs."""

import json
from datetime import datetime
from pathlib import Path

import click

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE, today
from mobilize.accounts.models import Person, RoleName
from mobilize.accounts.people.chairs_apply import apply_chairs
from mobilize.accounts.people.chairs_file import read_chairs
from mobilize.accounts.people.chairs_plan import ChairChangeKind, ChairPlan, plan_chairs
from mobilize.accounts.people.operations import Invitation, invite_first_admin
from mobilize.accounts.people.operations import invite as invite_person
from mobilize.accounts.queries import find_area, find_site, person_with
from mobilize.accounts.sign_in.one_time_links import GOOD_FOR, link_address
from mobilize.accounts.sign_in.role_links import SHELL, RoleAccess, fresh_link
from mobilize.accounts.sign_in.role_links import change_number as new_number
from mobilize.accounts.sign_in.role_links import start_anew as begin_anew
from mobilize.commands import Commands
from mobilize.errors import Refused
from mobilize.languages import DEFAULT, LANGUAGES, _

people = Commands("people", help="Who may sign in.")


@people.command("invite")
@click.option("--role", type=click.Choice([role.value for role in RoleName]), required=True)
@click.option("--name", required=True)
@click.option("--phone", required=True, help="Their mobile number, with area code.")
@click.option("--area", default="", help="Name of the organizer's area.")
@click.option("--site", default="", help="Code or whole name of the chair's site.")
@click.option("--language", type=click.Choice(list(LANGUAGES)), default=DEFAULT)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def invite(role: str, name: str, phone: str, area: str, site: str, language: str, as_json: bool) -> None:
    """Give somebody a role and print a link that signs them in once."""
    invitation = Invitation(
        name=name,
        phone=phone,
        role=RoleName(role),
        site=find_site(site, THE_OFFICE) if site else None,
        area=find_area(area) if area else None,
        language=language,
    )
    access = invite_person(invitation, scope=THE_OFFICE, actor=SHELL, now=clock.now())
    if as_json:
        link = link_address(access.token)
        click.echo(json.dumps({"person": str(access.person.id), "role": role, "link": link}))
        return
    _say_link(access)


@people.command("first-admin")
@click.option("--name", required=True)
@click.option("--phone", required=True, help="Their mobile number, with area code.")
def first_admin(name: str, phone: str) -> None:
    """Make the first admin and print a link that signs them in once. Only while there is none."""
    _say_link(invite_first_admin(name, phone, now=clock.now()))


@people.command("link")
@click.option("--phone", required=True, help="The number of whoever cannot sign in.")
def link(phone: str) -> None:
    """Print a new sign-in link. Their passkey, app and recovery codes stay, and are asked for after it."""
    _say_link(fresh_link(_person_with(phone), scope=THE_OFFICE, actor=SHELL, now=clock.now()))


@people.command("start-anew")
@click.option("--phone", required=True, help="Mobile number of whoever lost passkey and codes.")
def start_anew(phone: str) -> None:
    """End somebody's passkeys, app and recovery codes, and print a link with which they set up new ones."""
    _say_link(begin_anew(_person_with(phone), scope=THE_OFFICE, actor=SHELL, now=clock.now()))


@people.command("number")
@click.option("--phone", required=True, help="The number they sign in with now.")
@click.option("--new", required=True, help="The number they sign in with from now on.")
def number(phone: str, new: str) -> None:
    """Change the number somebody signs in with: a reset as well, and a link with which they start anew."""
    _say_link(new_number(_person_with(phone), new, scope=THE_OFFICE, actor=SHELL, now=clock.now()))


@people.command("import")
@click.argument("file")
@click.option("--from", "from_on", type=click.DateTime(["%Y-%m-%d"]), help="First day, like 2026-09-01.")
@click.option("--commit", is_flag=True, help="Do what the dry run shows.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def import_chairs(file: str, from_on: datetime | None, commit: bool, as_json: bool) -> None:
    """Change the chairs to those of a list: site, role, name, phone. A dry run unless --commit is said."""
    data, now = _bytes(file), clock.now()
    day = from_on.date() if from_on else today(now)
    plan = apply_chairs(data, day, by=SHELL, now=now) if commit else plan_chairs(read_chairs(data), day)
    if as_json:
        click.echo(json.dumps(_as_json(plan, committed=commit)))
        return
    for one in plan.moves:
        click.echo(f"{one.move:<7} {one.role:<8} {one.site}: {one.name}")
    for line, reason in plan.problems:
        click.echo(f"line {line} refused: {reason}")
    counts = ", ".join(f"{len(plan.of(move))} {move}" for move in ChairChangeKind)
    click.echo(f"From {plan.from_on}: {counts}; {plan.others} sites left alone.")
    click.echo("Done." if commit else "Nothing has changed. Add --commit to do this.")


def _person_with(phone: str) -> Person:
    person = person_with(phone)
    if person is None:
        raise Refused("nobody", _("Nobody who signs in has this number."))
    return person


def _say_link(access: RoleAccess) -> None:
    if not access.token:
        click.echo("They sign in with this number already; nothing has changed.")
        return
    click.echo(f"Give them this link. It signs them in once, within {GOOD_FOR.days} days:")
    click.echo(link_address(access.token))


def _as_json(plan: ChairPlan, *, committed: bool) -> dict[str, object]:
    return {
        "from": str(plan.from_on),
        "committed": committed,
        **{move.value: len(plan.of(move)) for move in ChairChangeKind},
        "without_phone": len(plan.without_phone),
        "sites_left_alone": plan.others,
        "refused": [{"line": line, "why": reason} for line, reason in plan.problems],
    }


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Refused("no_file", f"{file} cannot be read: {error.strerror}.") from None
