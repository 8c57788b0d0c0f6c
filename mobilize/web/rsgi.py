"""RSGI adapter: the WSGI application behind Granian's event loop, which reads a body before a thread is
taken.

Granian's own WSGI interface takes a thread first and reads the body inside it: as many slow senders as
there are threads stop the server. See docs/decisions/0006-bodies-are-read-before-a-thread-is-taken.md."""

import asyncio
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from io import BytesIO, RawIOBase
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

from werkzeug.exceptions import HTTPException, LengthRequired, RequestEntityTooLarge, RequestTimeout

from mobilize.web.repeated_answers import RepeatedAnswers, RsgiResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from granian.rsgi import HTTPProtocol, Scope

# Bytes. No form that a person fills in is longer; what is longer is a file somebody uploads.
SHORT_BODY = 1 << 16
# The deadline of a body: these seconds, and one more for so many declared bytes. The shape is that of
# Apache's RequestReadTimeout; 64 KiB/s is half a megabit, less than any office sends its roster with.
BODY_SECONDS = 15.0
BODY_BYTES_PER_SECOND = 1 << 16
# A header of ours to this adapter, which never leaves it: `<name> <version>`.
WAITS_FOR = "X-Waits-For"
# Less than a server that is told to stop gives its workers (`server.STOP_SECONDS`), and than any proxy waits.
HELD_SECONDS = 15.0

_log = logging.getLogger(__name__)
# Method, path, status and seconds of an answer, as soon as a thread has given it.
Observe = Callable[[str, str, int, float], None]


class Upload(NamedTuple):
    """Where more than SHORT_BODY bytes may come: `largest` of them, at a path that begins with one of `paths`
    and beside a cookie that begins with `cookie`. That proves nothing, but anonymous junk is refused unread.
    They are held in memory while they come, so only `at_once` may in one process."""

    paths: tuple[str, ...]
    cookie: str
    largest: int
    at_once: int


class Polls(NamedTuple):
    """What pages and carriers send by themselves, while nobody waits for it: requests whose path matches. In
    each process `threads` of their own answer them, so that few of them share the processor with those who
    wait (docs/decisions/0035)."""

    path: re.Pattern[str]
    threads: int


class _ThreadPool(NamedTuple):
    """Requests that wait for one of so many threads."""

    name: str
    requests: "SimpleQueue[_Request]"
    threads: int


class _Request(NamedTuple):
    """A request with its body, waiting for a thread. `answered` belongs to the event loop: None once it is,
    or the answer that is held back until something changes."""

    scope: "Scope"
    protocol: "HTTPProtocol"
    body: IO[bytes]
    answered: "asyncio.Future[RsgiResponse | None]"
    came_at: float


