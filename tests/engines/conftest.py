"""A gate, a network that can be cut, and phones with other engines than Chromium's."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from tests.builders import make_gate
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
    return make_gate(environ["PUBLIC_BASE_URL"])


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
