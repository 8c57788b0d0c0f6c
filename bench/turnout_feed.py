"""Members arrive at their lines, for the turnout bench: `python -m bench.turnout_feed ACTION_ID`."""

import secrets
import sys
import time
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

import config
from mobilize import clock, create_app
from mobilize.actions.models import Action, Eligible, Event
from mobilize.checkins.models import Attendance, Method
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.operations import check_in
from mobilize.database import db

A_SECOND = 200


def main(action_id: UUID) -> None:
    """Check in 200 a second until somebody ends this, or everybody is in."""
    with create_app(config.load()).app_context():
        action = db.session.get_one(Action, action_id)
        at, missing = action.starts_at + timedelta(minutes=5), _missing(action_id)
        started = time.perf_counter()
        for n, (member_id, event_id) in enumerate(missing):
            time.sleep(max(started + n / A_SECOND - time.perf_counter(), 0))
            check_in(
                CheckInRequest(
                    event_id=event_id,
                    nonce=secrets.token_bytes(16),
                    body=b"",
                    method=Method.TICK,
                    happened_at=at,
                    member_id=member_id,
                ),
                now=clock.now(),
            )


def _missing(action_id: UUID) -> list[tuple[UUID | None, UUID]]:
    of_action = select(Event.id).where(Event.action_id == action_id)
    stored = set(db.session.scalars(select(Attendance.member_id).where(Attendance.event_id.in_(of_action))))
    rows = db.session.execute(
        select(Eligible.member_id, Eligible.event_id).where(Eligible.action_id == action_id)
    )
    return [(member, event) for member, event in rows if event and member not in stored]


if __name__ == "__main__":
    main(UUID(sys.argv[1]))
