"""Logs carry ids and verbs. One filter at the root takes out what looks like a phone number or a token."""

import logging
import re
import sys
import traceback
from pathlib import Path
from types import TracebackType

import structlog
from flask import Flask

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

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


def init_app(app: Flask) -> None:
    """One line of JSON per event on standard error."""
    root = logging.getLogger()
    if any(isinstance(f, Redaction) for handler in root.handlers for f in handler.filters):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Redaction())
    handler.setFormatter(_json_lines())
    root.addHandler(handler)
    root.setLevel(app.config["MOBILIZE"].log_level)
    for chatty in ("twilio.http_client", "urllib3", "babel", "alembic.runtime.plugins"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _json_lines() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ]
    )


def _where(exc_info: ExcInfo) -> str:
    places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(exc_info[2])[-8:]]
    return f"{type(exc_info[1]).__name__} at {' > '.join(places)}"
