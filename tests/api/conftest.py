"""A program with a token for everything, and one without."""

import pytest
from flask import Flask

from mobilize.turnout.board import cache as live
from tests.api.program import Program, make_secret


@pytest.fixture(autouse=True)
def _counted_anew() -> None:
    live.forget()


@pytest.fixture
def program(app: Flask) -> Program:
    return Program(app, make_secret())


@pytest.fixture
def stranger(app: Flask) -> Program:
    return Program(app, None)
