"""Logs carry ids and verbs. One filter at the root takes out whatever looks like a phone number or a token."""

import logging
import re
import sys

import structlog
from flask import Flask

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


def init_app(_app: Flask) -> None:
    """One line of JSON per event on standard error."""
    root = logging.getLogger()
    if any(isinstance(f, Redaction) for handler in root.handlers for f in handler.filters):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Redaction())
    handler.setFormatter(_json_lines())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for chatty in ("twilio.http_client", "urllib3", "babel"):
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


def _where(exc_info: object) -> str:
    _kind, error, trace = exc_info  # type: ignore[misc]
    places = []
    while trace is not None:  # type: ignore[has-type]
        code = trace.tb_frame.f_code  # type: ignore[has-type]
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")  # type: ignore[has-type]
        trace = trace.tb_next  # type: ignore[has-type]
    return f"{type(error).__name__} at {' < '.join(reversed(places[-8:]))}"
