"""Group commit: work that several threads submit at once, done in one transaction by one of them.

An item that arrives while a group is being stored joins the next group; when none is, its thread stores it
at once, and nobody waits for a group to fill. `submit()` returns only when the work that held its item has
returned: a promise that holds for one call of `work` (it is stored when this returns) holds for every item.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Submission(Generic[Item, Result]):
    """One thread's item. `woken` opens when it is done, or when this thread is to lead `group`."""

    def __init__(self, item: Item):
        self.item = item
        self.woken = threading.Lock()
        self.woken.acquire()
        self.group: list[_Submission[Item, Result]] | None = None
        self.result: Result
        self.failed: BaseException | None = None


class GroupCommit(Generic[Item, Result]):
    """`work` gets up to `limit` items and returns what became of each, in their order; it is never run twice
    at the same time.

    When it fails for several, each is tried alone, so that a bad one harms no other; but where `is_for_all`
    says that this failure would meet everybody (no database), all of them get it.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], list[Result]],
        *,
        limit: int,
        is_for_all: Callable[[Exception], bool],
    ):
        self._work, self._limit, self._is_for_all = work, limit, is_for_all
        self._is_under_way = False
        self._lock = threading.Lock()
        self._waiting: list[_Submission[Item, Result]] = []

    def submit(self, item: Item) -> Result:
        """The result of `item`. Raises what `work` raised for it."""
        own = _Submission[Item, Result](item)
        with self._lock:
            self._waiting.append(own)
            leads = not self._is_under_way
            if leads:
                self._is_under_way = True
                own.group = self._next_group()
        if not leads:
            own.woken.acquire()
        if own.group is not None:
            self._lead(own, own.group)
        if own.failed is not None:
            raise own.failed
        return own.result

    def _lead(self, own: _Submission[Item, Result], group: list[_Submission[Item, Result]]) -> None:
        try:
            self._settle(group)
        except BaseException as error:  # this thread is ended: nobody may wait for it
            for turn in group:
                turn.failed = error
        finally:
            for turn in group:
                if turn is not own:
                    turn.woken.release()
            self._hand_over()

    def _settle(self, group: list[_Submission[Item, Result]]) -> None:
        try:
            for turn, result in zip(group, self._work([turn.item for turn in group]), strict=True):
                turn.result = result
        except Exception as error:
            if len(group) == 1 or self._is_for_all(error):
                for turn in group:
                    turn.failed = error
            else:
                for turn in group:
                    self._settle([turn])

    def _hand_over(self) -> None:
        """The first of those who wait leads the next group: nobody works on for others for ever."""
        with self._lock:
            if not self._waiting:
                self._is_under_way = False
                return
            first = self._waiting[0]
            first.group = self._next_group()
        first.woken.release()

    def _next_group(self) -> list[_Submission[Item, Result]]:
        group, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
        return group
