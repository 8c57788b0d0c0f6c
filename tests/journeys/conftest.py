"""A gate with members, and phones that keep what they have."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from mobilize import clock
from tests.builders import make_action, make_campaign, make_event, make_member, make_site


@pytest.fixture
def gate(live_server):
    """A picket that began ten minutes ago at a school with eight members."""
    now = clock.now()
    site = make_site("Roosevelt Elementary")
    members = [make_member(f"Last{n}", f"First{n}", site=site, phone=f"+1213555011{n}") for n in range(8)]
    action = make_action(starts_at=now - timedelta(minutes=10), campaign_id=make_campaign().id)
    event = make_event(site, action=action, meet_at="Front gate")
    return SimpleNamespace(event=event, members=members, check_in=f"{live_server}/c/{event.code}",
                           line=f"{live_server}/line/{event.code}", server=live_server)  # fmt: skip


@pytest.fixture
def phone_of(playwright, browser_type_launch_args, browser_context_args, tmp_path):
    """Opens a phone that keeps what it has, under its name, also when it is killed."""
    opened = []

    def open_phone(name="hers", cookies=()):
        context = playwright.chromium.launch_persistent_context(
            tmp_path / name, **browser_type_launch_args, **browser_context_args
        )
        context.add_cookies(list(cookies))
        opened.append(context)
        return context, context.pages[0]

    yield open_phone
    for context in opened:
        context.close()
