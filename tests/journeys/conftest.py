"""A gate with members, and phones that keep what they have."""

import pytest

from tests.builders import make_gate


@pytest.fixture
def gate(live_server):
    return make_gate(live_server)


@pytest.fixture
def phone_of(playwright, browser_type_launch_args, browser_context_args, tmp_path):
    """Opens a phone that keeps what it has, under its name, also when it is killed."""
    opened = []

    def open_phone(name="own", cookies=()):
        context = playwright.chromium.launch_persistent_context(
            tmp_path / name, **browser_type_launch_args, **browser_context_args
        )
        context.add_cookies(list(cookies))
        opened.append(context)
        return context, context.pages[0]

    yield open_phone
    for context in opened:
        context.close()
