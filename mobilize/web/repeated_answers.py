"""Answers that are given again to the same request, by the event loop: without a thread, and without Flask.

A view says of its answer how it is given again (`repeat_by`): it was asked once as every request is, with all
checks, and whoever sends the same bytes while nothing has changed would be answered the same. The adapter
(`rsgi.RsgiAdapter`) keeps the answer as it left, security headers and all; under another server all of this
is not there. docs/decisions/0020-a-line-is-asked-by-its-version.md
"""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cachetools import LRUCache
from flask import request

if TYPE_CHECKING:
    from granian.rsgi import Scope

# What is new in an answer that is given again: headers by their name, and the body. None: it is not good any
# more. It runs in the event loop, outside the application's context: it may compute for some microseconds.
Again = Callable[[], tuple[Mapping[str, str], bytes] | None]

_AGAIN = "mobilize.again"
# All that such an answer may depend on beside its address; a method, a body and another header mean that
# the request is not the same.
_DEPENDS_ON = frozenset(
    ("host", "cookie", "accept-encoding", "accept-language", "if-none-match", "prefer", "content-length")
    + ("transfer-encoding", "range", "authorization")
)
# Characters: a page's address, its host and its languages are some hundred, a phone's cookies a thousand.
_LONGEST_KEY = 4000
REPEATED_BYTES = 16 << 20


def repeat_by(again: Again) -> None:
    """Let the answer of this request be given again. Only for what depends on nothing but what `_DEPENDS_ON`
    names, and on what `again` looks at."""
    request.environ[_AGAIN] = again


class Answer(NamedTuple):
    """An answer as it leaves; `waits_for` as in `rsgi.RsgiAdapter`."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    waits_for: str


Key = tuple[Any, ...]


class RepeatedAnswers:
    """The answers of one process that are given again, those asked for last within a bound of bytes."""

    def __init__(self) -> None:
        self._answers: LRUCache[Key, tuple[Answer, Again]] = LRUCache(REPEATED_BYTES, getsizeof=_size)
        self._lock = threading.Lock()

    def find(self, scope: "Scope") -> Answer | None:
        """The answer to this request, if it was given before and still holds."""
        if scope.method != "GET":
            return None
        key = _key(scope)
        with self._lock:
            answer, again = self._answers.get(key, (None, None))
        if answer is None or again is None:
            return None
        new = again()
        if new is None:
            with self._lock:
                self._answers.pop(key, None)
            return None
        headers, body = new
        changed = (
            [(name, headers.get(name, value)) for name, value in answer.headers]
            if headers
            else answer.headers
        )
        return answer._replace(headers=changed, body=body)

    def keep(self, scope: "Scope", environ: Mapping[str, Any], answer: Answer) -> None:
        """Remember an answer, where the view that gave it says how it is given again."""
        again = environ.get(_AGAIN)
        if again is None or scope.method != "GET":
            return
        key = _key(scope)
        if sum(map(len, key[:2])) + sum(len(value) for _name, value in key[2:]) > _LONGEST_KEY:
            return
        with self._lock:
            self._answers[key] = answer._replace(body=b""), again


def _key(scope: "Scope") -> Key:
    """Equal for requests that are the same: with all values of a header, in their order."""
    asked = [pair for pair in scope.headers.items() if pair[0] in _DEPENDS_ON]
    return (scope.path, scope.query_string, *asked)


def _size(kept: tuple[Answer, Again]) -> int:
    # With its key, and what `again` holds of its own.
    return 1000 + _LONGEST_KEY + sum(len(value) for _name, value in kept[0].headers)
