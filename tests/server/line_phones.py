"""A line that is open now, and a phone of it that asks the running web server."""

from datetime import timedelta

import pytest

from mobilize import clock
from tests.builders import make_event, make_member, make_site
from tests.checkins.morning import grant_for


@pytest.fixture
def picket(pg_app):
    site = make_site("Roosevelt High")
    make_member("Reyes", "Mia", site=site, phone="+12135550101")
    now = clock.now()
    return make_event(site, starts_at=now - timedelta(minutes=10), ends_at=now + timedelta(hours=2))


class LinePhone:
    """`address` of the line's state, and the `cookie` of the phone's own grant."""

    def __init__(self, server, event):
        self.grant, token = grant_for(event, now=clock.now(), ends_at=clock.now() + timedelta(hours=3))
        self.address = f"{server}/line/{event.code}/state"
        self.cookie = {"Cookie": f"line-{event.code}={token}"}
