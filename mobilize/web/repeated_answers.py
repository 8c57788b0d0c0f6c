"""Answers that are given again to the same request by the event loop: without a thread, and without Flask.

A view says of its answer how it is given again (`repeat_by`). It was asked for once as every answer is, with
all checks; whoever sends the same request while nothing has changed would be answered the same. The adapter
(`rsgi.RsgiAdapter`) keeps it as it left, security headers and all. So is the answer to the request that comes
next, which asks whether what was just given has changed (`repeat_unchanged`), and what stands at an address
at any later moment (`repeat_current`). See docs/decisions/0020 and 0034.
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
_AGAIN, _UNCHANGED, _CURRENT = "mobilize.again", "mobilize.unchanged", "mobilize.current"
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


def repeat_current(again: Again) -> None:
    """Let the same request, whatever ETag it names, be answered with what `again` gives by then: 200, or 304
    where it has the same `ETag`. For an answer of 200 or 304, with headers named as those of `again`."""
    request.environ[_CURRENT] = again


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
        key = _RequestKey.by(scope)
        if key is None:
            return None
        if answer := self._find(key.exact, forget=True):
            return answer
        current = self._find(key.of_any_state, forget=False)
        return current and _if_changed(current, key.etags)

    def _find(self, key: _Key, *, forget: bool) -> RsgiResponse | None:
        kept = self._kept_by(key)
        if kept is None:
            return None
        answer, again = kept
        new = again()
        if new is None:
            if forget:
                with self._lock:
                    self._kept.pop(key, None)
            return None
        same = [header for header in answer.headers if header[0] not in new[0]]
        return answer._replace(headers=same + list(new[0].items()), body=new[1])

    def keep(self, scope: "Scope", environ: Mapping[str, Any], answer: RsgiResponse) -> None:
        """Keep an answer if its view said how it is given again, and the one to the request after it."""
        again, unchanged, current = (environ.get(name) for name in (_AGAIN, _UNCHANGED, _CURRENT))
        key = _RequestKey.by(scope) if again or unchanged or current else None
        if key is None:
            return
        if again:
            self._keep(key.exact, answer._replace(body=b""), again)
        etag = next((value for name, value in answer.headers if name.lower() == "etag"), "")
        if etag and unchanged:
            again, waits_for = unchanged
            self._keep(key.after(etag), RsgiResponse(304, _of_no_body(answer), b"", waits_for), again)
        if etag and current:
            # Of a 304 the headers are those of the 200 before it.
            before = self._kept_by(key.of_any_state) if answer.status == 304 else (answer, current)
            if before:
                self._keep(key.of_any_state, before[0]._replace(body=b""), current)

    def _kept_by(self, key: _Key) -> _Kept | None:
        with self._lock:
            kept: _Kept | None = self._kept.get(key)
            return kept

    def _keep(self, key: _Key, answer: RsgiResponse, again: Again) -> None:
        if len(str(key)) <= _LONGEST_KEY:
            with self._lock:
                self._kept[key] = answer, again


class _RequestKey(NamedTuple):
    """What a request is compared by: its address, and the headers an answer may depend on, with all values of
    each in their order, but for those of `_NEXT`, which stand apart."""

    address: tuple[str, str]
    headers: tuple[tuple[str, str], ...]
    state: tuple[tuple[str, str], ...]

    @classmethod
    def by(cls, scope: "Scope") -> "_RequestKey | None":
        """None for what is asked of the application each time."""
        headers = scope.headers.items()
        if scope.method != "GET" or any(name in _BODY for name, _value in headers):
            return None
        compared = sorted((header for header in headers if header[0] in DEPENDS_ON), key=itemgetter(0))
        rest = tuple(header for header in compared if header[0] not in _NEXT)
        state = tuple(header for header in compared if header[0] in _NEXT)
        return cls((scope.path, scope.query_string), rest, state)

    @property
    def exact(self) -> _Key:
        """Equal for requests that are the same."""
        return self

    @property
    def of_any_state(self) -> _Key:
        """Equal for requests that are the same but for the state that their browsers have."""
        return self.address, self.headers

    def after(self, etag: str) -> _Key:
        """The key of the request that comes next: its browser has this state, and it may wait."""
        return self._replace(state=(("if-none-match", etag), ("prefer", "wait")))

    @property
    def etags(self) -> str:
        """The ETags of the states that its browser has."""
        return ", ".join(value for name, value in self.state if name == "if-none-match")


def _if_changed(answer: RsgiResponse, etags: str) -> RsgiResponse:
    etag = next(value for name, value in answer.headers if name.lower() == "etag").removeprefix("W/")
    return RsgiResponse(304, _of_no_body(answer), b"", "") if etag in etags else answer


def _of_no_body(answer: RsgiResponse) -> list[tuple[str, str]]:
    return [header for header in answer.headers if header[0].lower() not in _OF_BODIES]


def _size(kept: _Kept) -> int:
    """With its key, and what `Again` holds of its own."""
    return _LONGEST_KEY + 1000 + sum(len(value) for _name, value in kept[0].headers)
