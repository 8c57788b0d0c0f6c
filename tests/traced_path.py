"""The files that something runs through, and those that a page of docs lists for it.

Files of the rooms and of the workers are counted, except `models.py`; tools, which import no room, are not.
"""

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import mobilize

ROOT = Path(mobilize.__file__).parents[1]


def listed(page: str, heading: str) -> list[str]:
    """The files in the table under a heading of docs."""
    section = (ROOT / "docs" / page).read_text().split(f"## {heading}")[1].split("\n## ")[0]
    return sorted(re.findall(r"^\| `(\S+\.py)`", section, re.MULTILINE))


def path_of(run: Callable[[], object]) -> list[str]:
    """The files whose functions are called by `run`, in whatever thread, as docs write them."""
    files = set()

    def note(frame: FrameType, what: str, _arg: object) -> None:
        if what == "call":
            files.add(frame.f_code.co_filename)

    threading.setprofile(note), sys.setprofile(note)
    try:
        run()
    finally:
        threading.setprofile(None), sys.setprofile(None)
    return sorted(name.removeprefix("mobilize/") for name in _inside(files) if _is_counted(Path(name)))


def _inside(files: set[str]) -> list[str]:
    return [str(Path(file).relative_to(ROOT)) for file in files if Path(file).is_relative_to(ROOT)]


def _is_counted(path: Path) -> bool:
    """A room has a routes.py."""
    in_room = path.parts[0] == "mobilize" and (ROOT / "mobilize" / path.parts[1] / "routes.py").exists()
    return (in_room or path.parts[0] == "workers") and path.name != "models.py"
