"""What the production server makes of bytes on a socket: an application is asked once the whole request is
there.

The application says what came (`tests/server/echo.py`); bodies have half a second and 200,000 bytes here.
"""

import asyncio
import base64
import hashlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.process_use import tree
from mobilize.web.rsgi import RsgiAdapter
from tests.services import free_port
from tests.services.processes import Processes

HOST = b"Host: x\r\n"
# No server of ours starts without settings that are good.
SETTINGS = {
    "MOBILIZE_ENV": "test",
    "SECRET_KEYS": f"t1:{base64.b64encode(hashlib.sha256(b'for tests only').digest()).decode()}",
    "PUBLIC_BASE_URL": "http://localhost",
}
# At an address that takes files, from somebody who signed in once.
FILES_AT_ONCE = 4  # in `echo.py`
UPLOAD = b"POST /files/1 HTTP/1.1\r\n" + HOST + b"Cookie: language=es; session=1\r\n"
CHUNKED = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


class Echo:
    """The server, and connections to it; `leash` is the process that holds it."""

    def __init__(self, port: int, leash: int):
        self.port, self._leash = port, leash

    def tell(self, number: signal.Signals) -> None:
        """A signal for the server's parent process, as an init system sends it."""
        os.kill(tree(self._leash)[1], number)

    def workers(self) -> list[int]:
        return tree(self._leash)[2:]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def say(self, *parts: bytes, pause: float = 0.0, hang_up: bool = False) -> bytes:
        """All that comes back until the server closes, or is silent for a second."""
        with closing(self.connect()) as line:
            for part in parts:
                line.sendall(part)
                time.sleep(pause)
            if hang_up:
                line.shutdown(socket.SHUT_WR)
            return everything(line)


def until_closed(echo: "Echo", request: bytes) -> bytes:
    """The answer to an HTTP/1.0 request, which ends with the connection; nothing means closed unanswered.
    Raises `TimeoutError` where the server is silent for 15 s, and `ConnectionError`."""
    with closing(echo.connect()) as line:
        line.settimeout(15)
        line.sendall(request)
        got = b""
        while part := line.recv(65_536):
            got += part
        return got


def everything(line: socket.socket) -> bytes:
    line.settimeout(1)
    got = b""
    with suppress(TimeoutError, ConnectionError):
        while part := line.recv(65536):
            got += part
    return got


def status(answer: bytes) -> int:
    return int(answer[9:12])


def came(answer: bytes) -> dict[str, Any]:
    assert status(answer) == 200, answer
    return dict(json.loads(answer.partition(b"\r\n\r\n")[2]))


@contextmanager
def serving(folder: Path, app: str = "rsgi") -> Iterator[Echo]:
    processes, port = Processes(folder), free_port()
    web = processes.start_web({**os.environ, **SETTINGS}, port, f"tests.server.echo:{app}")
    server = Echo(port, web.pid)

    def is_up() -> bool:
        try:
            return status(server.say(b"GET / HTTP/1.0\r\n\r\n")) == 200
        except OSError:
            return False

    processes.wait_for(web, is_up, "web")
    try:
        yield server
    finally:
        processes.stop()


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Echo]:
    with serving(tmp_path_factory.mktemp("echo")) as server:
        yield server


def test_a_request_arrives_as_pep_3333_wants_it(echo: Echo) -> None:
    headers = b"X-A: 1\r\nX-A: 2\r\nCookie: a=1\r\nCookie: b=2\r\nContent-Type: text/plain\r\n"
    got = came(echo.say(b"GET /a%20b%2Fc/%C3%A9?q=%C3&q HTTP/1.1\r\n" + HOST + headers + b"\r\n"))
    assert (got["REQUEST_METHOD"], got["QUERY_STRING"], got["body"]) == ("GET", "q=%C3&q", "")
    assert got["PATH_INFO"] == "/a b/c/é".encode().decode("latin-1")
    assert (got["HTTP_HOST"], got["HTTP_X_A"], got["HTTP_COOKIE"]) == ("x", "1,2", "a=1; b=2")
    assert (got["CONTENT_TYPE"], got["REMOTE_ADDR"], got["SCRIPT_NAME"]) == ("text/plain", "127.0.0.1", "")


def test_a_look_that_is_given_up_while_all_threads_are_busy_takes_none(echo: Echo) -> None:
    """Both threads and what is next for them are taken; behind them only what was sent is done for nobody."""
    lines = [echo.connect() for _ in range(10)]
    for n, line in enumerate(lines):
        if n < 9:
            line.sendall(b"GET /slow/%d HTTP/1.1\r\n" % n + HOST + b"\r\n")
        else:
            line.sendall(b"POST /slow/sent HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n\r\na")
        time.sleep(0.02)
    for line in lines:
        line.close()
    echoed = json.loads(echo.say(b"GET /asked HTTP/1.1\r\n" + HOST + b"\r\n").partition(b"\r\n\r\n")[2])
    assert "/slow/sent" in echoed and len(echoed) <= 6


