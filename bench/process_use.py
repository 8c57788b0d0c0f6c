"""CPU seconds and proportional memory of whole process trees, from Linux's /proc."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(*roots: int) -> float:
    """CPU seconds of these processes and all below them, children that have ended and were waited for too."""
    return sum(_ticks(pid) for root in roots for pid in tree(root)) / TICKS


def precise_cpu_s(root: int) -> float:
    """CPU seconds of the threads that live below this process, to the microsecond."""
    return sum(_nanoseconds(pid) for pid in tree(root)) / 1e9


def pss(root: int) -> int:
    """Bytes of memory of everything below this process, shared pages divided among those who share them."""
    return sum(_pss(pid) for pid in tree(root)[1:])


def own_cpu_s(pid: int) -> float:
    """CPU seconds of this process alone, and of its children that have ended."""
    return _ticks(pid) / TICKS


def private_and_shared(pid: int) -> tuple[int, int]:
    """Bytes of this process: its share without what is shared on purpose (PostgreSQL's buffers), and that."""
    values = _rollup(pid)
    return values.get("Pss", 0) - values.get("Pss_Shmem", 0), values.get("Pss_Shmem", 0)


def tree(pid: int) -> list[int]:
    """This process and all below it."""
    result = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            result += tree(int(child))
    return result


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    # proc(5): utime, stime, cutime and cstime are fields 14 to 17; the first after the name is field 3.
    return sum(int(value) for value in fields[11:15])


def _nanoseconds(pid: int) -> int:
    """What Linux's scheduler has counted (Documentation/scheduler/sched-stats.rst), thread by thread."""
    used = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            used += int(thread.read_text().split()[0])
        except OSError:
            continue
    return used


def _pss(pid: int) -> int:
    return _rollup(pid).get("Pss", 0)


def _rollup(pid: int) -> dict[str, int]:
    """Bytes by name, from smaps_rollup; nothing of a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    return {name: int(rest.split()[0]) * 1024 for name, rest in (line.split(":", 1) for line in lines)}
