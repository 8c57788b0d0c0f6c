"""Rows of an .xlsx workbook, which a short-lived process with little memory and time opens."""

import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from mobilize.errors import Refused
from mobilize.languages import _

READER = Path(__file__).with_name("xlsx_sandbox.py")
# Beside its own limit of processor time: it might wait for ever.
LONGEST_S = 120


def is_workbook(data: bytes) -> bool:
    """Whether it is a zip that holds a workbook, whatever the file is called."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            return any(name.lower() in ("xl/workbook.xml", "xl/workbook.bin") for name in parts.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return False


def rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells as text) of the first sheet; empty rows between are kept, those at the end are not.

    Raises `Refused`: workbook_too_large, workbook_macros, workbook_unsafe, workbook_unreadable,
    workbook_formula, workbook_empty_rows, workbook_without_sheet.
    """
    with _reader(data) as lines:
        for line in lines:
            message = _read(line)
            if isinstance(message, list):
                yield message[0], message[1]
            elif "refused" in message:
                raise _refusal(message["refused"], message["row"])
            else:
                return
    # It was stopped by a limit before it could say anything.
    raise _refusal("workbook_too_large", 0)


@contextmanager
def _reader(data: bytes) -> Iterator[IO[bytes]]:
    """The output of the sandboxed process: without our environment (and keys), files, or stderr."""
    process = subprocess.Popen(
        [sys.executable, "-I", str(READER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        cwd="/",
    )
    feeder = threading.Thread(target=_feed, args=(process.stdin, data), daemon=True)
    watch = threading.Timer(LONGEST_S, process.kill)
    feeder.start()
    watch.start()
    try:
        yield process.stdout  # type: ignore[misc]
    finally:
        watch.cancel()
        process.kill()
        process.wait()
        feeder.join()
        process.stdout.close()  # type: ignore[union-attr]


def _feed(into: IO[bytes], data: bytes) -> None:
    # Broken when the reader refuses before it has read all, or is killed.
    with suppress(OSError, ValueError):
        into.write(data)
    with suppress(OSError, ValueError):
        into.close()


def _read(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        # Killed in the middle of a line.
        return {"refused": "workbook_too_large", "row": 0}


def _refusal(code: str, row: int) -> Refused:
    messages = {
        "workbook_too_large": _(
            "This workbook unpacks to far more than a list needs. Save the list as CSV UTF-8 instead."
        ),
        "workbook_macros": _("This workbook holds macros. Save it as .xlsx without macros, or as CSV UTF-8."),
        "workbook_unsafe": _(
            "This workbook holds declarations that no spreadsheet writes. Save the list as CSV UTF-8."
        ),
        "workbook_unreadable": _(
            "This workbook is damaged or locked with a password. Save it again as CSV UTF-8."
        ),
        "workbook_without_sheet": _("This workbook has no sheet. Choose another file."),
        "workbook_formula": _(
            "Row %(row)s holds a formula. Select everything, copy, paste as values, and save it again.",
            row=row,
        ),
        "workbook_empty_rows": _(
            "From row %(row)s on, over 10,000 rows are empty. Delete them and save it again.", row=row
        ),
    }
    return Refused(code, messages[code])
