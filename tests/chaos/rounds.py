"""One round: 200 texts, trouble while they leave, calm, and then the books are compared with the ledger."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from mobilize import clock
from mobilize.crypto import blind_index
from mobilize.database import db, new_id
from mobilize.texts.inbound import take_inbound
from mobilize.texts.models import Attempt, OutboxText, Outcome, TextClass, TextState
from mobilize.texts.operations import PlannedText
from tests.chaos.ground import Ground
from tests.chaos.troubles import plan_troubles

SETTLED = {TextState.ACCEPTED, TextState.SENT, TextState.DELIVERED}
SETTLES_WITHIN_S = 150.0


@dataclass
class Found:
    """What the rounds so far have shown."""

    rounds: int = 0
    faults: int = 0
    sent: int = 0
    lost: int = 0
    doubled: int = 0
    unwanted: int = 0
    unknown_explained: int = 0
    explained: list[str] = field(default_factory=list)

    @property
    def is_off(self) -> bool:
        return bool(self.lost or self.doubled or self.unwanted)


def play(
    ground: Ground,
    dice: random.Random,
    found: Found,
    *,
    size: int = 200,
    troubles: str = "all",
    settle_s: float = SETTLES_WITHIN_S,
) -> None:
    """Play one round and add what it showed to `found`."""
    name = f"chaos{found.rounds + 1}"
    phones = [f"+1213555{n:04d}" for n in range(size)]
    ground.keep_up()
    for phone in phones:
        say(phone, "START")
    stopped = {phone: say(phone, "STOP") for phone in dice.sample(phones, 4)}
    _plan_twice(ground, name, phones)
    found.faults += _make_trouble(ground, dice, stopped, troubles)
    _wait_until_settled(ground, name, settle_s)
    _compare(ground, name, stopped, found)
    found.rounds += 1


def say(phone: str, body: str) -> datetime:
    """A text from `phone` to us; returns a moment at which it is committed."""
    take_inbound(f"SM{new_id().hex}", phone, body, now=clock.now())
    return clock.now()


def compare_again(ground: Ground, found: Found) -> None:
    """At the very end: has anything left twice since its round was over?"""
    found.doubled = sum(times - 1 for times in _taken(ground, "chaos").values())
    found.sent = sum(_taken(ground, "chaos").values())


def _plan_twice(ground: Ground, name: str, phones: list[str]) -> None:
    """Two planners at once, as two beats have it."""
    now = clock.now()
    planned = [
        PlannedText(
            purpose=f"{name}:1:1", phone=phone, wording="as_written", language="en", klass=TextClass.ASKED,
            tz="UTC", due_at=now, useless_after=now + timedelta(hours=1), blanks={"body": f"{name} {phone}"},
        )
        for phone in phones
    ]  # fmt: skip

    def plan() -> None:
        with ground.app.app_context():
            ground.plan(planned, now=now)
            db.session.remove()

    planners = [threading.Thread(target=plan) for _ in range(2)]
    for planner in planners:
        planner.start()
    for planner in planners:
        planner.join(60)


def _make_trouble(ground: Ground, dice: random.Random, stopped: dict[str, datetime], which: str) -> int:
    """Everything that goes wrong in this round; returns how many things did."""
    ground.carrier.faults.met.clear()
    done, began = 0, time.monotonic()
    for at_s, trouble in sorted(plan_troubles(ground, dice, which), key=lambda planned: planned[0]):
        time.sleep(max(0.0, began + at_s - time.monotonic()))
        trouble()
        ground.keep_up()
        done += 1
        for phone in _under_way(dice):
            stopped.setdefault(phone, say(phone, "STOP"))
            done += 1
    if which == "all":
        ground.carrier.faults.update({"next": {}, "shares": {}, "list_lag_s": 0, "latency_ms": 5})
    return done + sum(ground.carrier.faults.met.values())


def _under_way(dice: random.Random) -> list[str]:
    """At times somebody says STOP whose text is between claim and call."""
    db.session.rollback()
    claimed = select(OutboxText).where(OutboxText.state == TextState.CLAIMED).limit(1)
    texts = db.session.scalars(claimed).all() if dice.random() < 0.5 else []
    return [text.to for text in texts]


def _wait_until_settled(ground: Ground, name: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ground.keep_up()
        db.session.rollback()
        open_states = OutboxText.state.not_in([*SETTLED, TextState.DROPPED])
        waiting = select(func.count()).where(OutboxText.purpose_key.startswith(f"{name}:"), open_states)
        if not db.session.scalar(waiting):
            return
        time.sleep(0.2)


def _compare(ground: Ground, name: str, stopped: dict[str, datetime], found: Found) -> None:
    """The books against the ledger: lost, doubled, unwanted; and how many unknowns were explained."""
    db.session.rollback()
    texts = db.session.scalars(select(OutboxText).where(OutboxText.purpose_key.startswith(f"{name}:"))).all()
    taken = _taken(ground, name)
    numbers = {phone: blind_index("phone", phone) for phone in stopped}
    for text in texts:
        wanted = text.phone_bix not in numbers.values()
        dropped = text.state is TextState.DROPPED and not wanted
        left = text.state in SETTLED and taken[f"{name} {text.to}"] > 0
        if not left and not dropped:
            found.lost += 1
            found.explained.append(f"{text.id} is {text.state.value}")
    found.doubled += sum(times - 1 for times in taken.values())
    found.sent += sum(taken.values())
    ours = [text.id for text in texts]
    for phone, moment in stopped.items():
        of_hers = [text.id for text in texts if text.phone_bix == numbers[phone]]
        after = select(func.count()).where(Attempt.outbox_id.in_(of_hers), Attempt.started_at > moment)
        found.unwanted += db.session.scalar(after) or 0
    unknown = Attempt.outcome.in_([Outcome.ADOPTED, Outcome.NOT_FOUND])
    found.unknown_explained += (
        db.session.scalar(select(func.count()).where(Attempt.outbox_id.in_(ours), unknown)) or 0
    )


def _taken(ground: Ground, name: str) -> Counter[str]:
    """How often the carrier has taken each body of this round."""
    ledger = ground.carrier.book.ledger()
    return Counter(text["body"] for text in ledger if text["body"].startswith(name))
