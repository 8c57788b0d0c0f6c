"""A simulated morning in the running demo, through the pages and texts that people use.

The simulated clock is faster than ours and ends with it: what happens on it lies in the past, and the phones
send it like phones that had no network for a while, each step with its own time. What they text stands in the
carrier's log with its time, and is taken in from there, as after an outage; answers, and what is said in
people's own words, is texted as it is said.
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

from mobilize.demo.simulation.phones import CarrierPhones, LinePhone, MemberPhone
from mobilize.demo.simulation.plan import FIRST_MINUTE, LAST_MINUTE, PlannedStep, SimulatedEvent, StepKind

MAX_PHONES = 8
REPORT_MINUTES = 10  # simulated minutes
POLL_SECONDS = 1.0
# Of its clock: what was texted a little before the last look may stand in the carrier's log only now.
OVERLAP = timedelta(minutes=10)
# So that nobody waits for ever when the service has stopped answering.
MAX_REFUSED = 200


@dataclass(frozen=True)
class SimulatedClock:
    """`speed` simulated minutes pass in one of ours; at its end, `LAST_MINUTE`, it shows our time."""

    started_at: datetime
    speed: float

    @property
    def duration(self) -> timedelta:
        """On our clock."""
        return timedelta(minutes=(LAST_MINUTE - FIRST_MINUTE) / self.speed)

    @property
    def start(self) -> datetime:
        """Minute 0, a whole minute of our clock."""
        start = self.started_at + self.duration - timedelta(minutes=LAST_MINUTE)
        return start.replace(second=0, microsecond=0)

    def reading_at(self, moment: datetime) -> datetime:
        """The reading at a moment of our clock."""
        minute = FIRST_MINUTE + (moment - self.started_at).total_seconds() * self.speed / 60
        return self.happens_at(min(minute, LAST_MINUTE))

    def happens_at(self, minute: float) -> datetime:
        """The time of something in that minute, as the phones say it."""
        return self.start + timedelta(minutes=minute)

    def seconds_until(self, minute: float) -> float:
        """The seconds from the beginning on our clock."""
        return (minute - FIRST_MINUTE) * 60 / self.speed


@dataclass
class SimulatedMorning:
    """The steps of a morning, and how many of each kind the service took (`done`) or refused."""

    events: Sequence[SimulatedEvent]
    steps: Sequence[PlannedStep]
    clock: SimulatedClock
    base: str
    line_phones: Mapping[int, LinePhone]
    carrier: CarrierPhones | None
    now: Callable[[], datetime]
    # Takes in what stands in the carrier's log since then.
    read_texts: Callable[[datetime], object] = lambda _since: None
    # How many texts had left before this morning: chairs answer what they are asked now.
    texts_before: int = 0
    # Members who were asked whether they come before it.
    asked_before: frozenset[str] = frozenset()
    done: Counter[StepKind] = field(default_factory=Counter)
    refused: Counter[StepKind] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)
    _asked_phones: set[str] = field(default_factory=set)
    _pending_answers: dict[str, tuple[StepKind, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, say: Callable[[str], None]) -> None:
        """Everything in its time, until the end, `stop()` or Ctrl-C; no phone is busy when it returns."""
        pool = ThreadPoolExecutor(MAX_PHONES)
        try:
            if self.carrier:
                pool.submit(self._listen, self.carrier)
            self._run_steps(pool, say)
        finally:
            with _ignore_interrupts():
                self.stop()
                pool.shutdown(cancel_futures=True)

    def stop(self) -> None:
        """No further step begins."""
        self.stopping.set()

    def _run_steps(self, pool: ThreadPoolExecutor, say: Callable[[str], None]) -> None:
        started, report_at = time.monotonic(), FIRST_MINUTE
        futures: list[Future[None]] = []
        for step in self.steps:
            self._wait_for(step.minute, started)
            if self.stopping.is_set() or self.refused.total() > MAX_REFUSED:
                return
            if step.minute >= report_at:
                say(self._progress(report_at))
                report_at += REPORT_MINUTES
            futures.append(pool.submit(self._run_step, step))
        self._wait_for(LAST_MINUTE, started)
        # On a busy machine phones are late: what they do has its own time, and is waited for.
        for future in futures:
            if self.refused.total() <= MAX_REFUSED:
                future.result()

    def _wait_for(self, minute: float, started: float) -> None:
        self.stopping.wait(max(self.clock.seconds_until(minute) - (time.monotonic() - started), 0))

    def _run_step(self, step: PlannedStep) -> None:
        try:
            done = self._perform(step, self.events[step.event_index])
        except (OSError, ValueError, KeyError):
            done = False
        if done is not None:
            self._count(step.kind, done)

    def _count(self, kind: StepKind, done: bool) -> None:
        with self._lock:
            (self.done if done else self.refused)[kind] += 1

    def _perform(self, step: PlannedStep, event: SimulatedEvent) -> bool | None:
        """Whether the service took the step; None for an answer that waits for its question."""
        now = self.now()
        at, person = min(self.clock.happens_at(step.minute), now), step.person
        if step.kind is StepKind.PHONE and person:
            return MemberPhone(self.base).check_in(event.code, person.number or person.phone, at, now)
        if step.kind is StepKind.TEXT and person:
            return self.carrier is not None and self.carrier.say(person.phone, f"HERE {event.text_code}", at)
        if step.kind is StepKind.SAY and person:
            return self.carrier is not None and self.carrier.say(person.phone, step.body)
        if step.kind is StepKind.REPLY and person:
            return self._answer_question(step.kind, person.phone, step.body)
        if step.kind is StepKind.ANSWER:
            return self._answer_question(step.kind, event.chair, step.body or str(step.n))
        phone = self.line_phones[step.event_index]
        if step.kind is StepKind.TICK and person:
            return phone.send_item("tick", at, now, member=person.id)
        return phone.send_item(step.kind.value, at, now, n=step.n)

    def _answer_question(self, kind: StepKind, phone: str, body: str) -> bool | None:
        """They answer when asked; an answer that is ready earlier is kept until then."""
        with self._lock:
            was_asked = kind is StepKind.REPLY and phone in self.asked_before
            if not was_asked and phone not in self._asked_phones:
                self._pending_answers[phone] = kind, body
                return None
        return self.carrier is not None and self.carrier.say(phone, body)

    def _listen(self, carrier: CarrierPhones) -> None:
        """Read whom the service asks, answer for those who have counted, and have texts taken in."""
        texts_read, read_at = self.texts_before, self.clock.started_at
        while not self.stopping.wait(POLL_SECONDS):
            try:
                texts = carrier.received(texts_read)
                self.read_texts(self.clock.reading_at(read_at) - OVERLAP)
            except (OSError, ValueError):
                continue
            texts_read, read_at = texts_read + len(texts), self.now()
            phones = {phone for phone, body in texts if "?" in body}
            with self._lock:
                self._asked_phones |= phones
                pending = self._pending_answers
                ready = {phone: pending.pop(phone) for phone in phones & set(pending)}
            for phone, (kind, body) in ready.items():
                self._count(kind, carrier.say(phone, body))
        self.read_texts(self.clock.reading_at(read_at) - OVERLAP)

    def _progress(self, minute: int) -> str:
        check_ins = sum(self.done[kind] for kind in (StepKind.PHONE, StepKind.TICK, StepKind.TEXT))
        counts = self.done[StepKind.ANSWER] + self.done[StepKind.HEAD_COUNT]
        return f"  {minute:+4d} min   {check_ins:5d} check-ins   {counts:3d} head counts"


@contextmanager
def _ignore_interrupts() -> Iterator[None]:
    """A further Ctrl-C makes no traceback: phones finish what they are at."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
