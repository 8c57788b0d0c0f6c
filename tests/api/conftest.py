"""A program with a token for everything, and one without."""

import pytest
from flask import Flask

from mobilize.accounts.models import Person, RoleName
from mobilize.roster.models import Area, Site
from mobilize.turnout.board import cache as live
from tests.api.program import Program, make_secret
from tests.builders import make_area, make_person, make_site


@pytest.fixture(autouse=True)
def _counted_anew() -> None:
    live.forget()


@pytest.fixture
def program(app: Flask) -> Program:
    return Program(app, make_secret())


@pytest.fixture
def stranger(app: Flask) -> Program:
    return Program(app, None)


@pytest.fixture
def north(app: Flask) -> Area:
    return make_area("North")


@pytest.fixture
def lincoln(north: Area) -> Site:
    return make_site("Lincoln", area=north)


@pytest.fixture
def olga(north: Area) -> Person:
    return make_person("Olga Brandt", role=RoleName.ORGANIZER, area=north)
