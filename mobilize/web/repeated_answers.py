"""Answers that are given again to the same request by the event loop: without a thread, and without Flask.

A view says of its answer how it is given again (`repeat_current`). It was asked for once as every answer is,
with all checks; whoever sends the same request later would be answered by the same view. The adapter
(`rsgi.RsgiAdapter`) keeps the answer's headers as they left, security headers and all, and asks what stands
at its address by then. See docs/decisions/0020 and 0034.
"""

import threading
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from cachetools import LRUCache
from flask import request

if TYPE_CHECKING:
    from granian.rsgi import Scope


class Current(NamedTuple):
    """What stands at an address: headers by their names, `ETag` and those of a body among them; the body; and
    what an answer that it is unchanged is held back for, as in `rsgi.RsgiAdapter`."""

    headers: Mapping[str, str]
    body: bytes
    waits_for: str = ""


# What stands there now; None where the application has to be asked. It is called in the event loop, outside
# the application's context, with the ETags of the states that the browser has: it may take some microseconds.
Again = Callable[[str], Current | None]

# All that such an answer may depend on, beside its address and what `Again` looks at.
DEPENDS_ON = frozenset({"host", "cookie", "accept-encoding", "accept-language", "if-none-match", "prefer"})
REPEATED_BYTES = 16 << 20
_CURRENT = "mobilize.current"
# What the browser has seen, and that its answer may wait.
_STATE = {"if-none-match", "prefer"}
_OF_BODIES = {"content-type", "content-length", "content-encoding"}
_BODY = {"content-length", "transfer-encoding"}
# Characters of an address and these headers; a phone's are some hundred.
_LONGEST_KEY = 4000


def repeat_current(again: Again) -> None:
    """Let the same request, whatever ETag it names, be answered with what `again` gives by then: 200, or 304
    where it has the same `ETag`. Only for an answer of 200 or 304 that depends on nothing else than
    `DEPENDS_ON` names and `again` looks at, with headers named as those of `again`."""
    request.environ[_CURRENT] = again


class RsgiResponse(NamedTuple):
    """An answer as it leaves; `waits_for` as in `rsgi.RsgiAdapter`."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    waits_for: str


_Key = tuple[Any, ...]
_Headers = list[tuple[str, str]]


class RepeatedAnswers:
    """The answers that one process gives again: within a bound of bytes, those that were asked for last."""

    def __init__(self) -> None:
        self._kept: LRUCache[_Key, tuple[_Headers, Again]] = LRUCache(REPEATED_BYTES, getsizeof=_size)
        self._lock = threading.Lock()

    def find(self, scope: "Scope") -> RsgiResponse | None:
        """The answer to this request, if it was allowed before and what stands there is known."""
        key = _RequestKey.by(scope)
        if key is None:
            return None
        with self._lock:
            headers, again = self._kept.get(key.same, ((), None))
        current = again(key.etags) if again else None
        if current is None:
            return None
        same = [header for header in headers if header[0] not in current.headers]
        whole = RsgiResponse(200, same + list(current.headers.items()), current.body, "")
        if current.headers["ETag"].removeprefix("W/") not in key.etags:
            return whole
        return RsgiResponse(304, _of_no_body(whole.headers), b"", current.waits_for if key.may_wait else "")

    def keep(self, scope: "Scope", environ: Mapping[str, Any], answer: RsgiResponse) -> None:
        """Keep an answer's headers if its view said how it is given again."""
        again = environ.get(_CURRENT)
        key = _RequestKey.by(scope) if again else None
        if again and key and len(str(key.same)) <= _LONGEST_KEY:
            with self._lock:
                self._kept[key.same] = _of_no_body(answer.headers), again


class _RequestKey(NamedTuple):
    """What a request is compared by: its address, and the headers an answer may depend on, with all values of
    each in their order; but for those of `_STATE`, which stand apart."""

    same: _Key
    etags: str
    may_wait: bool

    @classmethod
    def by(cls, scope: "Scope") -> "_RequestKey | None":
        """None for what is asked of the application each time."""
        headers = scope.headers.items()
        if scope.method != "GET" or any(name in _BODY for name, _value in headers):
            return None
        compared = sorted((header for header in headers if header[0] in DEPENDS_ON), key=itemgetter(0))
        rest = tuple(header for header in compared if header[0] not in _STATE)
        etags = ", ".join(value for name, value in compared if name == "if-none-match")
        may_wait = any(name == "prefer" and "wait" in value for name, value in compared)
        return cls((scope.path, scope.query_string, rest), etags, may_wait)


def _of_no_body(headers: _Headers) -> _Headers:
    return [header for header in headers if header[0].lower() not in _OF_BODIES]


def _size(kept: tuple[_Headers, Again]) -> int:
    """With its key, and what `Again` holds of its own."""
    return _LONGEST_KEY + 1000 + sum(len(value) for _name, value in kept[0])
