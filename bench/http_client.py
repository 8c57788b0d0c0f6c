"""A small HTTP/1.1 client for asyncio that counts every byte: thousands of phones in one process.

Only what this service answers: a declared length, kept connections, gzip.
"""

import asyncio
import gzip
from collections.abc import Mapping
from typing import NamedTuple

# As Chrome on a phone sends them with each request of a page's script.
BROWSER = (
    "Connection: keep-alive\r\n"
    'sec-ch-ua-platform: "Android"\r\n'
    "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Mobile Safari/537.36\r\n"
    'sec-ch-ua: "Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"\r\n'
    "sec-ch-ua-mobile: ?1\r\n"
    "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n"
)


class HttpAnswer(NamedTuple):
    """An answer as it came."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The first header of this name, "" where there is none."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        prefix = f"{name.lower()}:"
        return next((line[len(prefix) :].strip() for line in lines if line.lower().startswith(prefix)), "")

    def content(self) -> bytes:
        return gzip.decompress(self.body) if self.header("content-encoding") == "gzip" else self.body


def request(
    method: str, path: str, host: str, headers: Mapping[str, str], body: bytes | None = None
) -> bytes:
    """A request with the headers of a phone's browser and these."""
    own = dict(headers)
    if body is not None:
        own |= {"Content-Length": str(len(body)), "Origin": f"http://{host}"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{BROWSER}{lines}\r\n".encode() + (body or b"")


class Connection(asyncio.Protocol):
    """A kept connection, on which one request is under way at a time. `sent` and `received`: bytes."""

    def __init__(self) -> None:
        self.sent = self.received = 0
        self.is_open = False
        self._buffer = bytearray()
        self._needs = 0
        self._answer: asyncio.Future[HttpAnswer] | None = None

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(cls, "127.0.0.1", port))[1]

    async def ask(self, whole_request: bytes) -> HttpAnswer:
        """The answer. Raises ConnectionError when the connection ends before."""
        if not self.is_open:
            raise ConnectionResetError
        self.sent += len(whole_request)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(whole_request)
        return await self._answer

    def close(self) -> None:
        """Hang up, whatever is under way."""
        if self.is_open:
            self.is_open = False
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        self._transport, self.is_open = transport, True

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._buffer += data
        if not self._needs:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = bytes(self._buffer[:end])
            self._needs = end + 4 + _length(self._head)
            self._body_at = end + 4
        if len(self._buffer) >= self._needs:
            body = bytes(self._buffer[self._body_at : self._needs])
            answer = HttpAnswer(int(self._head[9:12]), self._head, body)
            self._buffer.clear()
            self._needs = 0
            waits, self._answer = self._answer, None
            if waits and not waits.done():
                waits.set_result(answer)

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_open = False
        waits, self._answer = self._answer, None
        if waits and not waits.done():
            waits.set_exception(ConnectionResetError("closed"))


def _length(head: bytes) -> int:
    if head[9:12] in (b"304", b"204"):
        return 0
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    return int(lower[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
