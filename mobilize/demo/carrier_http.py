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

    def is_from_here(self) -> bool:
        """Another site's page, or a name made to point here, may not drive the stand-in through a browser."""
        host, origin = self.headers.get("host", ""), self.headers.get("origin", "")
        local = re.fullmatch(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", host)
        return bool(local) and origin.rpartition("//")[2] in {"", "null", host}


@dataclass
class Reply:
    status: int
    body: bytes
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Hangup(Exception):
    """Close the connection without an answer."""


GONE = (Hangup, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
Answer = Callable[[Request], Awaitable[Reply]]


def json_reply(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


async def listen(answer: Answer, host: str, port: int) -> asyncio.Server:
    """Serve `answer` until the server is closed; port 0 takes a free one."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled: the stand-in is stopping, and an idle connection has nothing to finish.
        with suppress(*GONE, asyncio.CancelledError):
            while await _one_exchange(answer, reader, writer):
                pass
        writer.close()

    return await asyncio.start_server(connected, host, port, backlog=512)


async def _one_exchange(answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    request = await _read(reader)
    reply = await answer(request)
    keep = request.headers.get("connection", "").lower() != "close"
    writer.write(_head(reply, keep) + (b"" if request.method == "HEAD" else reply.body))
    await writer.drain()
    return keep


async def _read(reader: asyncio.StreamReader) -> Request:
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


def _head(reply: Reply, keep: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        f"Content-Type: {reply.kind}",
        f"Content-Length: {len(reply.body)}",
        f"Connection: {'keep-alive' if keep else 'close'}",
        *(f"{name}: {value}" for name, value in reply.headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
