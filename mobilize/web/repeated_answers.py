"""Answers that are given again to the same request by the event loop: without a thread, and without Flask.

A view says of its answer how it is given again (`repeat_by`). It was asked for once as every answer is, with
all checks; whoever sends the same request while nothing has changed would be answered the same. The adapter
(`rsgi.RsgiAdapter`) keeps it as it left, security headers and all. So is the answer to the request that comes
next, which asks whether what was just given has changed (`repeat_unchanged`). See docs/decisions/0020.
"""

import threading
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from cachetools import LRUCache
from flask import request

if TYPE_CHECKING:
    from granian.rsgi import Scope

# What is new when an answer is given again: headers by their names, and the body; None once it does not hold
# any more. Called in the event loop, outside the application's context: it may take some microseconds.
Again = Callable[[], tuple[Mapping[str, str], bytes] | None]

# All that such an answer may depend on, beside its address and what `Again` looks at.
DEPENDS_ON = frozenset({"host", "cookie", "accept-encoding", "accept-language", "if-none-match", "prefer"})
REPEATED_BYTES = 16 << 20
_AGAIN, _UNCHANGED = "mobilize.again", "mobilize.unchanged"
# What the next request has instead: what was given, and that its answer may wait.
_NEXT = {"if-none-match", "prefer"}
_OF_BODIES = {"content-type", "content-length", "content-encoding"}
_BODY = {"content-length", "transfer-encoding"}
# Characters of an address and these headers; a phone's are some hundred.
_LONGEST_KEY = 4000


def repeat_by(again: Again) -> None:
    """Let the answer of this request be given again. Only for one that depends on nothing else than
    `DEPENDS_ON` names and `again` looks at."""
    request.environ[_AGAIN] = again


def repeat_unchanged(again: Again, waits_for: str) -> None:
    """Let the same request with this answer's ETag and `Prefer: wait` be answered 304, as `repeat_by` has it.
    `waits_for`: what that answer is held back for."""
    request.environ[_UNCHANGED] = again, waits_for


class RsgiResponse(NamedTuple):
    """An answer as it leaves; `waits_for` as in `rsgi.RsgiAdapter`."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    waits_for: str


_Key = tuple[Any, ...]
_Kept = tuple[RsgiResponse, Again]


class RepeatedAnswers:
    """The answers that one process gives again: within a bound of bytes, those that were asked for last."""

    def __init__(self) -> None:
        self._kept: LRUCache[_Key, _Kept] = LRUCache(REPEATED_BYTES, getsizeof=_size)
        self._lock = threading.Lock()

    def find(self, scope: "Scope") -> RsgiResponse | None:
        """The answer to this request, if it was given before and still holds."""
        key = _key(scope)
        if key is None:
            return None
        with self._lock:
            kept: _Kept | None = self._kept.get(key)
        if kept is None:
            return None
        answer, again = kept
        new = again()
        if new is None:
            with self._lock:
                self._kept.pop(key, None)
            return None
        same = [header for header in answer.headers if header[0] not in new[0]]
        return answer._replace(headers=same + list(new[0].items()), body=new[1])

    def keep(self, scope: "Scope", environ: Mapping[str, Any], answer: RsgiResponse) -> None:
        """Keep an answer if its view said how it is given again, and the one to the request after it."""
        if again := environ.get(_AGAIN):
            self._keep(_key(scope), answer._replace(body=b""), again)
        etag = next((value for name, value in answer.headers if name.lower() == "etag"), "")
        if etag and (unchanged := environ.get(_UNCHANGED)):
            again, waits_for = unchanged
            headers = [header for header in answer.headers if header[0].lower() not in _OF_BODIES]
            self._keep(_key(scope, etag), RsgiResponse(304, headers, b"", waits_for), again)

    def _keep(self, key: _Key | None, answer: RsgiResponse, again: Again) -> None:
        if key is not None and len(str(key)) <= _LONGEST_KEY:
            with self._lock:
                self._kept[key] = answer, again


def _key(scope: "Scope", etag: str = "") -> _Key | None:
    """Equal for requests that are the same, with all values of a header in their order; None for what is
    asked of the application each time. With an `etag`: of the request that comes next."""
    headers = scope.headers.items()
    if scope.method != "GET" or any(name in _BODY for name, _value in headers):
        return None
    compared = [header for header in headers if header[0] in DEPENDS_ON]
    if etag:
        compared = [header for header in compared if header[0] not in _NEXT]
        compared += [("if-none-match", etag), ("prefer", "wait")]
    return (scope.path, scope.query_string, *sorted(compared, key=itemgetter(0)))


def _size(kept: _Kept) -> int:
    """With its key, and what `Again` holds of its own."""
    return _LONGEST_KEY + 1000 + sum(len(value) for _name, value in kept[0].headers)
