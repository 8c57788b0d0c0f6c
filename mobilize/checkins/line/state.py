"""The state of a line as its phones see it, kept in each process for as long as nothing changes.

Whether it changed is told by the line's version (`fast.versions`), which is raised by whatever changes it.
What time alone changes (a grant that ends, the hours of the changing code) is in `until`. Its `epoch` is
another one since a backup was put back: phones then send again what was acknowledged before.
"""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Uuid, and_, bindparam, select

from mobilize.accounts.access.grants import HeldGrant, LinePhones, forget_phones, line_phones
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import Event, EventState, check_in_address
from mobilize.actions.queries import EARLY, LATE
from mobilize.backup.gaps import latest_loss
from mobilize.checkins.line.queries import (
    HEAD_COUNT_COLUMNS,
    HEAD_COUNT_ORDER,
    LineFigures,
    Presence,
    figures_of,
    head_count_of,
    sums_of,
    uncertain_of,
    who_is_in,
)
from mobilize.checkins.line.rotating_codes import KEY_AHEAD, rotating_key
from mobilize.checkins.models import HeadCount
from mobilize.fast.statements import CachedStatement, retried, run
from mobilize.fast.versions import VersionCache, version_of
from mobilize.languages import _, language, say_time, time_writer
from mobilize.printing.qr import qr_address

# The roster moves no version: a name that was added shows after this.
KEPT_AT_MOST = timedelta(seconds=60)
# In each process: a line of 400 names takes 30,000.
STATE_CACHE_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class CachedState:
    """What a phone is answered: JSON, and its name. Good until then, while the version is this."""

    version: int
    until: datetime
    body: bytes
    etag: str

    @property
    def size(self) -> int:
        return len(self.body)


class LineEvent(NamedTuple):
    """What of an event its line's state rests on."""

    id: uuid.UUID
    code: str
    tz: str
    starts_at: datetime
    ends_at: datetime
    state: EventState

    @property
    def is_called_off(self) -> bool:
        return self.state is EventState.CALLED_OFF


@dataclass(frozen=True, slots=True)
class _Shared:
    """The part that all phones of a line are given, as JSON that is still open at its end; and what is read
    with it for some of them."""

    version: int
    until: datetime
    json: str
    tz: str
    uncertain: int
    phones: LinePhones

    @property
    def size(self) -> int:
        return 2 * len(self.json)


_states: VersionCache[CachedState] = VersionCache(STATE_CACHE_BYTES)
_shared: VersionCache[_Shared] = VersionCache(STATE_CACHE_BYTES)


def line_state(grant: HeldGrant, now: datetime, *, fresh: bool = False) -> CachedState:
    """The state for the phone with this grant, in the reader's language: half a second old at most, or
    `fresh`, for a phone that has just sent something."""
    # The version first: a change that comes while the rest is read is seen by the next look.
    version = version_of(grant.event_id, fresh=fresh)
    return _states.get((grant.id, language()), version, now, lambda: _state(grant, version, now))


def forget() -> None:
    """Forget every state that this process keeps: for tests, whose databases have the same events again."""
    _states.clear()
    _shared.clear()
    forget_phones()


def phones_text(phones: Sequence[HeldGrant], tz: str) -> str:
    """When each phone was opened by one link, where that was more than one: no copy goes unseen."""
    if len(phones) < 2:
        return ""
    times = ", ".join(say_time(phone.made_at, tz) for phone in phones)
    return _("Your link is open on %(count)s phones (%(times)s). If one is not yours, tell the chair.",
             count=len(phones), times=times)  # fmt: skip


def rotating_address(event: Event | LineEvent) -> str:
    """What the changing code is put behind, as it stands in the QR code."""
    return qr_address(f"{check_in_address(event.code)}/")


def _state(grant: HeldGrant, version: int, now: datetime) -> CachedState:
    key = grant.event_id, language()
    shared = _shared.get(key, version, now, lambda: _read(grant.event_id, version, now))
    own: dict[str, object] = {"phones": phones_text(shared.phones.beside(grant, now), shared.tz)}
    if grant.kind is GrantKind.CHAIR:
        own["uncertain"] = shared.uncertain
    body = f"{shared.json},{_json(own)[1:]}".encode()
    return CachedState(version, shared.until, body, hashlib.sha256(body).hexdigest()[:32])


def _read(event_id: uuid.UUID, version: int, now: datetime) -> _Shared:
    phones = line_phones(event_id, now=now)
    event, here, figures, uncertain, epoch = retried(lambda: _read_line(event_id))
    ends, write = phones.ends(), time_writer(event.tz)
    key = rotating_key(event, now, ends)
    values = {
        "address": rotating_address(event),
        "key": key.hex() if key else None,
        "named": figures.named,
        "others": figures.others,
        "head_count": figures.head_count,
        "head_count_at": figures.head_count_at and write(figures.head_count_at),
        "supporters": figures.supporters,
        "epoch": epoch,
        "duties": Counter(one.duty for one in here.values() if one.is_elsewhere),
        "in": {str(member): _presence(one, write) for member, one in here.items()},
    }
    hours = event.starts_at - EARLY - KEY_AHEAD, event.ends_at + LATE
    until = min([now + KEPT_AT_MOST, *(at for at in (*ends.values(), *hours) if at > now)])
    return _Shared(version, until, _json(values)[:-1], event.tz, uncertain, phones)


def _read_line(event_id: uuid.UUID) -> tuple[LineEvent, dict[uuid.UUID, Presence], LineFigures, int, str]:
    rows = run(_LINE_EVENT, {"event": event_id})
    event, sums = LineEvent(*rows[0][:_COLUMNS]), rows[0][_COLUMNS : _COLUMNS + 3]
    loss_id = rows[0][_COLUMNS + 3]
    counted = head_count_of(event_id, (row[-len(HEAD_COUNT_COLUMNS) :] for row in rows if row[-1]))
    here = who_is_in(event_id)
    epoch = loss_id.hex[-12:] if loss_id else ""
    return event, here, figures_of(here, counted, *sums[:2]), sums[2], epoch


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _presence(here: Presence, write: Callable[[datetime], str]) -> dict[str, object]:
    state: dict[str, object] = {"at": write(here.first_at), "ticked": here.ticked}
    if here.out_at:
        state["out"] = write(here.out_at)
    if here.duty:
        state["duty"] = here.duty
    return state


def _line_event() -> Any:
    """The event with its sums, once for each head count that stands, or with none: one question for both."""
    event = bindparam("event", type_=Uuid())
    columns = Event.id, Event.code, Event.tz, Event.starts_at, Event.ends_at, Event.state
    epoch = latest_loss().scalar_subquery().label("epoch")
    sums = *sums_of(event), uncertain_of(event).scalar_subquery().label("uncertain"), epoch
    standing = and_(HeadCount.event_id == Event.id, HeadCount.voided_at.is_(None))
    rows = select(*columns, *sums, *HEAD_COUNT_COLUMNS).outerjoin(HeadCount, standing)
    return rows.where(Event.id == event).order_by(*HEAD_COUNT_ORDER)


_COLUMNS = len(LineEvent._fields)
_LINE_EVENT = CachedStatement(_line_event)