def test_a_header_with_an_underscore_passes_for_no_other(echo: Echo) -> None:
    got = came(echo.say(b"GET / HTTP/1.1\r\n" + HOST + b"X_Twilio_Signature: 1\r\nContent_Length: 9\r\n\r\n"))
    assert "HTTP_X_TWILIO_SIGNATURE" not in got and "CONTENT_LENGTH" not in got


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_body_with_a_length_arrives_whole_however_it_is_cut(echo: Echo, version: bytes) -> None:
    head = b"POST / HTTP/" + version + b"\r\n" + HOST + b"Content-Length: 6\r\n\r\n"
    assert came(echo.say(head + b"abcdef"))["body"] == "abcdef"
    assert came(echo.say(head[:20], head[20:], b"ab", b"cd", b"ef", pause=0.05))["body"] == "abcdef"


def test_a_post_without_a_length_has_no_body(echo: Echo) -> None:
    assert came(echo.say(b"POST / HTTP/1.1\r\n" + HOST + b"\r\n"))["body"] == ""


def test_a_chunked_body_arrives_with_its_length(echo: Echo) -> None:
    got = came(echo.say(CHUNKED + b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n", pause=0.05))
    assert (got["body"], got["CONTENT_LENGTH"]) == ("abcde", "5")


def test_requests_sent_at_once_are_answered_in_their_order(echo: Echo) -> None:
    post = b"POST /1 HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc"
    got = echo.say(post + b"GET /2 HTTP/1.1\r\n" + HOST + b"\r\n" + post.replace(b"/1 ", b"/3 "))
    assert got.count(b"200 OK") == 3
    assert got.index(b'"/1"') < got.index(b'"/2"') < got.index(b'"/3"')


def test_a_large_body_within_the_limit_arrives_and_is_asked_for(echo: Echo) -> None:
    """curl waits for the 100 before it sends a file."""
    head = UPLOAD + b"Expect: 100-continue\r\nContent-Length: 200000\r\n\r\n"
    answer = echo.say(head, b"x" * 200_000, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert answer.count(b"x" * 200_000) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n\r\nabc",
        CHUNKED + b"3\r\nabc\r\n",
        CHUNKED + b"9\r\nabc",
        CHUNKED + b"3\r\nabc\r\nzz\r\n",
    ],
)
def test_a_body_that_is_cut_off_reaches_no_application(echo: Echo, sent: bytes) -> None:
    assert status(echo.say(sent, hang_up=True)) == 400


@pytest.mark.parametrize(
    "sent", [b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n\r\nabc", CHUNKED + b"3\r\nabc\r\n"]
)
def test_a_body_that_does_not_come_is_refused_at_its_deadline_and_the_line_closed(
    echo: Echo, sent: bytes
) -> None:
    began = time.monotonic()
    with closing(echo.connect()) as line:
        line.sendall(sent)
        line.settimeout(5)
        assert status(line.recv(65536)) == 408
        while line.recv(65536):
            pass
    assert 0.4 < time.monotonic() - began < 5


def test_a_body_that_is_too_large_is_refused_unread(echo: Echo) -> None:
    assert status(echo.say(UPLOAD + b"Content-Length: 200001\r\n\r\nx")) == 413


def test_each_kind_of_upload_has_its_own_size_cookie_and_turn(echo: Echo) -> None:
    """While large files hold all their turns, a picture of a line is read at once."""
    picture = b"POST /pictures/1 HTTP/1.1\r\n" + HOST
    line = b"Cookie: session=1; line-ABC=1\r\n"
    slow = [echo.connect() for _ in range(FILES_AT_ONCE * len(echo.workers()) + 8)]
    for one in slow:
        one.sendall(UPLOAD + b"Content-Length: 200000\r\n\r\nx")
    time.sleep(0.3)
    began = time.monotonic()
    assert status(echo.say(picture + line + b"Content-Length: 100000\r\n\r\n" + b"y" * 100_000)) == 200
    assert time.monotonic() - began < 2
    for one in slow:
        one.close()
    assert status(echo.say(picture + line + b"Content-Length: 100001\r\n\r\nx")) == 413
    no_line = b"Cookie: session=1; my-line-ABC=1\r\n"
    assert status(echo.say(picture + no_line + b"Content-Length: 100000\r\n\r\nx")) == 413


@pytest.mark.parametrize(
    "head",
    [
        b"POST /sign-in HTTP/1.1\r\n" + HOST + b"Cookie: session=1\r\n",
        b"POST /files/1 HTTP/1.1\r\n" + HOST,
        b"POST /files/1 HTTP/1.1\r\n" + HOST + b"Cookie: my-session=1; language=session=\r\n",
    ],
    ids=["elsewhere", "without a session", "cookies like it"],
)
def test_a_file_nobody_signed_in_sends_to_where_files_go_is_refused_unread(echo: Echo, head: bytes) -> None:
    assert status(echo.say(head + b"Content-Length: 100000\r\n\r\nx")) == 413


def test_a_file_waits_for_slow_ones_before_it_without_losing_its_own_time(echo: Echo) -> None:
    """Each of them has 3.5 s, and so has this one, once its turn has come."""
    slow = [echo.connect() for _ in range(FILES_AT_ONCE * len(echo.workers()) + 8)]
    for line in slow:
        line.sendall(UPLOAD + b"Content-Length: 200000\r\n\r\nx")
    time.sleep(0.3)
    with closing(echo.connect()) as line:
        line.sendall(UPLOAD + b"Content-Length: 100000\r\n\r\n" + b"y" * 100_000)
        line.settimeout(30)
        assert status(line.recv(65536)) == 200
    for line in slow:
        line.close()


def test_an_answer_after_the_server_gave_up_waiting_for_it_breaks_nothing() -> None:
    """The event loop would be told of an InvalidStateError."""
    wrong: list[dict[str, Any]] = []

    async def give_up() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: wrong.append(context))
        answering, answered = threading.Event(), threading.Event()

        def slow_app(_environ: Any, start: Any) -> list[bytes]:
            answering.set()
            answered.wait(5)
            start("200 OK", [])
            return [b""]

        adapter = RsgiAdapter(slow_app, threads=1)
        adapter.__rsgi_init__(loop)
        scope = SimpleNamespace(
            headers={}, server="x:1", client="y:1", method="GET", path="/", query_string="",
            http_version="1.1", scheme="http",
        )  # fmt: skip
        protocol = SimpleNamespace(response_bytes=lambda *_answer: None)
        task = asyncio.ensure_future(adapter.__rsgi__(scope, protocol))  # type: ignore[arg-type]
        await asyncio.to_thread(answering.wait, 5)
        task.cancel()
        await asyncio.sleep(0)
        answered.set()
        await asyncio.sleep(0.3)

    with ThreadPoolExecutor(1) as elsewhere:  # a browser's driver may have a loop in this thread
        elsewhere.submit(asyncio.run, give_up()).result(20)
    assert wrong == []


def test_whoever_waits_does_not_wait_behind_what_pages_ask_by_themselves(echo: Echo) -> None:
    """More of them than there are threads, each of which takes 0.4 s; one at a time is answered."""
    polls = [echo.connect() for _ in range(8)]
    for n, line in enumerate(polls):
        line.sendall(b"GET /slow/%d/state HTTP/1.1\r\n" % n + HOST + b"\r\n")
    time.sleep(0.1)
    began = time.monotonic()
    assert came(echo.say(b"GET /tap HTTP/1.0\r\n\r\n"))["PATH_INFO"] == "/tap"
    assert time.monotonic() - began < 1.5  # with the second in which more might have come
    for line in polls:
        line.settimeout(20)
        assert status(line.recv(65536)) == 200
        line.close()
    assert time.monotonic() - began > 2


def test_a_long_body_has_to_say_how_long_it_is(echo: Echo) -> None:
    part = b"FFFF\r\n" + b"x" * 0xFFFF + b"\r\n"
    assert status(echo.say(CHUNKED + part + part + b"0\r\n\r\n")) == 411


def test_two_ways_of_saying_a_length_are_no_request(echo: Echo) -> None:
    """A proxy in front might believe the other one (request smuggling)."""
    both = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"
    assert status(echo.say(both)) == 400


def test_whoever_sends_large_bodies_slowly_holds_up_no_small_one(echo: Echo) -> None:
    """More of them than large bodies are read at once, and than there are threads."""
    head = UPLOAD + b"Content-Length: 200000\r\n\r\nx"
    slow = [echo.connect() for _ in range(20)]
    for line in slow:
        line.sendall(head)
    began = time.monotonic()
    assert came(echo.say(b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"))["body"] == "abc"
    assert time.monotonic() - began < 3
    for line in slow:
        line.close()


def test_told_to_start_anew_under_load_nobody_is_refused(echo: Echo) -> None:
    """SIGHUP: new workers, while requests come on new connections; one is under way all the while.

    A connection of which the old worker has read nothing yet is closed or reset. Proxies ask such a request
    again, and so do these askers, once. A port that is shut they cannot mend."""
    wrong: list[str] = []
    first = echo.workers()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                got = _answered(echo) or _answered(echo)
            except OSError as error:  # refused, reset, or silent for too long
                wrong.append(repr(error))
            else:
                if b" 200 " not in got:
                    wrong.append(repr(got))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    time.sleep(0.3)
    echo.tell(signal.SIGHUP)
    deadline = time.monotonic() + 90
    while set(echo.workers()) & set(first) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    over.set()
    for asker in askers:
        asker.join()
    assert wrong == []
    assert echo.workers() and set(echo.workers()).isdisjoint(first)


def _answered(echo: Echo) -> bytes:
    with suppress(ConnectionResetError):
        return until_closed(echo, b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc")
    return b""


def test_told_to_stop_it_answers_what_has_begun(tmp_path: Path) -> None:
    """SIGTERM in the middle of a body; whoever comes afterwards finds nobody."""
    with serving(tmp_path) as server, closing(server.connect()) as line:
        line.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n\r\nabc")
        time.sleep(0.1)
        server.tell(signal.SIGTERM)
        time.sleep(0.1)
        line.sendall(b"def")
        assert came(everything(line))["body"] == "abcdef"
        with pytest.raises(OSError):
            for _ in range(50):
                server.connect().close()
                time.sleep(0.1)
