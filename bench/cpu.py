"""Processor time that a process and all its children have used, those that ended included. Linux only."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def seconds_of(*roots: int) -> float:
    """User and system time of these processes and everything below them; 0.0 where there is no /proc."""
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        used[pid] = sum(int(field) for field in fields[11:15]) / _TICKS
    return sum(time for pid, time in used.items() if _is_below(pid, set(roots), parents))


def _is_below(pid: int, roots: set[int], parents: dict[int, int]) -> bool:
    while pid:
        if pid in roots:
            return True
        pid = parents.get(pid, 0)
    return False
