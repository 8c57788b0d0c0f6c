"""What a line of the log says, and what it never does."""

import json
import logging
import sys

from flask import Flask

from mobilize.observability.logs import JsonLines, Redaction


def line_of(event: str, *args: object, broken: bool = False) -> dict[str, str]:
    record = logging.LogRecord(
        "room", logging.ERROR, __file__, 1, event, args, sys.exc_info() if broken else None
    )
    assert Redaction().filter(record)
    return json.loads(JsonLines().format(record))


def test_an_event_is_one_line_of_json():
    line = line_of("text %s\nleft", 7)
    assert line["event"] == "text 7\nleft"
    assert (line["level"], line["logger"]) == ("error", "room")
    assert line["timestamp"].endswith("+00:00")


def test_a_number_and_a_token_are_taken_out():
    event = line_of("asked by +1 213 555 0100 with " + "a" * 43)["event"]
    assert event == "asked by [redacted] with [redacted]"


def test_an_exception_tells_its_kind_and_place_and_not_what_was_typed():
    try:
        raise ValueError("Mia Garcia, number 12345678")
    except ValueError:
        line = line_of("it stumbled", broken=True)
    assert line["where"].startswith("ValueError at test_logs.py:")
    assert "Mia" not in str(line)
    assert "12345678" not in str(line)


def test_whoever_migrates_or_restores_reads_no_lines_of_alembic(sqlite_app: Flask) -> None:
    assert not logging.getLogger("alembic.runtime.migration").isEnabledFor(logging.INFO)
    assert logging.getLogger("mobilize.migrations").isEnabledFor(logging.INFO), "that one waits is said"
