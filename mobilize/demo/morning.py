"""A morning that happens while somebody watches: made in the running demo, through the doors that people use.

The simulated clock is faster than ours and ends with it: what happens on it lies in the past, and the phones
send it like phones that had no network for a while, each deed with its own time. What they text stands in the
carrier's log with its time, and is taken in from there, as after an outage.
"""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mobilize.demo.morning_phones import LinePhone, MemberPhone, Texting
from mobilize.demo.morning_plan import FIRST, LAST, Deed, Gate, Way

PHONES_AT_ONCE = 8
SAID_EVERY = 10  # simulated minutes
LOOK_EVERY_S = 1.0
# Of its clock: what was texted a little before the last look may stand in the carrier's log only now.
OVERLAP = timedelta(minutes=10)
# So that nobody waits for ever when the service has stopped answering.
MOST_REFUSED = 200


@dataclass(frozen=True)
class SimulatedClock:
    """`speed` simulated minutes pass in one of ours; at its end, `LAST`, it shows our time."""

    began: datetime
    speed: float

    @property
    def lasts(self) -> timedelta:
        """On our clock."""
        return timedelta(minutes=(LAST - FIRST) / self.speed)

    @property
    def start(self) -> datetime:
        """Minute 0, a whole minute of our clock."""
        start = self.began + self.lasts - timedelta(minutes=LAST)
        return start.replace(second=0, microsecond=0)

    def shows(self, moment: datetime) -> datetime:
        """What it shows at a moment of our clock."""
        minute = FIRST + (moment - self.began).total_seconds() * self.speed / 60
        return self.happens_at(min(minute, LAST))

    def happens_at(self, minute: float) -> datetime:
        """When something of that minute happened, as the phones say it."""
        return self.start + timedelta(minutes=minute)

    def seconds_until(self, minute: float) -> float:
        """How long after the beginning that is on our clock."""
        return (minute - FIRST) * 60 / self.speed


@dataclass
class Morning:
    """What is going on, and what has come of it: `done` and `refused` deeds by way."""

    gates: Sequence[Gate]
    deeds: Sequence[Deed]
    clock: SimulatedClock
    base: str
    lines: Mapping[int, LinePhone]
    texting: Texting | None
    now: Callable[[], datetime]
    # Takes in what stands in the carrier's log since then.
    take_texts: Callable[[datetime], object] = lambda _since: None
    # How many texts had left before this morning: chairs answer what they are asked now.
    texts_before: int = 0
    done: Counter[Way] = field(default_factory=Counter)
    refused: Counter[Way] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)
    _asked: set[str] = field(default_factory=set)
    _will_answer: dict[str, int] = field(default_factory=dict)
    _one_counts: threading.Lock = field(default_factory=threading.Lock)

    def run(self, say: Callable[[str], None]) -> None:
        """Everything in its time, until the end, `stop()` or Ctrl-C; no phone is busy when it returns."""
        phones = ThreadPoolExecutor(PHONES_AT_ONCE)
        try:
            if self.texting:
                phones.submit(self._listen, self.texting)
            self._all(phones, say)
        finally:
            with _uninterrupted():
                self.stop()
                phones.shutdown(cancel_futures=True)

    def stop(self) -> None:
        """No further deed begins."""
        self.stopping.set()

    def _all(self, phones: ThreadPoolExecutor, say: Callable[[str], None]) -> None:
        began, say_at = time.monotonic(), FIRST
        under_way: list[Future[None]] = []
        for deed in self.deeds:
            self._wait_for(deed.minute, began)
            if self.stopping.is_set() or self.refused.total() > MOST_REFUSED:
                return
            if deed.minute >= say_at:
                say(self._so_far(say_at))
                say_at += SAID_EVERY
            under_way.append(phones.submit(self._do, deed))
        self._wait_for(LAST, began)
        # On a busy machine phones are late: what they do has its own time, and is waited for.
        for one in under_way:
            if self.refused.total() <= MOST_REFUSED:
                one.result()

    def _wait_for(self, minute: float, began: float) -> None:
        self.stopping.wait(max(self.clock.seconds_until(minute) - (time.monotonic() - began), 0))

    def _do(self, deed: Deed) -> None:
        try:
            done = self._one(deed, self.gates[deed.at])
        except (OSError, ValueError, KeyError):
            done = False
        if done is not None:
            self._note(deed.way, done)

    def _note(self, way: Way, done: bool) -> None:
        with self._one_counts:
            (self.done if done else self.refused)[way] += 1

    def _one(self, deed: Deed, gate: Gate) -> bool | None:
        """Whether the service took it; None for an answer that waits for its question."""
        now = self.now()
        at, who = min(self.clock.happens_at(deed.minute), now), deed.who
        if deed.way is Way.PHONE and who:
            return MemberPhone(self.base).check_in(gate.code, who.number or who.phone, at, now)
        if deed.way is Way.TEXT and who:
            return self.texting is not None and self.texting.say(who.phone, f"HERE {gate.text_code}", at)
        if deed.way is Way.ANSWER:
            return self._answer(gate.chair, deed.n)
        line = self.lines[deed.at]
        if deed.way is Way.TICK and who:
            return line.do("tick", at, now, member=who.id)
        return line.do(deed.way.value, at, now, n=deed.n)

    def _answer(self, chair: str, n: int) -> bool | None:
        """A chair answers when she was asked; before, she keeps her number in mind."""
        with self._one_counts:
            if chair not in self._asked:
                self._will_answer[chair] = n
                return None
        return self.texting is not None and self.texting.say(chair, str(n))

    def _listen(self, texting: Texting) -> None:
        """Hear whom the service asks and answer for those who have counted; see that texts are taken in."""
        heard, looked = self.texts_before, self.clock.began
        while not self.stopping.wait(LOOK_EVERY_S):
            try:
                arrived = texting.arrived(heard)
                self.take_texts(self.clock.shows(looked) - OVERLAP)
            except (OSError, ValueError):
                continue
            heard, looked = heard + len(arrived), self.now()
            asked = {phone for phone, body in arrived if "?" in body}
            with self._one_counts:
                self._asked |= asked
                ready = {phone: self._will_answer.pop(phone) for phone in asked & set(self._will_answer)}
            for phone, n in ready.items():
                self._note(Way.ANSWER, texting.say(phone, str(n)))
        self.take_texts(self.clock.shows(looked) - OVERLAP)

    def _so_far(self, minute: int) -> str:
        came = sum(self.done[way] for way in (Way.PHONE, Way.TICK, Way.TEXT))
        counts = self.done[Way.ANSWER] + self.done[Way.HEAD_COUNT]
        return f"  {minute:+4d} min   {came:5d} check-ins   {counts:3d} head counts"


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Whoever presses Ctrl-C again is not told of it by a traceback: phones finish what they are at."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
