"""The night it all goes wrong: `make chaos ONLY=all`, and the hour in which nothing does: `ONLY=soak`.

A tenth of a morning's load, people who text back and say STOP, and one to three faults at once, drawn from
`tests.chaos.faults` by SEED; now and then a backup is put back. Afterwards the promises I1 to I10 are looked
at; one JSON object comes out. ROUNDS says how many faults (60; 200 for a long run), MINUTES when to stop at
the latest. Then the same on services with one promise taken out: the checks must find each of them.
"""

import json
import os
import random
import re
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import psycopg
from sqlalchemy import func, select

from bench.process_use import pss
from mobilize import audit, clock
from mobilize.database import db
from mobilize.demo import child_process
from mobilize.demo.carrier import callbacks
from mobilize.demo.carrier.server import INBOUND_PATH
from mobilize.texts.models import Inbound, OutboxText, TextState
from mobilize.texts.operations import PlannedText
from mobilize.texts.queries import is_opted_out
from mobilize.texts.receiving.missed_events import take_missed_texts
from tests.chaos import checkin, faults
from tests.chaos.service import Service, standing
from tests.cluster.morning import TICKED, Morning
from tests.services.databases import opened

PHONES = 400
SAYS = ("1", "2", "thank you", "stop texting me", "STOP")
SETTLES_WITHIN_S = 240.0
# What was claimed before somebody said STOP may leave within a claim's time, or of a host that stood still.
CLAIMED_BEFORE_S = 3 + faults.LASTS_S
RESTORE = "a backup of minutes ago is put back"
RESTORE_EVERY = 20
DISK_MB = 900
# By then every statement of the clock was compiled, and every task that comes once a minute has run.
WARM_S = 120.0
WAITING = (TextState.WAITING, TextState.CLAIMED, TextState.UNKNOWN)
PROMISES = ("I1_lost", "I2_twice", "I3_visible", "I4_doubled", "I5_unexplained", "I6_unwanted", "I7_inbound",
            "I8_wrong", "I9_chain", "I10_in_logs")  # fmt: skip
# A phone's number or a member's, as the load has them.
_PERSONAL = re.compile(rb"(?<![0-9A-Za-z=])(?:\+?1?213555\d{4}|0000\d{4})(?![0-9A-Za-z])")
# What is taken out, the fault in which it must show, and the promise that shows it.
SABOTAGES = {
    "drop_unique_key": ("database: connections cut, also after COMMIT", "I2_twice"),
    "answer_early": ("web: kill -9 of a process that answers", "I1_lost"),
    "show_errors": ("database: kill -9", "I3_visible"),
    "retry_blindly": ("carrier: takes it, then no answer", "I4_doubled"),
    "skip_opt_outs": ("redis: emptied", "I6_unwanted"),
}


