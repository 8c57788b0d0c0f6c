"""The supervisor with real child processes: what dies comes back, and nothing outlives it."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mobilize.demo.supervisor import Child, Supervisor

# Leaves its own id and that of a process it started itself, ignores Ctrl-C, and stays.
STAYS = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
with open(sys.argv[1], "a") as pids:
    pids.write(f"{os.getpid()} {helper.pid}\\n")
if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(300)
"""


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A dead process whose parent (init) has not collected it yet is not running.
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


def lines(path: Path) -> list[list[int]]:
    if not path.exists():
        return []
    return [[int(pid) for pid in line.split()] for line in path.read_text().splitlines()]


def test_what_dies_is_started_again_and_its_leftovers_are_cleared(tmp_path: Path) -> None:
    pids, texts = tmp_path / "pids", []
    child = Child("picket", [sys.executable, "-c", STAYS, str(pids)])
    supervisor = Supervisor([child], tmp_path, texts.append)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        until(lambda: len(lines(pids)) == 1)
        first, its_helper = lines(pids)[0]
        os.kill(first, signal.SIGKILL)
        until(lambda: len(lines(pids)) == 2)
        assert not is_running(its_helper)
    finally:
        supervisor.stop()
        thread.join(10)
    assert not any(is_running(pid) for line in lines(pids) for pid in line)
    assert texts[0].startswith("picket: stopped (exit code ")


def test_a_child_that_dies_at_once_is_tried_again_ever_more_slowly(tmp_path: Path) -> None:
    lines: list[str] = []
    supervisor = Supervisor([Child("brief", [sys.executable, "-c", ""])], tmp_path, lines.append)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    until(lambda: len(lines) == 2)
    supervisor.stop()
    thread.join(10)
    assert [line.rsplit(" in ")[1] for line in lines[:2]] == ["0.5 s", "1 s"]


def test_only_warnings_are_shown_and_all_of_it_is_in_the_log(tmp_path: Path) -> None:
    talk = "print('all quiet'); print('WARNING: rain'); import time; time.sleep(300)"
    lines: list[str] = []
    supervisor = Supervisor([Child("gate", [sys.executable, "-u", "-c", talk])], tmp_path, lines.append)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    until(lambda: lines)
    supervisor.stop()
    thread.join(10)
    assert lines == ["gate: WARNING: rain"]
    assert (tmp_path / "gate.log").read_text() == "all quiet\nWARNING: rain\n"


def test_a_child_that_never_gets_ready_ends_it_and_is_named(tmp_path: Path) -> None:
    lines: list[str] = []
    never = Child("web", [sys.executable, "-c", "import time; time.sleep(300)"], ready=lambda: False)
    assert Supervisor([never], tmp_path, lines.append).run(ready_within=0.3) == 1
    assert lines == [f"web did not get ready. What it said is in {tmp_path / 'web.log'}"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_nothing_is_left_running_after(how: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C, a plain kill, and a kill -9 of the supervisor; one of the two children refuses SIGTERM."""
    pids = tmp_path / "pids"
    script = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from mobilize.demo.supervisor import Child, Supervisor
        stays = [sys.executable, "-c", {STAYS!r}, {str(pids)!r}]
        children = [Child("easy", stays), Child("stubborn", [*stays, "stubborn"])]
        sys.exit(Supervisor(children, Path({str(tmp_path)!r})).run())
    """)
    process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    until(lambda: len(lines(pids)) == 2)
    began = time.monotonic()
    process.send_signal(how)
    process.wait(10)
    running = [pid for line in lines(pids) for pid in line]
    until(lambda: not any(is_running(pid) for pid in running), 10)
    assert time.monotonic() - began < 7
