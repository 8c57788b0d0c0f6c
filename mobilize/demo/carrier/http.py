"""The smallest HTTP/1.1 server the stand-in carrier needs: keep-alive, forms, and misbehaving on purpose."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_BODY = 100_000


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def is_local(self) -> bool:
        """Another site's page, or a name made to point here, may not drive the stand-in through a browser."""
        host, origin = self.headers.get("host", ""), self.headers.get("origin", "")
        loopback = re.fullmatch(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", host)
        return bool(loopback) and origin.rpartition("//")[2] in {"", "null", host}


@dataclass
class Reply:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Hangup(Exception):
    """Close the connection without an answer."""


DISCONNECTED = (Hangup, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
Handler = Callable[[Request], Awaitable[Reply]]


def json_reply(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


async def listen(handle: Handler, host: str, port: int) -> asyncio.Server:
    """Serve `handle` until the server is closed; port 0 takes a free one."""

    async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled: the stand-in is stopping, and an idle connection has nothing to finish.
        with suppress(*DISCONNECTED, asyncio.CancelledError):
            while await _exchange(handle, reader, writer):
                pass
        writer.close()

    return await asyncio.start_server(serve_connection, host, port, backlog=512)


async def _exchange(handle: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    request = await _read_request(reader)
    reply = await handle(request)
    keep_alive = request.headers.get("connection", "").lower() != "close"
    writer.write(_format_head(reply, keep_alive) + (b"" if request.method == "HEAD" else reply.body))
    await writer.drain()
    return keep_alive


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, _, target = first.partition(" ")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY:
        raise Hangup
    body = await reader.readexactly(int(length))
    parts = urlsplit(target.rpartition(" ")[0])
    return Request(method, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body)


def _format_head(reply: Reply, keep_alive: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
        *(f"{name}: {value}" for name, value in reply.headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