class Night(Morning):
    """The load of a morning, and people who text back. `stopped`: who has said STOP, and when that was
    acknowledged; `in_doubt`: who said so, or START, and got no answer."""

    def __init__(self, service: Service):
        super().__init__(service)
        self.service = service
        self.stopped: dict[str, float] = {}
        self.in_doubt: set[str] = set()

    def begin(self) -> None:
        super().begin()
        for does, per_second in {self._say_something: 1.0, self._tap_on_two_phones: 0.5}.items():
            self.clocks.append(threading.Thread(target=self._repeat, args=(does, per_second)))
            self.clocks[-1].start()

    def text(self, body: str) -> PlannedText:
        planned = super().text(body)
        return PlannedText(**{**vars(planned), "phone": _phone(int(body.split()[1]))})

    def mark(self) -> None:
        """What is acknowledged by now is in the backup."""
        self.marked = self.all_members(), dict(self.ticks), self.supporters, set(self.texts)

    def forget_since_mark(self) -> None:
        """What was acknowledged since then is gone with the database."""
        members, self.ticks, self.supporters, self.texts = self.marked
        for phase in self.phases:
            phase.members.clear()
        self.phases[-1].members += members

    def examine(self) -> dict[str, int]:
        """The ten promises, once everything has come to rest or time is up. 0 is good."""
        with opened(self.app), psycopg.connect(self.place.direct_url, autocommit=True) as rows:
            take_missed_texts(clock.now() - timedelta(hours=2))
            _wait_until_at_rest()
            results = self.compare(rows)
            answers = sum((one.answers for one in self.phases), Counter())
            taken = Counter(text["body"] for text in self.place.carrier.store.ledger())
            return {
                "I1_lost": results["check_ins_lost"] + results["ticks_lost"] + abs(results["supporters_off"]),
                "I2_twice": results["counted_twice"],
                "I3_visible": sum(n for (_, what), n in answers.items() if _is_error(what)),
                "I4_doubled": sum(n - 1 for body, n in taken.items() if body.startswith("text ")),
                "I5_unexplained": self._unexplained(taken),
                "I6_unwanted": self._unwanted(),
                "I7_inbound": self._inbound_off(),
                "I8_wrong": results["do_not_add_up"],
                "I9_chain": int(not audit.verify().holds),
                "I10_in_logs": sum(_told_in(log) for log in self.service.logs()),
            }

    def _tap_on_two_phones(self) -> None:
        """Somebody checks in on two phones at the same moment."""
        number = self._somebody()
        both = [threading.Thread(target=self.check_in, args=(number,)) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()

    def _say_something(self) -> None:
        """One of the phones texts us, and waits until it was taken, as the carrier does for it."""
        phone = _phone(self.dice.randrange(PHONES))
        body = "START" if phone in self.stopped or phone in self.in_doubt else self.dice.choice(SAYS)
        if body == "START":
            self.stopped.pop(phone, None)
        message = self.service.carrier.store.receive(phone, body)
        is_taken = self._post(message.sid, phone, body) == 200
        if not is_taken:
            self.in_doubt.add(phone)
        elif "stop" in body.lower():
            self.stopped[phone] = time.time()
        else:
            self.in_doubt.discard(phone)

    def _post(self, sid: str, phone: str, body: str) -> int:
        carrier = self.service.carrier
        form = {"MessageSid": sid, "AccountSid": carrier.account, "From": phone, "To": carrier.store.number,
                "Body": body, "NumMedia": "0", "NumSegments": "1"}  # fmt: skip

        def headers(address: str) -> dict[str, str]:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            return kind | {"X-Twilio-Signature": callbacks.signature(carrier.token, address, form)}

        return callbacks.post(self.place.public + INBOUND_PATH, urlencode(form), headers)

    def _unexplained(self, taken: "Counter[str]") -> int:
        """Texts that were queued, have not left, and of which nothing says why."""
        gone = (TextState.DROPPED, TextState.STUCK, TextState.FAILED)
        keys = db.session.scalars(select(OutboxText.idempotency_key).where(OutboxText.state.in_(gone)))
        explained = {key.split(":")[1] for key in keys if key.startswith("cluster:")}
        return sum(not taken[body] and body not in explained for body in self.texts)

    def _unwanted(self) -> int:
        """Texts that were taken for somebody who had said STOP; one that confirms it is none."""
        return sum(
            text["to"] in self.stopped
            and text["created_at"] > self.stopped[text["to"]] + CLAIMED_BEFORE_S
            and "no more texts" not in text["body"]
            for text in self.place.carrier.store.ledger()
        )

    def _inbound_off(self) -> int:
        """Texts to us that are missing, or there twice; and people whose last word is not what we go by."""
        sent = {one.sid for one in self.place.carrier.store.messages if one.direction == "inbound"}
        stored = list(db.session.scalars(select(Inbound.sid)))
        others = {_phone(n) for n in range(PHONES)} - self.in_doubt
        misread = sum(is_opted_out(phone) != (phone in self.stopped) for phone in others)
        return len(sent - set(stored)) + len(stored) - len(set(stored)) + misread

    def all_members(self) -> list[int]:
        return [number for phase in self.phases for number in phase.members]


def main() -> int:
    """`make chaos ONLY=all`. Returns the exit code."""
    number, seed = int(os.environ.get("ROUNDS") or 60), int(os.environ.get("SEED") or 0)
    seed = seed or random.SystemRandom().randrange(1, 1_000_000)
    minutes = float(os.environ.get("MINUTES") or 20 * number / 60)
    fields = run(number, seed, minutes=minutes, restores=True)
    tried = SABOTAGES if os.environ.get("SABOTAGE") != "no" else {}
    fields |= {"sabotage_tried": len(tried), "sabotage_caught": sum(is_caught(name) for name in tried)}
    print(json.dumps(fields))
    is_off = any(fields[name] for name in PROMISES) or fields["broken"]
    return int(bool(is_off) or fields["sabotage_caught"] < len(tried))


def run(number: int, seed: int, *, minutes: float, restores: bool) -> dict[str, object]:
    """So many faults, or as many as fit into the time; what was met, how soon the next check-in was answered
    after each, and the promises."""
    _shorten()
    dice = random.Random(seed)
    met: Counter[str] = Counter()
    slowest: dict[str, float] = {}
    broken: list[str] = []
    members = TICKED + int(minutes * 60 * 5) + 300
    with ExitStack() as ground:
        disk = ground.enter_context(checkin.small_disk(DISK_MB)) if restores else None
        service = ground.enter_context(standing(members, disk=disk))
        night, decks = Night(service), dict[str, list[faults.Fault]]()
        night.phase("before")
        night.begin()
        time.sleep(2)
        ends = time.monotonic() + 60 * minutes
        while sum(met.values()) < number and time.monotonic() < ends:
            chosen = faults.choose(dice, service, decks)
            is_time = restores and sum(met.values()) // RESTORE_EVERY > met[RESTORE]
            names = [RESTORE] if is_time else [fault.name for fault in chosen]
            night.phase(" + ".join(names))
            strikes = [_restore] if is_time else [fault.strikes for fault in chosen]
            broken += _strike(night, service, strikes, dice)
            met.update(names)
            after = _first_answer(night)
            slowest |= {name: max(slowest.get(name, 0.0), round(after, 1)) for name in names}
            _say(f"{sum(met.values())}. {night.phases[-1].name}: answered again after {after:.1f} s")
            if os.environ.get("QUIET") != "yes":
                _say(f"   {dict(night.phases[-1].answers)}")
            time.sleep(2)
        _heal(service)
        night.end()
        results = night.examine()
    return {
        "seed": seed,
        "faults": sum(met.values()),
        "kinds": len(met),
        "check_ins": len(night.all_members()),
        "ticks": len(night.ticks),
        "texts": len(night.texts),
        **results,
        "broken": broken,
        "slowest_answer_s": dict(sorted(slowest.items(), key=lambda one: -one[1])[:5]),
    }


def is_caught(sabotage: str) -> bool:
    """With this promise taken out: do the checks notice?"""
    _shorten()
    name, shows = SABOTAGES[sabotage]
    with standing(TICKED + 300, sabotage=sabotage) as service:
        night = Night(service)
        night.phase(name)
        night.begin()
        time.sleep(6)
        strikes = [fault.strikes for fault in faults.FAULTS if fault.name == name]
        _strike(night, service, strikes, random.Random(1))
        time.sleep(CLAIMED_BEFORE_S + 20 if shows == "I6_unwanted" else 4)
        _heal(service)
        night.end()
        results = night.examine()
    _say(f"sabotage {sabotage}: {results}")
    return bool(results[shows])


def soak() -> int:
    """`make chaos ONLY=soak`: MINUTES (60) of the load without a fault. Memory when all of it is warm and at
    the end may differ by 5 %."""
    minutes = float(os.environ.get("MINUTES") or 60)
    warm_s = max(WARM_S, 6 * minutes)
    with standing(TICKED + int(minutes * 60 * 5) + 300) as service:
        night = Night(service)
        night.phase("soak")
        night.begin()
        time.sleep(warm_s)
        first = _memory(service)
        time.sleep(max(WARM_S, 60 * minutes - warm_s))
        last = _memory(service)
        night.end()
        results = night.examine()
    grown = {name: round(100 * (last[name] / first[name] - 1), 1) for name in first}
    megabytes = {name: round(n / 1e6) for name, n in last.items()}
    print(json.dumps({"minutes": minutes, **results, "grown_percent": grown, "megabytes": megabytes}))
    return int(any(results.values()) or any(percent > 5 for percent in grown.values()))


def _memory(service: Service) -> dict[str, int]:
    assert service.line.web is not None
    roots = {"web": service.line.web.pid, **{name: one.pid for name, one in service.running.items()}}
    return {name: pss(pid) for name, pid in roots.items()}


def _strike(night: Night, service: Service, strikes: list, dice: random.Random) -> list[str]:  # type: ignore[type-arg]
    """All of them at once, nearly; the errors that they met themselves."""
    errors: list[str] = []

    def strike(does, after: float) -> None:  # type: ignore[no-untyped-def]
        time.sleep(after)
        try:
            does(night) if does is _restore else does(service)
        except Exception as error:
            errors.append(f"{night.phases[-1].name}: {type(error).__name__}: {str(error)[-300:]}")

    threads = [threading.Thread(target=strike, args=(one, dice.uniform(0, 2))) for one in strikes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    service.keep_up()
    return errors


def _restore(night: Night) -> None:
    """A backup is made, the morning goes on for some seconds, and then the database is that backup again."""
    service = night.service
    night.rest()
    file = json.loads(service.command("backup", "--json"))["name"]
    night.mark()
    night.go_on()
    time.sleep(faults.LASTS_S / 2)
    night.rest()
    web = service.line.web
    assert web is not None
    child_process.stop(web, *service.running.values())
    checkin.cut_connections(service.line, seconds=0.3)
    path = str(service.folder / "backups" / file)
    try:
        service.command("restore", path, "--identity", str(service.identity), "--replace")
        night.forget_since_mark()
    finally:
        service.line.serve()
        service.wait_until_up()
        service.keep_up()
        night.go_on()


def _heal(service: Service) -> None:
    """Nothing is broken any more."""
    service.carrier.faults.update(
        {"next": {}, "shares": {}, "list_trouble": "", "receipts_lost": 0, "receipt_delay_ms": 30}
    )
    service.keep_up()


def _first_answer(night: Night) -> float:
    """Seconds until the next check-in is acknowledged; 99 when none is within a minute."""
    over = time.monotonic()
    while time.monotonic() < over + 60:
        if any(at > over for at in list(night.phases[-1].acknowledged[-50:])):
            return time.monotonic() - over
        time.sleep(0.05)
    return 99.0


def _wait_until_at_rest() -> None:
    deadline = time.monotonic() + SETTLES_WITHIN_S
    waiting = select(func.count()).where(OutboxText.state.in_(WAITING))
    while db.session.scalar(waiting) and time.monotonic() < deadline:
        db.session.rollback()
        time.sleep(0.5)
    db.session.rollback()


def _shorten() -> None:
    checkin.FROZEN_SECONDS = checkin.LOCKED_SECONDS = faults.LASTS_S


def _told_in(log: Path) -> int:
    """The numbers of people in a log, each said on stderr with what stands before it."""
    text = log.read_bytes()
    hits = [match.start() for match in _PERSONAL.finditer(text)]
    for at in hits[:5]:
        _say(f"{log.name}: {text[max(0, at - 160) : at + 30]!r}")
    return len(hits)


def _is_error(what: str) -> bool:
    return what.startswith("error") or what == "refused"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _phone(n: int) -> str:
    return f"+1213555{n % PHONES:04d}"
