"""Fixtures that tests of imports share."""

import pytest
from flask import Flask

from tests.roster.importing import import_sites


@pytest.fixture
def imported_sites(app: Flask) -> None:
    """The sites of `files.SITES`, as the office imported them in January."""
    import_sites()
