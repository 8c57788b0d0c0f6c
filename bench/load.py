"""A small load generator: ready-made HTTP/1.1 requests over kept connections, in threads of one process."""

import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass
class Load:
    """The result of a run: seconds it took, seconds each answer took, and the statuses that were not 200."""

    seconds: float = 0.0
    taken: list[float] = field(default_factory=list)
    wrong: list[bytes] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.taken) / self.seconds

    def percentile(self, share: float) -> float:
        return sorted(self.taken)[min(len(self.taken) - 1, int(len(self.taken) * share))]


def form_post(port: int, path: str, fields: dict[str, str]) -> bytes:
    """One POST of a form as a phone's browser sends it, in bytes."""
    body = urlencode(fields).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"
        f"Accept: text/html\r\nAccept-Language: en-US\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def json_post(port: int, path: str, body: dict[str, object], headers: dict[str, str]) -> bytes:
    """One POST of JSON as another program sends it, in bytes."""
    content = json.dumps(body).encode()
    named = {**headers, "Content-Type": "application/json", "Content-Length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{head}\r\n".encode() + content


def page_get(port: int, path: str) -> bytes:
    """One GET as a phone's browser sends it, in bytes."""
    asks = "Accept: text/html\r\nAccept-Language: en-US\r\nAccept-Encoding: gzip"
    return f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{asks}\r\n\r\n".encode()


def send_all(port: int, requests: Sequence[bytes], *, connections: int = 32, per_second: float = 0) -> Load:
    """Send every request once over `connections`; at most `per_second` of them are offered, 0 for no limit.

    An answer's time counts from when it was due, so that a queue at the server shows.
    """
    load, todo, lock = Load(), iter(enumerate(requests)), threading.Lock()
    began = time.perf_counter()

    def work() -> None:
        line = socket.create_connection(("127.0.0.1", port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            with lock:
                place, request = next(todo, (0, b""))
            if not request:
                line.close()
                return
            due = began + place / per_second if per_second else time.perf_counter()
            time.sleep(max(0.0, due - time.perf_counter()))
            status = _ask(line, request)
            load.taken.append(time.perf_counter() - due)
            if status != b"200":
                load.wrong.append(status)

    workers = [threading.Thread(target=work) for _ in range(connections)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    load.seconds = time.perf_counter() - began
    return load


def _ask(line: socket.socket, request: bytes) -> bytes:
    line.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        got += line.recv(65536) or _closed()
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    left = length - len(body)
    while left > 0:
        left -= len(line.recv(65536) or _closed())
    return head[9:12]


def _closed() -> bytes:
    raise ConnectionError("the server closed the connection")
