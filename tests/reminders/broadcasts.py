"""A text in an organizer's own words, for the tests of this room: written, confirmed and queued."""

from datetime import time, timedelta

from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Action
from mobilize.languages import Translated
from mobilize.reminders.broadcasts.operations import (
    confirm_broadcast,
    queue_broadcasts,
    write_broadcast,
)
from mobilize.reminders.models import Audience, Broadcast
from tests.builders import make_action, make_area, make_event, make_member, make_person, make_site, sign_in
from tests.reminders.conftest import MIA, NATE, OLGA

WORDS = Translated(en="{union}: bring a coat to {place}.", es="{union}: trae abrigo a {place}.")

ZONES = ["America/Los_Angeles"]
# Noon there, tomorrow: members may be texted, and what is queued now is due.
DAY = clock.on_local_day(clock.now(), ZONES[0], 1, time(12))


def an_action(area: object = None, **values: object) -> Action:
    """A picket in three days at one school, with Mia (English) and Nate (Spanish)."""
    action = make_action(starts_at=clock.now() + timedelta(days=3), **values)
    site = make_event(make_site("Elm Street School", area=area or make_area()), action=action).site
    make_member(site=site, phone=MIA)
    make_member(site=site, phone=NATE, language="es")
    return action


def written(
    action: Action, words_: Translated = WORDS, audience: Audience = Audience.MEMBERS, **values: object
):
    values = {"scope": THE_OFFICE, "actor": "shell", "now": clock.now(), **values}
    return write_broadcast(action, words_, audience, **values)  # type: ignore[arg-type]


def sent(broadcast: Broadcast, **values: object) -> int:
    values = {"long_ok": False, "scope": None, "actor": broadcast.made_by, "now": clock.now(), **values}
    confirm_broadcast(broadcast.id, **values)  # type: ignore[arg-type]
    return queue_broadcasts(clock.now())


def enter(client: FlaskClient, role: RoleName = RoleName.ADMIN, **where: object) -> Person:
    person = make_person("Olga Reed", phone=OLGA, role=role, **where)
    sign_in(client, person)
    return person
