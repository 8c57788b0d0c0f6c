"""Lincoln High and its picket, Carmen who chairs it, and Olga, who needs a second factor, with a passkey."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from mobilize import clock
from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Event
from mobilize.roster.models import Area, Site
from tests.accounts.second_factor import OLGA
from tests.builders import make_area, make_event, make_person, make_site
from tests.services.authenticator import Authenticator
from tests.texts.conftest import carrier as carrier


@pytest.fixture
def now(app: Flask) -> datetime:
    return clock.now()


@pytest.fixture
def north(app: Flask) -> Area:
    return make_area("North")


@pytest.fixture
def lincoln(north: Area) -> Site:
    return make_site("Lincoln High", area=north)


@pytest.fixture
def picket(lincoln: Site, now: datetime) -> Event:
    return make_event(lincoln, starts_at=now, ends_at=now + timedelta(minutes=45))


@pytest.fixture
def carmen(lincoln: Site) -> Person:
    return make_person("Carmen Ortiz", phone="+12135550101", role=RoleName.CHAIR, site=lincoln)


@pytest.fixture
def olga(north: Area) -> Person:
    return make_person("Olga Brandt", phone=OLGA, role=RoleName.ORGANIZER, area=north)


@pytest.fixture
def passkey(app: Flask) -> Authenticator:
    return Authenticator(app.config["MOBILIZE"].public_base_url)
