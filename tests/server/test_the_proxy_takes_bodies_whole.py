"""Caddy with the files that `make install` and the containers give it, before the production server: what is
too large gets no further, and what comes slowly keeps nobody waiting.

Each file is led to this machine's own ports without HTTPS, and is else as it is written.
"""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.install.files import caddy_buffers
from tests.server.test_requests_arrive_whole import HOST, UPLOAD, Echo, came, everything, serving, status
from tests.services import free_port
from tests.services.processes import Processes

ROOT = Path(__file__).parents[2]
CADDY = shutil.which("caddy")
LIMIT = 26_000_000  # Caddy's MB has a million bytes

pytestmark = pytest.mark.skipif(CADDY is None, reason="no Caddy on this machine")


@dataclass
class Proxied:
    """The server behind Caddy: `port` is Caddy's, `own` the server's."""

    port: int
    own: Echo

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def head(self, size: int) -> bytes:
        """The beginning of an upload of so many bytes."""
        own = b"Host: 127.0.0.1:%d\r\n" % self.port
        return UPLOAD.replace(HOST, own) + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % size

    def say(self, request: bytes) -> bytes:
        with closing(self.connect()) as line:
            with suppress(ConnectionError):  # it has answered before it heard all
                line.sendall(request)
            return everything(line)

    def connections(self) -> int:
        """How many the server has open, those of Caddy's own look at its health among them."""
        local, established = f":{self.own.port:04X}", "01"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(local) and row[3] == established for row in rows)


def machine(port: int, own: int) -> str:
    """The file of a machine that `make install` made."""
    text = (ROOT / "deploy/machine/Caddyfile").read_text()
    assert text.count("127.0.0.1:5001 127.0.0.1:5002") == 1
    text = text.replace("127.0.0.1:5001 127.0.0.1:5002", f"127.0.0.1:{own}").replace(
        "{\n", "{\n\tadmin off\n", 1
    )
    return (
        text.replace("@HOST@", f"http://127.0.0.1:{port}")
        .replace("@TLS@", "")
        .replace("@BUFFERS@", caddy_buffers())
    )


def containers(port: int, own: int) -> str:
    """The file of the containers, whose image has the newest Caddy."""
    text = (ROOT / "deploy/containers/Caddyfile").read_text()
    assert text.count("web:5000") == text.count("request_buffers 2MB") == 1
    text = text.replace("web:5000", f"127.0.0.1:{own}").replace("{$DOMAIN}", f"http://127.0.0.1:{port}")
    return text.replace("request_buffers 2MB", caddy_buffers())


@pytest.fixture(scope="module", params=[machine, containers], ids=["machine", "containers"])
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder, port = tmp_path_factory.mktemp("proxied"), free_port()
    with serving(folder, "roomy") as own:
        (folder / "Caddyfile").write_text(request.param(port, own.port))
        with _caddy(folder, port):
            yield Proxied(port, own)


@contextmanager
def _caddy(folder: Path, port: int) -> Iterator[None]:
    processes, home = Processes(folder), {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    argv = [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    caddy = processes.start("caddy", argv, home)

    def is_up() -> bool:
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", port)) == 0

    processes.wait_for(caddy, is_up, "caddy")
    try:
        yield
    finally:
        processes.stop()


def test_a_body_below_the_limit_arrives_whole(proxied: Proxied) -> None:
    assert len(came(proxied.say(proxied.head(LIMIT - 1) + b"x" * (LIMIT - 1)))["body"]) == LIMIT - 1


@pytest.mark.parametrize("size", [LIMIT + 1, 10 * LIMIT, 1 << 62])
def test_one_above_it_is_refused_before_it_is_sent(proxied: Proxied, size: int) -> None:
    answer = proxied.say(proxied.head(size))
    assert status(answer) == 413 and b"Server: granian" not in answer, answer


def test_one_that_does_not_say_its_size_is_cut_off(proxied: Proxied) -> None:
    head = proxied.head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    answer = proxied.say(head + b"%x\r\n" % (LIMIT + 1) + b"x" * (LIMIT + 1) + b"\r\n0\r\n\r\n")
    assert not answer or status(answer) >= 400


def test_bodies_that_come_slowly_are_not_the_servers(proxied: Proxied) -> None:
    """The server behind has two threads."""
    with ExitStack() as open_lines:
        slow = [open_lines.enter_context(closing(proxied.connect())) for _n in range(20)]
        for line in slow:
            line.sendall(proxied.head(2_000) + b"x" * 1_000)
        time.sleep(0.5)
        assert proxied.connections() <= 2
        began = time.monotonic()
        assert status(proxied.say(b"GET / HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n\r\n" % proxied.port)) == 200
        assert time.monotonic() - began < 3
        for line in slow:
            line.sendall(b"x" * 1_000)
        assert [len(came(everything(line))["body"]) for line in slow] == [2_000] * 20
