"""One round: 200 texts and trouble while they leave.

The next one begins at once, with numbers of its own: there is no calm between them. When a round's texts have
come to rest the books are compared with the ledger.
"""

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from mobilize import clock
from mobilize.database import db, new_id
from mobilize.keys.crypto import blind_index
from mobilize.texts.consent.suppressions import CONFIRM_WITHIN
from mobilize.texts.models import Attempt, AttemptOutcome, OutboxText, TextClass, TextState
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.texts.sending.reconciling import NOT_FOUND
from tests.chaos.ground import Ground
from tests.chaos.troubles import plan_troubles

SETTLED = {TextState.ACCEPTED, TextState.SENT, TextState.DELIVERED}
SETTLES_WITHIN_S = 240.0
# In words of one's own, which we confirm with one text, and the carrier's keyword, which it confirms itself.
WISHES = ("stop texting me", "STOP")
# So many rounds have numbers of their own, 555-0000 to 555-9999; then the first serve again.
SETS = 50
PHONES_A_SET = 10_000 // SETS


@dataclass(frozen=True)
class Round:
    """`name` stands in its purposes and bodies. Texts not at rest so long after `began` are lost."""

    name: str
    phones: list[str]
    began: float


@dataclass
class Tally:
    """The tally of the rounds so far. `of`: chaos, or the sabotage whose rounds these are. `to_person`: what
    a log did not show, and nobody sends again; `by_second`: left by the second carrier."""

    of: str = "chaos"
    rounds: int = 0
    faults: int = 0
    sent: int = 0
    lost: int = 0
    doubled: int = 0
    unwanted: int = 0
    to_person: int = 0
    by_second: int = 0
    unknown_explained: int = 0
    explained: list[str] = field(default_factory=list)

    @property
    def is_off(self) -> bool:
        return bool(self.lost or self.doubled or self.unwanted)


def play(ground: Ground, dice: random.Random, tally: Tally, n: int, *, size: int = PHONES_A_SET) -> Round:
    """Queue round `n` and make trouble while it leaves; `compare` says later what came of it.

    `tally.of` begins its name, and says which troubles.
    """
    phones = [f"+1213555{(n % SETS) * PHONES_A_SET + i:04d}" for i in range(size)]
    ground.keep_up()
    for phone in [phone for phone in phones if ground.stopped.pop(phone, None)]:
        say(phone, "START")
    for phone in dice.sample(phones, 4):
        ground.stopped[phone] = say(phone, _wish(ground, dice))
    playing = Round(f"{tally.of}{n}", phones, time.monotonic())
    _plan_twice(ground, playing)
    tally.faults += _make_trouble(ground, dice, tally.of)
    return playing


def is_over(ground: Ground, playing: Round, settle_s: float = SETTLES_WITHIN_S) -> bool:
    """All its texts are at rest, or it has been waited for long enough."""
    ground.keep_up()
    db.session.rollback()
    open_states = OutboxText.state.not_in([*SETTLED, TextState.DROPPED, TextState.STUCK])
    waiting = select(func.count()).where(_of(playing), open_states)
    return time.monotonic() > playing.began + settle_s or not db.session.scalar(waiting)


def say(phone: str, body: str) -> datetime:
    """A text from `phone` to us; returns a moment at which it is committed."""
    take_inbound(f"SM{new_id().hex}", phone, body, now=clock.now())
    return clock.now()


def _wish(ground: Ground, dice: random.Random) -> str:
    """Without the unique key no confirmation can be queued: then the keyword alone."""
    return dice.choice(WISHES) if ground.plan is queue_texts else WISHES[-1]