class RsgiAdapter:
    """`app` as an RSGI application, answered by `threads` threads in each process, and those of `polls`.

    A body is read by the event loop, before its deadline. It may have SHORT_BODY bytes; with a declared
    length more, where one of `uploads` says so. Otherwise `wsgi.input` raises 408, 411 or 413 when `app`
    reads it, so that the refusal is a page of `app` like any other. A request whose sender hangs up inside
    the body never reaches `app`. Answers leave whole: a slow reader of one holds its socket and its bytes,
    and no thread.

    An answer with the header `WAITS_FOR` is held back (long polling, RFC 6202) without a thread, at most
    `HELD_SECONDS`: when what that names has changed, `app` is asked again, else it leaves as it is. Where the
    view said so, what stands there by then is given without asking `app` (`repeated_answers`).

    `starts` is called once in each process; `observe` after each answer of a thread, also one held back."""

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        threads: int,
        uploads: tuple[Upload, ...] = (),
        polls: Polls | None = None,
        body_seconds: float = BODY_SECONDS,
        changes: "ChangeWaiter | None" = None,
        starts: Callable[[], None] = lambda: None,
        observe: "Observe | None" = None,
    ):
        self._app, self._polls = app, polls
        self._for_people = _ThreadPool("request", SimpleQueue(), threads)
        self._for_polls = _ThreadPool("poll", SimpleQueue(), polls.threads) if polls else self._for_people
        self._uploads, self._body_seconds = uploads, body_seconds
        self._changes, self._starts, self._observe = changes, starts, observe
        self._repeated = RepeatedAnswers()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called once in each process, by the server."""
        self._loop = loop
        self._turns = {upload: asyncio.Semaphore(upload.at_once) for upload in self._uploads}
        self._starts()
        for pool in {self._for_people, self._for_polls}:
            for n in range(pool.threads):
                name = f"{pool.name}-{n}"
                threading.Thread(target=self._answer_requests, args=(pool,), name=name, daemon=True).start()

    async def __rsgi__(self, scope: "Scope", protocol: "HTTPProtocol") -> None:
        """One request. The server waits for this to end; whatever is unanswered then becomes a bare 500."""
        held = self._repeated.find(scope)
        if held is None:
            body = await self._body(scope, protocol)
            if body is None:
                protocol.response_empty(400, [])
                return
            held = await self._answered(scope, protocol, body)
        if held is not None:
            await self._hold(scope, protocol, held)

    async def _answered(
        self, scope: "Scope", protocol: "HTTPProtocol", body: IO[bytes]
    ) -> RsgiResponse | None:
        answered: asyncio.Future[RsgiResponse | None] = self._loop.create_future()
        pool = self._for_polls if self._polls and self._polls.path.search(scope.path) else self._for_people
        pool.requests.put(_Request(scope, protocol, body, answered, time.monotonic()))
        if pool.requests.qsize() <= pool.threads or scope.method not in ("GET", "HEAD"):
            return await answered
        # It waits for a thread. A look whose asker gives up meanwhile takes none: else those who ask again
        # would wait for answers that nobody reads.
        with _gone(protocol) as gone:
            gone.add_done_callback(lambda _gone: _end(answered, None))
            return await answered

    async def _hold(self, scope: "Scope", protocol: "HTTPProtocol", held: RsgiResponse | None) -> None:
        """Hold an answer back until something has changed, its asker is gone, or the time is over."""
        if held and not (held.waits_for and self._changes):
            return _send(held, protocol)
        until = self._loop.time() + HELD_SECONDS
        with _gone(protocol) as gone:
            while held is not None:
                left = until - self._loop.time()
                changes = self._changes if held.waits_for and left > 0 else None
                if changes is None or not await changes.wait(held.waits_for, left, gone):
                    return _send(held, protocol)
                # What changed may show nothing to this asker, who is held on: else the time would tell.
                held = self._repeated.find(scope) or await self._answered(scope, protocol, BytesIO())

    async def _body(self, scope: "Scope", protocol: "HTTPProtocol") -> IO[bytes] | None:
        """The whole body, or what raises the refusal; None when the sender is gone. Waiting until a large one
        may come is no part of its deadline: that is others' slowness."""
        headers = scope.headers
        declared = None if "transfer-encoding" in headers else int(headers.get("content-length", 0))
        if declared == 0:
            return BytesIO()
        length = declared or SHORT_BODY
        upload = self._upload_of(scope) if length > SHORT_BODY else None
        if length > (upload.largest if upload else SHORT_BODY):
            return cast(IO[bytes], _Refusal(RequestEntityTooLarge()))
        try:
            async with self._turns[upload] if upload else nullcontext():
                async with asyncio.timeout(self._body_seconds + length / BODY_BYTES_PER_SECOND):
                    return BytesIO(await protocol() if declared else await _undeclared(protocol))
        except TimeoutError:
            return cast(IO[bytes], _Refusal(RequestTimeout()))
        except HTTPException as refusal:
            return cast(IO[bytes], _Refusal(refusal))
        except RuntimeError:  # granian's ProtocolError and ProtocolClosed
            return None

    def _upload_of(self, scope: "Scope") -> Upload | None:
        upload = next((one for one in self._uploads if scope.path.startswith(one.paths)), None)
        cookies = "; ".join(value for name, value in scope.headers.items() if name == "cookie")
        sent = (cookie.strip() for cookie in cookies.split(";"))
        return upload if upload and any(cookie.startswith(upload.cookie) for cookie in sent) else None

    def _answer_requests(self, pool: _ThreadPool) -> NoReturn:
        """The loop of each thread."""
        while True:
            request, held = pool.requests.get(), None
            if request.answered.done():  # nobody waits for it any more
                continue
            try:
                held = self._answer(request)
            except BaseException:
                _log.exception("an answer could not be given")
            self._loop.call_soon_threadsafe(_end, request.answered, held)

    def _answer(self, request: _Request) -> RsgiResponse | None:
        started = _StartResponse()
        environ = _environ(request)
        parts = self._app(environ, started)
        try:
            whole = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        if isinstance(request.body, _Refusal):  # what is left of the body must not be read as a request
            started.headers.append(("Connection", "close"))
        headers = [header for header in started.headers if header[0] != WAITS_FOR]
        waits_for = dict(started.headers).get(WAITS_FOR, "") if len(headers) < len(started.headers) else ""
        answer = RsgiResponse(started.status, headers, whole, waits_for)
        self._repeated.keep(request.scope, environ, answer)
        # Before it leaves: whoever has their answer is counted.
        if self._observe:
            seconds = time.monotonic() - request.came_at
            self._observe(request.scope.method, request.scope.path, started.status, seconds)
        if waits_for and self._changes:
            return answer
        _send(answer, request.protocol)
        return None


@contextmanager
def _gone(protocol: "HTTPProtocol") -> "Iterator[asyncio.Future[None]]":
    """Done when the other end hangs up: of that the server says nothing by itself."""
    gone = asyncio.ensure_future(protocol.client_disconnect())
    try:
        yield gone
    finally:
        gone.cancel()


