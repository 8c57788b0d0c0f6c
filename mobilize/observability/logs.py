"""Logs, with ids and verbs. A filter at the root redacts whatever looks like a phone number or a token.

It is the one place where exceptions become lines: their text may quote what a person typed, so their kind and
their place are all that is said of them, whoever logged them and however."""

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from flask import Flask

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

# A line for each call or task. What ran is said once a minute (`workers.runtime.beat`), what failed at once.
_CHATTY = (
    "twilio.http_client",
    "PIL",  # at debug level it says what cameras wrote beside a picture
    "urllib3",
    "babel",
    "alembic",  # whoever migrates is told by the command that does it
    "celery",
)
_TRACEBACK = "Traceback (most recent call last)"
_SHORT = 3  # shorter ones name nobody, and stand in other words
_DANGEROUS = re.compile(r"(?<![\w-])\+?\d[\d .()-]{8,}\d(?![\w-])|[A-Za-z0-9_-]{40,}")


class Redaction(logging.Filter):
    """Replaces phone numbers, tokens and the text of exceptions in the finished line, whoever wrote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        problem = record.exc_info[1] if record.exc_info else None
        # Libraries also quote the one they are handling without passing it on.
        mentioned = [*_chain(problem), *_chain(sys.exc_info()[1]), *_arguments(record)]
        message = record.getMessage()
        for error in mentioned:
            message = _without_text(message, error)
        # Beside the place of an exception, stacks that libraries add are said twice.
        end = "\n" if problem is not None else _TRACEBACK
        record.msg = _DANGEROUS.sub("[redacted]", message.partition(end)[0].rstrip())
        record.args = ()
        if record.exc_info and problem is not None:
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


def catch_surprises() -> None:
    """Log what nobody caught, in any thread of this process, as every other exception; Python would print its
    text."""
    log = logging.getLogger("mobilize")

    def died(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, place)
        else:
            log.critical("not caught", exc_info=(kind, error, place))

    sys.excepthook = died
    threading.excepthook = lambda of: log.critical(
        "a thread ended", exc_info=(of.exc_type, of.exc_value or of.exc_type(), of.exc_traceback)
    )


def _arguments(record: logging.LogRecord) -> Iterator[BaseException]:
    """The exceptions among a record's arguments."""
    values = record.args.values() if isinstance(record.args, Mapping) else record.args or ()
    for value in values:
        if isinstance(value, BaseException):
            yield from _chain(value)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, and those it came from."""
    ids: set[int] = set()
    while error is not None and id(error) not in ids:
        ids.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _without_text(message: str, error: BaseException) -> str:
    for text in (repr(error), str(error)):
        if len(text) > _SHORT:
            message = message.replace(text, type(error).__name__)
    return message


def _where(exc_info: ExcInfo) -> str:
    places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(exc_info[2])[-8:]]
    return f"{type(exc_info[1]).__name__} at {' > '.join(places)}"
