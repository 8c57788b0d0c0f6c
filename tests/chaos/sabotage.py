"""Workers and planners with one promise taken out: the checks of the rounds must find each of them.

`python -m tests.chaos.sabotage NAME ...` is `python -m workers ...` with a spoilt worker.
"""

import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import false, select, text, update

from mobilize.database import atomic, insert
from mobilize.texts import operations
from mobilize.texts.models import Attempt, OutboxText, TextClass, TextState
from mobilize.texts.sending import claiming, delivery, failures, senders


def release_early() -> None:
    """Let a claimed text be claimed again before it was called."""
    really = delivery.claim

    def claim(*args: Any, **named: Any) -> Any:
        claimed = really(*args, **named)
        with atomic() as session:
            ids = [one.id for one in claimed]
            session.execute(update(OutboxText).where(OutboxText.id.in_(ids)).values(state=TextState.WAITING))
        return claimed

    delivery.claim = claim


def skip_opt_outs() -> None:
    """Nobody asks whether the number has said STOP."""
    claiming.says_stop = delivery.says_stop = lambda _phone: false()


def confirm_with_anything() -> None:
    """Any answer passes as the confirmation of an opt-out."""
    claiming.is_confirmation = delivery.is_confirmation = lambda _now: (
        OutboxText.text_class == TextClass.REQUESTED
    )


def retry_blindly() -> None:
    """Send again what nobody knows."""

    def to_unknown(session: Any, outbox_id: Any, n: int, *, now: Any) -> None:
        failures._later(session, outbox_id, n, now)

    failures.to_unknown = to_unknown


def unknown_by_other() -> None:
    """What nobody knows of one carrier is sent by the other at once."""

    def to_unknown(session: Any, outbox_id: Any, n: int, *, now: Any) -> None:
        this = Attempt.outbox_id == outbox_id, Attempt.n == n
        carrier = session.scalar(select(Attempt.carrier).where(*this))
        failures._later(session, outbox_id, n, now)
        other = update(OutboxText).where(OutboxText.id == outbox_id, OutboxText.state == TextState.WAITING)
        session.execute(other.values(carrier=senders.other_than(carrier)))

    failures.to_unknown = to_unknown


def drop_unique_key() -> None:
    """Two planners at once put a text into the outbox twice."""
    with atomic() as session:
        session.execute(text("ALTER TABLE outbox DROP CONSTRAINT IF EXISTS uq_outbox_idempotency_key"))
        session.execute(text("ALTER TABLE outbox DROP CONSTRAINT IF EXISTS outbox_purpose_key_key"))


def plan_without_key(planned: Any, *, now: Any) -> None:
    """`queue_texts` as it would be if nothing in the database kept a purpose unique."""
    with atomic() as session:
        session.execute(insert(OutboxText.__table__), [operations._row(one, now, {}) for one in planned])


IN_WORKERS: dict[str, Callable[[], None]] = {
    "release_early": release_early,
    "skip_opt_outs": skip_opt_outs,
    "confirm_with_anything": confirm_with_anything,
    "retry_blindly": retry_blindly,
    "unknown_by_other": unknown_by_other,
}


def main() -> None:
    from workers.__main__ import main as run

    IN_WORKERS[sys.argv[1]]()
    sys.argv = ["workers", *sys.argv[2:]]
    run()


if __name__ == "__main__":
    main()
