"""Workers and planners with one promise taken out: the checks of the rounds must find each of them.

`python -m tests.chaos.sabotage NAME ...` is `python -m workers ...` with a spoilt worker.
"""

import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import false, text, update

from mobilize.database import atomic, insert
from mobilize.texts import claiming, delivery, failures, operations
from mobilize.texts.models import OutboxText, TextState


def release_early() -> None:
    """What is claimed may be claimed again before it was called."""
    really = delivery.claim

    def claim(*given: Any, **named: Any) -> Any:
        claimed = really(*given, **named)
        with atomic() as session:
            ids = [one.id for one in claimed]
            session.execute(update(OutboxText).where(OutboxText.id.in_(ids)).values(state=TextState.WAITING))
        return claimed

    delivery.claim = claim


def skip_opt_outs() -> None:
    """Nobody asks whether the number has said STOP."""
    claiming.says_stop = delivery.says_stop = lambda _phone: false()


def retry_blindly() -> None:
    """What nobody knows is sent again."""

    def to_unknown(session: Any, outbox_id: Any, n: int, *, now: Any) -> None:
        failures._later(session, outbox_id, n, now)

    failures.to_unknown = to_unknown


def drop_unique_key() -> None:
    """Two planners at once put a text into the outbox twice."""
    with atomic() as session:
        session.execute(text("ALTER TABLE outbox DROP CONSTRAINT IF EXISTS uq_outbox_purpose_key"))
        session.execute(text("ALTER TABLE outbox DROP CONSTRAINT IF EXISTS outbox_purpose_key_key"))


def plan_without_key(planned: Any, *, now: Any) -> None:
    """`queue_texts` as it would be if nothing in the database kept a purpose unique."""
    with atomic() as session:
        session.execute(insert(OutboxText.__table__), [operations._row(one, now, {}) for one in planned])


IN_WORKERS: dict[str, Callable[[], None]] = {
    "release_early": release_early,
    "skip_opt_outs": skip_opt_outs,
    "retry_blindly": retry_blindly,
}


def main() -> None:
    from workers.__main__ import main as run

    IN_WORKERS[sys.argv[1]]()
    sys.argv = ["workers", *sys.argv[2:]]
    run()


if __name__ == "__main__":
    main()
