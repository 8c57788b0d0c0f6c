"""The real servers the tests need: PostgreSQL, Redis, a browser. The machine's own, else from a wheel.

Nothing is skipped: what cannot be had raises `NotAvailable` with the remedy.
"""

import socket


class NotAvailable(RuntimeError):
    """A service the tests need cannot be had here; the text is the remedy, in one line."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
