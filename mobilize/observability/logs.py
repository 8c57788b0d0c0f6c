"""Logs, with ids and verbs. A filter at the root redacts whatever looks like a phone number or a token."""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from flask import Flask

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

# A line for each call or task. What ran is said once a minute (`workers.beat`), what failed at once.
_CHATTY = (
    "twilio.http_client",
    "urllib3",
    "babel",
    "alembic.runtime.plugins",
    "celery",
)
_DANGEROUS = re.compile(r"(?<![\w-])\+?\d[\d .()-]{8,}\d(?![\w-])|[A-Za-z0-9_-]{40,}")


class Redaction(logging.Filter):
    """Replaces phone numbers and tokens in the finished line, whoever wrote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _DANGEROUS.sub("[redacted]", record.getMessage())
        record.args = ()
        if record.exc_info and record.exc_info[1] is not None:
            # An exception's text may quote what a person typed: its kind and its place are enough.
            record.exc_text = _where(record.exc_info)
        return True


class JsonLines(logging.Formatter):
    """One event as a line of JSON. An exception is logged by its place alone, as the filter leaves it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        return json.dumps(line | ({"where": record.exc_text} if record.exc_text else {}))


def init_app(app: Flask) -> None:
    """One line of JSON per event on standard error."""
    root = logging.getLogger()
    if any(isinstance(f, Redaction) for handler in root.handlers for f in handler.filters):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Redaction())
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    root.setLevel(app.config["MOBILIZE"].log_level)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _where(exc_info: ExcInfo) -> str:
    places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(exc_info[2])[-8:]]
    return f"{type(exc_info[1]).__name__} at {' > '.join(places)}"