def _plan_twice(ground: Ground, playing: Round) -> None:
    """Two planners at once, as two beats have it."""
    now = clock.now()
    texts = [(phone, f"{playing.name} {phone}") for phone in playing.phones]
    planned = [
        PlannedText(
            purpose=f"{playing.name}:1:1", phone=phone, wording="as_written", language="en",
            text_class=TextClass.REQUESTED, tz="UTC", due_at=now, expires_at=now + timedelta(hours=1),
            merge_fields={"body": body},
        )
        for phone, body in texts
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


def _make_trouble(ground: Ground, dice: random.Random, which: str) -> int:
    """Everything that goes wrong in this round; returns how many things did."""
    done, began = 0, time.monotonic()
    for at_s, trouble in sorted(plan_troubles(ground, dice, which), key=lambda planned: planned[0]):
        time.sleep(max(0.0, began + at_s - time.monotonic()))
        trouble()
        ground.keep_up()
        done += 1
        for phone in _under_way(dice):
            ground.stopped.setdefault(phone, say(phone, _wish(ground, dice)))
            done += 1
    return done + met_since(ground)


def met_since(ground: Ground) -> int:
    """The number of calls the carriers have spoilt since the last look."""
    met = 0
    for carrier in ground.carriers:
        spoilt, carrier.faults.met = carrier.faults.met, {}
        met += sum(spoilt.values())
    return met


def _under_way(dice: random.Random) -> list[str]:
    """At times somebody says STOP whose text is between claim and call."""
    db.session.rollback()
    claimed = select(OutboxText).where(OutboxText.state == TextState.CLAIMED).limit(1)
    texts = db.session.scalars(claimed).all() if dice.random() < 0.5 else []
    return [text.to for text in texts]


def compare(ground: Ground, playing: Round, tally: Tally) -> None:
    """The books against the ledger: lost, doubled, unwanted; and how many unknowns were explained."""
    db.session.rollback()
    texts = db.session.scalars(select(OutboxText).where(_of(playing))).all()
    numbers = {blind_index("phone", phone): ground.stopped.get(phone) for phone in playing.phones}
    taken = ground.taken()
    for text in texts:
        stopped_at = numbers[text.phone_index]
        dropped = text.state is TextState.DROPPED and stopped_at is not None
        left = text.state in SETTLED and taken[f"{playing.name} {text.to}"] > 0
        waits_for_a_person = text.state is TextState.STUCK and text.reason == NOT_FOUND
        tally.to_person += waits_for_a_person
        if not left and not dropped and not waits_for_a_person:
            tally.lost += 1
            tally.explained.append(f"{playing.name}: {text.id} is {text.state.value}")
    for phone in playing.phones:
        tally.unwanted += _unwanted(ground, phone)
    unknown = Attempt.outcome.in_([AttemptOutcome.ADOPTED, AttemptOutcome.NOT_FOUND])
    of_these = Attempt.outbox_id.in_([text.id for text in texts])
    tally.unknown_explained += db.session.scalar(select(func.count()).where(of_these, unknown)) or 0
    by_second = Attempt.sid.is_not(None), Attempt.carrier != "twilio"
    tally.by_second += db.session.scalar(select(func.count()).where(of_these, *by_second)) or 0
    tally.rounds += 1
    count_again(ground, tally)


def _unwanted(ground: Ground, phone: str) -> int:
    """How many texts to this number, whichever they are, were claimed after its STOP. One confirmation of it,
    within five minutes and taken once, is none of them."""
    stopped_at, of_number = ground.stopped.get(phone), OutboxText.phone_index == blind_index("phone", phone)
    sent = db.session.execute(
        select(OutboxText.id, OutboxText.idempotency_key, Attempt.started_at)
        .join(Attempt, Attempt.outbox_id == OutboxText.id)
        .where(of_number)
        .order_by(Attempt.started_at)
    ).all()
    confirming = [row for row in sent if row.idempotency_key.startswith("opt_out:")]
    twice = max(0, ground.confirmed[phone] - len({row.id for row in confirming}))
    if stopped_at is None:
        return twice
    within = [row.id for row in confirming if stopped_at < row.started_at < stopped_at + CONFIRM_WITHIN]
    allowed = set(within[:1])
    return twice + sum(row.started_at > stopped_at and row.id not in allowed for row in sent)


def count_again(ground: Ground, tally: Tally) -> None:
    """What the carrier has taken in all these rounds so far, and how much of it more than once."""
    times = [n for body, n in ground.taken().items() if body.startswith(tally.of)]
    tally.sent = sum(times)
    tally.doubled = tally.sent - len(times)


def _of(playing: Round) -> ColumnElement[bool]:
    return OutboxText.idempotency_key.startswith(f"{playing.name}:")
