"""What most of these tests begin with: a picket at Roosevelt High, of whose chapter Mia is."""

import pytest

from tests.builders import make_event, make_member, make_site
from tests.checkins.morning import grant_for


@pytest.fixture
def site(app):
    return make_site("Roosevelt High")


@pytest.fixture
def mia(site):
    return make_member("Reyes", "Mia", site=site, phone="+12135550101", number="00004711")


@pytest.fixture
def event(site, mia):
    return make_event(site)


@pytest.fixture
def line(client, event):
    """The client, holding a running grant for the event."""
    client.set_cookie(f"line-{event.code}", grant_for(event)[1], domain="localhost")
    return client
