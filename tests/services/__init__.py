"""The real servers the tests need: PostgreSQL, Redis, a browser. The machine's own, else from a wheel.

No test is skipped for want of one: what cannot be had raises `NotAvailable` with the remedy.
"""

import secrets
import socket
from contextlib import suppress


class NotAvailable(RuntimeError):
    """A service the tests need cannot be had here; the text is the remedy, in one line."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment, below those that the system gives to
    whoever connects: one of them could be taken before a server of ours binds it."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
