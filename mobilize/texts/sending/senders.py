"""Senders: one for each carrier that is set up, and which of them new texts leave by.

With one carrier nothing here runs. With two, new texts leave by the first of CARRIERS that works.
When its calls fail (no answer, 5xx, no connection) it rests, is tried with one text every half minute, and
takes over again as soon as one is answered; when it refuses us altogether (its credentials, our number there)
it is paused until a person has looked. Meanwhile the others send what is new. What it may have taken before
is never theirs: it is looked up first (`reconciling.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, literal_column, or_, select, update
from sqlalchemy.orm import Session

from mobilize import failpoints, settings
from mobilize.database import atomic, db
from mobilize.texts.carriers.base import SendResult
from mobilize.texts.models import AttemptOutcome, OutboxText, Sender
from mobilize.texts.sending.pauses import MAIN_SENDER, add_sender

# The name of each carrier's sender. The first is older than the second; pauses of everything stand on it.
SENDER_OF = {"twilio": MAIN_SENDER, "telnyx": "telnyx"}
# A call that failed counts 2, one that did not takes 1 off: five in a row, or over a third of many.
FAILED, RESTS_AT, MOST = 2, 10, 20
# Longer than a call may take, so that one text at a time is in doubt.
REST = timedelta(seconds=failpoints.seconds(30))
DID_NOT_WORK = (AttemptOutcome.UNKNOWN, AttemptOutcome.NOT_SENT)


@dataclass(frozen=True)
class Route:
    """What a claim takes for a sender: new texts and those bound to its carrier, or the latter alone.
    `probes`: it rests, and is tried with one text. `is_one_of_many`: there are others."""

    sender: str
    carrier: str
    takes_new: bool = True
    probes: bool = False
    is_one_of_many: bool = True


# With one carrier, all that leaves leaves by its sender.
ALONE = {carrier: Route(sender, carrier, is_one_of_many=False) for carrier, sender in SENDER_OF.items()}


def routes(now: datetime) -> list[Route]:
    """The senders to claim for now: whoever is tried with one text, then the one that new texts leave by,
    then those that something waits for."""
    names = {SENDER_OF[name]: name for name in settings().carriers_set_up}
    rows = {row.name: row for row in _rows()}
    works = [sender for sender in names if sender not in rows or is_working(rows[sender])]
    probed = [sender for sender in names if sender not in works and may_probe(rows[sender], now)]
    chosen = [Route(sender, names[sender], probes=True) for sender in probed]
    chosen += [
        Route(sender, names[sender], takes_new=sender == works[0])
        for sender in works
        if sender == works[0] or _is_awaited(names[sender], now)
    ]
    # Where none works and none may be tried, what no pause holds still leaves by the first that is paused.
    refused = [sender for sender in names if sender not in works and rows[sender].rest_until is None]
    return chosen or [Route(sender, names[sender]) for sender in refused[:1]]


def pausing_everything() -> list[Sender]:
    """The senders because of whose pause all stands still that a pause holds: with several carriers, none as
    long as another sends what one refuses."""
    rows = _rows()
    paused = [row for row in rows if row.paused_at is not None]
    of_everything = [row for row in paused if not is_refused(row)]
    names = {SENDER_OF[name] for name in settings().carriers_set_up}
    if of_everything or len(names) < 2:
        return of_everything or paused
    return paused if names <= {row.name for row in paused} else []


def preferred() -> list[Sender]:
    """The senders of the carriers that are set up, as they are preferred, without those that never sent."""
    rows = {row.name: row for row in _rows()}
    return [rows[name] for name in map(SENDER_OF.get, settings().carriers_set_up) if name in rows]


def is_working(sender: Sender) -> bool:
    """New texts may leave by it: it neither rests nor was refused by its carrier."""
    return sender.rest_until is None and not is_refused(sender)


def is_refused(sender: Sender) -> bool:
    """Its carrier has said that it takes nothing from us, and nobody has looked since."""
    return sender.paused_at is not None and (sender.paused_reason or "").startswith("carrier_")


def everything_is_paused(session: Session) -> bool:
    """A pause of everything stands on the main sender."""
    main = session.get(Sender, MAIN_SENDER, populate_existing=True)
    return main is not None and main.paused_at is not None and not is_refused(main)


def leaves_by(route: Route) -> ColumnElement[bool]:
    """SQL: the text may leave by this route."""
    bound = OutboxText.carrier == route.carrier
    return or_(OutboxText.carrier.is_(None), bound) if route.takes_new else bound


def may_probe(sender: Sender, now: datetime) -> bool:
    """It has rested; asked again in the claim, for another worker may have tried it meanwhile."""
    return sender.rest_until is not None and sender.rest_until <= now and not is_refused(sender)


def note_calls(answers: Iterable[tuple[str, SendResult]], *, now: datetime) -> None:
    """How calls to each carrier ended: whoever fails too often rests, whoever answers again works. Senders
    are locked in one order, before anything else of the same transaction locks one."""
    failed: dict[str, int] = defaultdict(int)
    answered: dict[str, int] = defaultdict(int)
    for carrier, answer in answers:
        (failed if answer.outcome in DID_NOT_WORK else answered)[carrier] += 1
    for carrier in sorted({*failed, *answered}):
        _note(carrier, failed[carrier], answered[carrier], now)


def other_than(carrier: str) -> str | None:
    """Another carrier that is set up."""
    return next((name for name in settings().carriers_set_up if name != carrier), None)


def _is_awaited(carrier: str, now: datetime) -> bool:
    """Something is due that this carrier alone may send."""
    waiting = OutboxText.state == literal_column("'waiting'")  # a literal, so that the partial index is used
    due = exists().where(waiting, OutboxText.carrier == carrier, OutboxText.next_try_at <= now)
    return bool(db.session.scalar(select(due)))


def _rows() -> Sequence[Sender]:
    return db.session.scalars(select(Sender).execution_options(populate_existing=True)).all()


def _note(carrier: str, failed: int, answered: int, now: datetime) -> None:
    name = SENDER_OF[carrier]
    with atomic() as session:
        if not failed:
            in_trouble = or_(Sender.trouble > 0, Sender.rest_until.is_not(None))
            works = update(Sender).where(Sender.name == name, in_trouble)
            session.execute(works.values(trouble=0, rest_until=None))
            return
        add_sender(name, now=now)
        sender = session.get_one(Sender, name, with_for_update=True, populate_existing=True)
        sender.carrier = carrier
        sender.trouble = min(MOST, max(0, sender.trouble - answered) + FAILED * failed)
        if sender.trouble >= RESTS_AT:
            sender.rest_until = now + REST
