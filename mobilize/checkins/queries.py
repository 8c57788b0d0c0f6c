"""What can be asked about a line while it stands."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select

from mobilize import crypto
from mobilize.actions.models import Event
from mobilize.actions.queries import chapters_of
from mobilize.checkins.models import (
    Attendance,
    Evidence,
    HeadCount,
    KnownPhone,
    Method,
    Supporters,
    Tier,
    Void,
    Walkup,
)
from mobilize.checkins.typed import Typed
from mobilize.database import db
from mobilize.roster.models import Member, Membership
from mobilize.roster.names import PersonName
from mobilize.tokens import hash_token

SNAPSHOT_SECONDS = 30

_snapshots: dict[uuid.UUID, tuple[float, int]] = {}


@dataclass(frozen=True)
class OnTheList:
    """One member of the chapter as the line page shows her: `name` is short unless two would look alike."""

    id: uuid.UUID
    name: str
    sorted_by: str
    searched_in: str
    tier: Tier | None
    first_at: datetime | None
    ticked: bool


@dataclass(frozen=True)
class LineFigures:
    """The three numbers of a line, never mixed; None means nobody has reported."""

    named: int
    walkups: int
    head_count: int | None
    head_count_at: datetime | None
    supporters: int


def line_figures(event_id: uuid.UUID) -> LineFigures:
    """What stands at one line now. `named` counts each member once, whatever her chapter."""
    named = db.session.scalar(
        select(func.count(Attendance.member_id.distinct())).where(Attendance.event_id == event_id)
    )
    walkups = db.session.scalar(select(func.count()).select_from(Walkup).where(Walkup.event_id == event_id))
    cheers = db.session.scalar(select(func.sum(Supporters.delta)).where(Supporters.event_id == event_id))
    count, at = head_count(event_id)
    return LineFigures(named or 0, walkups or 0, count, at, max(cheers or 0, 0))


def head_count(event_id: uuid.UUID) -> tuple[int | None, datetime | None]:
    """The last number reported per gate and shift, summed, and when the latest was counted; (None, None) unreported."""
    last: dict[tuple[object, object], HeadCount] = {}
    for row in db.session.scalars(
        select(HeadCount)
        .where(HeadCount.event_id == event_id, HeadCount.voided_at.is_(None))
        .order_by(HeadCount.counted_at, HeadCount.id)
    ):
        last[row.gate_id, row.shift_id] = row
    if not last:
        return None, None
    return sum(row.n for row in last.values()), max(row.counted_at for row in last.values())


def line_snapshot(event_id: uuid.UUID) -> int:
    """How many stand on this line by name, up to 30 s old: one number for everybody who asks in that time,
    so that a receipt does not tell whether this very person was added."""
    taken, count = _snapshots.get(event_id, (float("-inf"), 0))
    if time.monotonic() - taken > SNAPSHOT_SECONDS:
        figures = line_figures(event_id)
        taken, count = time.monotonic(), figures.named + figures.walkups
        if len(_snapshots) > 5000:
            _snapshots.clear()
        _snapshots[event_id] = taken, count
    return count


def the_list(event: Event) -> list[OnTheList]:
    """The members of the event's chapters, home and second, by surname, with what is known of each.

    The caller has a grant for this event; phones and numbers are not in it.
    """
    rows = db.session.execute(
        select(Member.id, Member.name_enc, Attendance.tier, Attendance.first_at)
        .join(Membership, and_(Membership.member_id == Member.id, Membership.to_at.is_(None)))
        .outerjoin(Attendance, and_(Attendance.member_id == Member.id, Attendance.event_id == event.id))
        .where(
            Membership.site_id.in_(chapters_of(event.id)),
            Member.gone_on.is_(None),
            Member.erased_at.is_(None),
        )
        .where(Member.name_enc.is_not(None))
    ).all()
    names = {row.id: PersonName.read(Member.name.open(row.id, row.name_enc)) for row in rows}
    shown = _tell_apart(names)
    ticked = _ticked(event.id)
    people = {
        row.id: OnTheList(
            row.id,
            shown[row.id],
            names[row.id].sorted_by,
            names[row.id].searched_in,
            row.tier,
            row.first_at,
            row.id in ticked,
        )
        for row in rows
    }
    return sorted(people.values(), key=lambda person: (person.sorted_by, person.id))


def is_on_the_list(event_id: uuid.UUID, member_id: uuid.UUID) -> bool:
    """The member belongs, by home or second site, to a chapter of this event."""
    belongs = select(Membership.id).where(
        Membership.member_id == member_id,
        Membership.to_at.is_(None),
        Membership.site_id.in_(chapters_of(event_id)),
    )
    return db.session.scalar(belongs.limit(1)) is not None


def standing_ticks(event_id: uuid.UUID, member_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """The ticks of a member at an event that were not taken back."""
    return db.session.scalars(
        select(Evidence.id)
        .outerjoin(Void)
        .where(Evidence.event_id == event_id, Evidence.member_id == member_id, Evidence.method == Method.TICK)
        .where(Void.evidence_id.is_(None))
    ).all()


def remembered(token: str | None) -> tuple[KnownPhone, Typed] | None:
    """What was typed on this phone before, by its cookie; None for an unknown phone."""
    if not token:
        return None
    phone = db.session.scalar(select(KnownPhone).where(KnownPhone.token_hash == hash_token(token)))
    if phone is None:
        return None
    kind, _, text = phone.typed.partition(":")
    return phone, Typed(kind, text)


def device_mark(event_id: uuid.UUID, token: str | None) -> bytes | None:
    """A mark of the phone that is the same only within one event, so that phones cannot be followed."""
    return crypto.blind_index(f"device/{event_id}", token) if token else None


def _ticked(event_id: uuid.UUID) -> set[uuid.UUID | None]:
    ticks: ColumnElement[bool] = and_(Evidence.event_id == event_id, Evidence.method == Method.TICK)
    return set(
        db.session.scalars(
            select(Evidence.member_id).outerjoin(Void).where(ticks, Void.evidence_id.is_(None))
        )
    )


def _tell_apart(names: dict[uuid.UUID, PersonName]) -> dict[uuid.UUID, str]:
    """ "Rosa M." where that is one person, "Rosa Méndez" where there are two."""
    shorts: Sequence[str] = [name.short for name in names.values()]
    return {key: name.short if shorts.count(name.short) == 1 else name.full for key, name in names.items()}
