"""CPU seconds and proportional memory of whole process trees, from Linux's /proc."""

import os
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(*roots: int) -> float:
    """CPU seconds of these processes and all below them, children that have ended and were waited for too."""
    return sum(cpu_of(pid) for root in roots for pid in tree(root))


def precise_cpu_s(root: int) -> float:
    """CPU seconds of the threads that live below this process, to the microsecond."""
    return sum(_nanoseconds(pid) for pid in tree(root)) / 1e9


def pss(root: int) -> int:
    """Bytes of memory of everything below this process, shared pages divided among those who share them."""
    return sum(memory_of(pid) for pid in tree(root)[1:])


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


def prefer(pid: int, nice: int) -> None:
    """Give the session of this process another priority, where we may. Linux deals the processor out among
    sessions first (sched(7), "autogroup"); the nice values of processes count within one."""
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))


def cpu_of(pid: int) -> float:
    """CPU seconds of one process, and of its children that have ended and were waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # proc(5): utime, stime, cutime and cstime are fields 14 to 17; the first after the name is field 3.
    return sum(int(value) for value in fields[11:15]) / TICKS


def _nanoseconds(pid: int) -> int:
    """What Linux's scheduler has counted (Documentation/scheduler/sched-stats.rst), thread by thread."""
    used = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            used += int(thread.read_text().split()[0])
        except OSError:
            continue
    return used


def memory_of(pid: int, *, shared: bool = True) -> int:
    """Bytes (PSS) of one process; without `shared`, less its part of shared memory, as shared buffers are."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    sizes = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}
    return sizes.get("Pss", 0) - (0 if shared else sizes.get("Pss_Shmem", 0))
