"""Commands about people: the first admin can only be made here."""

import json

import click

from mobilize import clock
from mobilize.accounts.links import GOOD_FOR, link_address
from mobilize.accounts.models import RoleName
from mobilize.accounts.people import Invitation
from mobilize.accounts.people import invite as invite_person
from mobilize.accounts.queries import find_area, find_site
from mobilize.accounts.scope import THE_OFFICE
from mobilize.commands import Commands

people = Commands("people", help="Who may sign in.")


@people.command("invite")
@click.option("--role", type=click.Choice([role.value for role in RoleName]), required=True)
@click.option("--name", required=True)
@click.option("--phone", required=True, help="Her mobile number, with area code.")
@click.option("--area", default="", help="Name of the organizer's area.")
@click.option("--site", default="", help="Code or whole name of the chair's site.")
@click.option("--language", type=click.Choice(["en", "es"]), default="en")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def invite(role: str, name: str, phone: str, area: str, site: str, language: str, as_json: bool) -> None:
    """Give somebody a role and print a link that signs her in once."""
    invitation = Invitation(
        name=name,
        phone=phone,
        role=RoleName(role),
        site=find_site(site, THE_OFFICE) if site else None,
        area=find_area(area) if area else None,
        language=language,
    )
    person, token = invite_person(invitation, scope=THE_OFFICE, actor="shell", now=clock.now())
    link = link_address(token or "")
    if as_json:
        click.echo(json.dumps({"person": str(person.id), "role": role, "link": link}))
        return
    click.echo(f"Send this link to her. It signs her in once, within {GOOD_FOR.days} days:")
    click.echo(link)
