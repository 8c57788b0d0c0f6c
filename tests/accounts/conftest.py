"""Olga, who needs a second step, and a passkey of hers."""

import pytest
from flask import Flask

from mobilize.accounts.models import (
    Person,
    RoleName,
)
from tests.accounts.second_step import OLGA
from tests.builders import make_area, make_person
from tests.services.authenticator import Authenticator
from tests.texts.conftest import carrier as carrier


@pytest.fixture
def olga(app: Flask) -> Person:
    return make_person("Olga Brandt", phone=OLGA, role=RoleName.ORGANIZER, area=make_area("North"))


@pytest.fixture
def passkey(app: Flask) -> Authenticator:
    return Authenticator(app.config["MOBILIZE"].public_base_url)