def _send(answer: RsgiResponse, protocol: "HTTPProtocol") -> None:
    protocol.response_bytes(answer.status, answer.headers, answer.body)


def _end(answered: "asyncio.Future[RsgiResponse | None]", held: RsgiResponse | None) -> None:
    """In the event loop; it is ended already where the other end hung up."""
    if not answered.done():
        answered.set_result(held)


class _StartResponse:
    """PEP 3333's `start_response`, without the `write` of frameworks older than it."""

    status: int
    headers: list[tuple[str, str]]

    def __call__(self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None, /) -> Any:
        self.status, self.headers = int(status[:3]), headers


class ChangeWaiter:
    """Waiting for changes, in the event loop. `read` gives the current version of each name that anybody may
    wait for; it runs in another thread, once in each interval for all who wait, and not at all for nobody.
    There `prepare` is given what was read, before anybody who waits for it is woken."""

    def __init__(
        self,
        read: Callable[[], Mapping[str, int]],
        *,
        every_seconds: float,
        prepare: Callable[[Mapping[str, int]], None] = lambda _versions: None,
    ):
        self._read, self._every, self._prepare = read, every_seconds, prepare
        self._waiting: dict[str, set[asyncio.Future[bool]]] = {}
        self._reading: asyncio.Task[None] | None = None

    def how_many_wait(self) -> int:
        return sum(len(futures) for futures in list(self._waiting.values()))

    async def wait(self, waits_for: str, seconds: float, gone: "asyncio.Future[None]") -> bool:
        """Whether the version of what is named was another one within these seconds, and before the asker was
        `gone`."""
        changed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        gone.add_done_callback(lambda _gone: _settle(changed, False))
        self._waiting.setdefault(waits_for, set()).add(changed)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_on())
        try:
            async with asyncio.timeout(seconds):
                return await changed
        except TimeoutError:
            return False
        finally:
            self._waiting[waits_for].discard(changed)
            if not self._waiting[waits_for]:
                del self._waiting[waits_for]

    async def _read_on(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._every)
            try:
                ended = await asyncio.to_thread(self._changed, list(self._waiting))
            except Exception:
                _log.warning("what changed could not be read", exc_info=True)
                continue
            for waits_for in ended:
                for changed in self._waiting.get(waits_for, ()):
                    _settle(changed, True)

    def _changed(self, waiting: Iterable[str]) -> list[str]:
        """Those that somebody waits for no longer in vain."""
        versions, ended = self._read(), []
        for waits_for in waiting:
            name, _space, version = waits_for.partition(" ")
            if versions.get(name, 0) != int(version):
                ended.append(waits_for)
        try:
            self._prepare(versions)
        except Exception:  # each who is woken is then answered by the application
            _log.warning("what changed could not be prepared", exc_info=True)
        return ended


def _settle(changed: "asyncio.Future[bool]", value: bool) -> None:
    if not changed.done():
        changed.set_result(value)


class _Refusal(RawIOBase):
    """A stand-in for a body that was not read: reading it raises the reason."""

    def __init__(self, refusal: HTTPException):
        self._refusal = refusal

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any) -> NoReturn:
        raise self._refusal


async def _undeclared(protocol: "HTTPProtocol") -> bytes:
    """A chunked body. Raises 411 past SHORT_BODY bytes, and `RuntimeError` when it is cut off: Granian gives
    an empty chunk for its end, and another one before that for an error."""
    parts: list[bytes] = []
    size = ends = 0
    async for part in protocol:
        size, ends = size + len(part), ends + (not part)
        if size > SHORT_BODY:
            raise LengthRequired()
        parts.append(part)
    if ends > 1:
        raise RuntimeError("cut off")
    return b"".join(parts)


_ALWAYS: "WSGIEnvironment" = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


def _environ(request: _Request) -> "WSGIEnvironment":
    """PEP 3333's environment: strings hold bytes, as Latin-1."""
    scope = request.scope
    server, _, port = scope.server.rpartition(":")
    environ = {
        **_ALWAYS,
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": request.body,
    }
    _add_headers(environ, scope.headers.items())
    if "HTTP_TRANSFER_ENCODING" in environ and isinstance(request.body, BytesIO):
        environ["CONTENT_LENGTH"] = str(request.body.getbuffer().nbytes)
    return environ


def _add_headers(environ: "WSGIEnvironment", headers: Iterable[tuple[str, str]]) -> None:
    for name, value in headers:
        key = _key(name)
        if key is None:
            continue
        if key in environ:
            value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
        environ[key] = value


@lru_cache(maxsize=512)
def _key(name: str) -> str | None:
    """None for a name with an underscore, which would pass for another one's (nginx drops them as well)."""
    if "_" in name:
        return None
    key = name.upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
