"""Whoever sends or reads slowly on purpose waits alone: check-in and /healthz answer beside them."""

from collections.abc import Mapping
from contextlib import ExitStack

import pytest
from flask import Flask

from tests.security.slow_clients import check_ins_of_members, honest_requests, slow_clients
from tests.services import free_port
from tests.services.processes import Processes

THREADS, SOCKETS, SECONDS = 8, 100, 4.0


@pytest.mark.parametrize("kinds", [("body",), ("head", "silent", "reader")], ids=["bodies", "others"])
def test_people_are_answered_beside_slow_sockets(
    pg_app: Flask, environ: Mapping[str, str], processes: Processes, kinds: tuple[str, ...]
) -> None:
    """At full size, and with times: `make security ONLY=slow`."""
    port = free_port()
    check_ins = check_ins_of_members(100)
    settings = {"WEB_THREADS": str(THREADS), "PUBLIC_BASE_URL": f"http://localhost:{port}"}
    processes.serve({**environ, **settings}, port)
    with ExitStack() as slow:
        for kind in kinds:
            slow.enter_context(slow_clients(port, kind, SOCKETS))
        honest = honest_requests(port, check_ins, SECONDS)
    assert honest.wrong == []
    assert len(honest.taken["check-in"]) >= 5
    assert len(honest.taken["/healthz"]) >= 5
