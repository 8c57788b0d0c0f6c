"""A gate, a network that can be cut, and phones with other engines than Chromium's."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mobilize import clock
from mobilize.accounts.grants import grant_line
from mobilize.accounts.models import GrantKind
from tests.builders import make_action, make_campaign, make_event, make_member, make_site
from tests.engines.browsers import ENGINES, ensure_installed, phones
from tests.engines.network import Network
from tests.services import free_port
from tests.services.processes import Processes


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Any:
    ensure_installed()
    return request.param


@pytest.fixture
def network(processes: Processes, environ: dict[str, str], port: int) -> Iterator[Network]:
    """The way to the production web server, by its public address."""
    serves_on = free_port()
    processes.serve(environ, serves_on)
    between = Network(port, serves_on)
    between.restore()
    yield between
    between.close()


@pytest.fixture
def open_phone(tmp_path: Path) -> Iterator[Any]:
    with phones(tmp_path) as opened:
        yield opened


@pytest.fixture
def gate(network: Network, environ: dict[str, str]) -> SimpleNamespace:
    """A picket that began ten minutes ago at a school with eight members."""
    now = clock.now()
    site = make_site("Roosevelt Elementary")
    members = [make_member(f"Last{n}", f"First{n}", site=site, phone=f"+1213555011{n}") for n in range(8)]
    action = make_action(starts_at=now - timedelta(minutes=10), campaign_id=make_campaign().id)
    event = make_event(site, action=action, meet_at="Front gate")
    server = environ["PUBLIC_BASE_URL"]
    return SimpleNamespace(
        event=event, members=members, server=server,
        check_in=f"{server}/c/{event.code}", line=f"{server}/line/{event.code}",
    )  # fmt: skip


@pytest.fixture
def captains_phone(gate: SimpleNamespace, engine: Any, open_phone: Any) -> SimpleNamespace:
    """A captain's phone with the line page open and kept, and the grant it goes by."""
    now = clock.now()
    grant, token = grant_line(
        gate.event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", now + timedelta(hours=3), now=now
    )
    phone = open_phone(engine, "rosa")
    phone.go(f"{gate.server}/healthz")
    phone.driver.add_cookie(f"line-{gate.event.code}", token)
    phone.go(gate.line)
    phone.until(kept(f"/line/{gate.event.code}"))
    return SimpleNamespace(phone=phone, grant=grant)


def kept(path: str) -> str:
    """Comes true once the page at `path` opens without a network."""
    return (
        "navigator.serviceWorker.controller && "
        f"caches.open('pages-1').then((cache) => cache.match('{path}')).then(Boolean)"
    )
