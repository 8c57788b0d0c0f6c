"""Whatever page of an action an organizer opens, its tabs are there, and at most one of them is this page."""

import re
from typing import Any

from flask import Flask, template_rendered

from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action, Event
from mobilize.privacy.models import Export
from tests.builders import sign_in
from tests.services.client import Client
from tests.staged import page_addresses
from tests.world import World, stating

OF_AN_ACTION = {"action": Action, "event": Event, "export": Export}


def test_the_tabs_of_an_action_stay_on_its_pages(sqlite_app: Flask) -> None:
    """On each whose template is given an action, an event or an export."""
    client, world = Client(sqlite_app, use_cookies=True), World()
    inside, addresses = sqlite_app.url_map.bind("localhost"), page_addresses(sqlite_app, world)
    signed_in = stating(sqlite_app, "signed_in")
    sign_in(client, world.people[RoleName.ADMIN])
    contexts: list[dict[str, Any]] = []

    def note(_app: Flask, context: dict[str, Any], **_template: object) -> None:
        contexts.append(context)

    walked, without = 0, []
    with template_rendered.connected_to(note, sqlite_app):
        for path in addresses:
            if inside.match(path.partition("?")[0])[0] not in signed_in:
                continue
            contexts.clear()
            page = client.get(path)
            if page.status_code != 200 or not any(map(_is_of_an_action, contexts)):
                continue
            walked += 1
            tabs = _tabs(page.text)
            if tabs.count("<a ") != 8 or tabs.count('aria-current="page"') > 1:
                without.append(path)
    assert without == []
    assert walked > 25


def test_each_tab_is_of_a_page_that_has_it(sqlite_app: Flask) -> None:
    client, world = Client(sqlite_app, use_cookies=True), World()
    sign_in(client, world.people[RoleName.ADMIN])
    tabs = re.findall(r'href="([^"]+)"', _tabs(client.get(f"/actions/{world.own['action_id']}").text))
    assert len(tabs) == 8
    for tab in tabs:
        assert f'href="{tab}" aria-current="page"' in _tabs(client.get(tab).text)


def _is_of_an_action(context: dict[str, Any]) -> bool:
    return any(isinstance(context.get(name), kind) for name, kind in OF_AN_ACTION.items())


def _tabs(page: str) -> str:
    return page.partition('class="tabs"')[2].partition("</ul>")[0]
