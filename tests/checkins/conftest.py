"""What most of these tests begin with: a picket at Roosevelt High, of whose chapter Mia is."""

import pytest
import time_machine

from tests.builders import make_event, make_member, make_site
from tests.checkins.morning import OPEN, grant_for


@pytest.fixture
def in_the_morning():
    """The clock stands at `OPEN` until the test moves it."""
    with time_machine.travel(OPEN, tick=False) as traveller:
        yield traveller


@pytest.fixture
def site(app):
    return make_site("Roosevelt High")


@pytest.fixture
def mia(site):
    return make_member("Reyes", "Mia", site=site, phone="+12135550101", number="00004711")


@pytest.fixture
def nate(site):
    return make_member("Okafor", "Nate", site=site, phone="+12135550102")


@pytest.fixture
def event(site, mia):
    return make_event(site)


@pytest.fixture
def line(client, event):
    """The client, holding a running grant for the event."""
    client.set_cookie(f"line-{event.code}", grant_for(event)[1], domain="localhost")
    return client
