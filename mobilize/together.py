"""Work that several threads bring at once, done in one go by one of them.

What comes while a group is under way waits and is the next group, so nobody waits for company: alone, a
thread does its own at once. `do()` returns only when the work that held its item has returned: a promise that
holds for one call of `work` (it is stored when this returns) holds for everybody in it.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


class _Turn(Generic[Item, Done]):
    """One thread's item. `woken` opens when it is done, or when this thread is to lead `group`."""

    def __init__(self, item: Item):
        self.item = item
        self.woken = threading.Lock()
        self.woken.acquire()
        self.group: list[_Turn[Item, Done]] | None = None
        self.done: Done
        self.failed: BaseException | None = None


class Together(Generic[Item, Done]):
    """`work` gets up to `most` items and returns what became of each, in their order; it is never run twice
    at the same time.

    When it fails for several, each is tried alone, so that a bad one harms no other; but where `is_for_all`
    says that this failure would meet everybody (no database), all of them get it.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], list[Done]],
        *,
        most: int,
        is_for_all: Callable[[Exception], bool],
    ):
        self._work, self._most, self._is_for_all = work, most, is_for_all
        self._is_under_way = False
        self._lock = threading.Lock()
        self._waiting: list[_Turn[Item, Done]] = []

    def do(self, item: Item) -> Done:
        """What became of `item`. Raises what `work` raised for it."""
        mine = _Turn[Item, Done](item)
        with self._lock:
            self._waiting.append(mine)
            leads = not self._is_under_way
            if leads:
                self._is_under_way = True
                mine.group = self._next_group()
        if not leads:
            mine.woken.acquire()
        if mine.group is not None:
            self._lead(mine, mine.group)
        if mine.failed is not None:
            raise mine.failed
        return mine.done

    def _lead(self, mine: _Turn[Item, Done], group: list[_Turn[Item, Done]]) -> None:
        try:
            self._settle(group)
        except BaseException as error:  # this thread is ended: nobody may wait for it
            for turn in group:
                turn.failed = error
        finally:
            for turn in group:
                if turn is not mine:
                    turn.woken.release()
            self._hand_over()

    def _settle(self, group: list[_Turn[Item, Done]]) -> None:
        try:
            for turn, done in zip(group, self._work([turn.item for turn in group]), strict=True):
                turn.done = done
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

    def _next_group(self) -> list[_Turn[Item, Done]]:
        group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        return group
