"""The process that draws boards for a real server: it stands back for those who check in, dies without a gap,
and ends with the process that started it."""

import os
import signal
import time
from pathlib import Path

import pytest
import requests

from mobilize import clock
from mobilize.accounts.models import RoleName
from tests.builders import full_session, make_person
from tests.checkins.morning import scan
from tests.server.line_phones import picket

__all__ = ["picket"]


def until(holds, seconds=20):
    """Whether it held within so many seconds."""
    deadline = time.monotonic() + seconds
    while not (now := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return now


def drawers(pid: int) -> set[int]:
    """The drawers among a process's children, and theirs."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    below = {int(one) for listed in children for one in listed.read_text().split()}
    return {one for one in below if b"mobilize.turnout.board.drawing.drawer" in command_of(one)}.union(
        *map(drawers, below)
    )


def command_of(pid: int) -> bytes:
    """Of a process that has ended nothing."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def stands_back(drawer: int, server: int) -> bool:
    return os.getpriority(os.PRIO_PROCESS, drawer) > os.getpriority(os.PRIO_PROCESS, server)


@pytest.fixture
def server(processes, pg_app, environ, port):
    return processes.serve(environ, port)


@pytest.fixture
def look(server, picket, port):
    session = full_session(make_person("Olga Office", role=RoleName.ADMIN), now=clock.now())
    address = f"http://127.0.0.1:{port}/actions/{picket.action_id}/turnout.json?with=html"

    def look() -> str:
        answer = requests.get(address, cookies={"session": session}, timeout=20)
        return answer.json()["html"].replace("\n", "").replace(" ", "")

    return look


def test_boards_are_drawn_by_one_process_that_stands_back(server, look, picket):
    assert until(lambda: look() and drawers(server.pid))
    [drawer] = drawers(server.pid)
    assert until(
        lambda: os.getpriority(os.PRIO_PROCESS, drawer) > os.getpriority(os.PRIO_PROCESS, server.pid)
    )
    scan(picket, "2135550101", at=clock.now())
    assert until(lambda: ">1<" in look())


def test_a_drawer_that_is_killed_leaves_no_gap_and_ends_with_its_parent(server, look, picket):
    assert until(lambda: look() and drawers(server.pid))
    [drawer] = drawers(server.pid)
    os.kill(drawer, signal.SIGKILL)
    scan(picket, "2135550101", at=clock.now())
    assert until(lambda: ">1<" in look())
    assert until(lambda: look() and drawers(server.pid) - {drawer}, seconds=40)
    [another] = drawers(server.pid) - {drawer}
    os.kill(parent_of(another), signal.SIGKILL)
    assert until(lambda: not command_of(another), seconds=5)
