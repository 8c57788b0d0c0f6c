"""The state of a line as its phones see it, kept in each process for as long as nothing changes.

Whether it changed is told by the line's version (`fast.versions`), which is raised by whatever changes it.
What time alone changes (a grant that ends, the hours of the changing code) is in `until`.
"""

import hashlib
import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cachetools import LRUCache
from sqlalchemy import Uuid, bindparam, select

from mobilize.accounts.access.grants import HeldGrant, grants_end_at, phones_beside
from mobilize.accounts.models import GrantKind, LineGrant
from mobilize.actions.models import Event, EventState, check_in_address
from mobilize.actions.queries import EARLY, LATE
from mobilize.checkins.line.queries import Presence, figures_of, sums_of, uncertain_times, who_is_in
from mobilize.checkins.line.rotating_codes import KEY_AHEAD, rotating_key
from mobilize.fast.statements import CachedStatement, run
from mobilize.fast.versions import version_of
from mobilize.languages import _, language, say_time
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
    """The part that all phones of a line are given."""

    version: int
    until: datetime
    values: dict[str, Any]
    tz: str
    size: int


_states: LRUCache[Any, CachedState] = LRUCache(STATE_CACHE_BYTES, getsizeof=lambda state: len(state.body))
_shared: LRUCache[Any, _Shared] = LRUCache(STATE_CACHE_BYTES, getsizeof=lambda shared: shared.size)
_lock = threading.Lock()


def line_state(grant: HeldGrant, now: datetime, *, fresh: bool = False) -> CachedState:
    """The state for the phone with this grant, in the reader's language: half a second old at most, or
    `fresh`, for a phone that has just sent something."""
    # The version first: a change that comes while the rest is read is seen by the next look.
    version = version_of(grant.event_id, fresh=fresh)
    return _kept(_states, (grant.id, language()), version, now, lambda: _state(grant, version, now))


def forget() -> None:
    """Forget every state that this process keeps: for tests, whose databases have the same events again."""
    with _lock:
        _states.clear()
        _shared.clear()


def phones_text(grant: LineGrant | HeldGrant, tz: str, now: datetime) -> str:
    """When each phone was opened by this phone's link, where that was more than one: no copy goes unseen."""
    phones = phones_beside(grant, now=now)
    if len(phones) < 2:
        return ""
    times = ", ".join(say_time(phone.made_at, tz) for phone in phones)
    return _("Your link is open on %(count)s phones (%(times)s). If one is not yours, tell the chair.",
             count=len(phones), times=times)  # fmt: skip


def rotating_address(event: Event | LineEvent) -> str:
    """What the changing code is put behind, as it stands in the QR code."""
    return qr_address(f"{check_in_address(event.code)}/")


def _kept(cache: Any, key: object, version: int, now: datetime, make: Callable[[], Any]) -> Any:
    with _lock:
        held = cache.get(key)
    if held is None or held.version != version or now >= held.until:
        held = make()
        with _lock:
            cache[key] = held
    return held


def _state(grant: HeldGrant, version: int, now: datetime) -> CachedState:
    key = grant.event_id, language()
    shared = _kept(_shared, key, version, now, lambda: _read(grant.event_id, version, now))
    own: dict[str, object] = {"phones": phones_text(grant, shared.tz, now)}
    if grant.kind is GrantKind.CHAIR:
        own["uncertain"] = uncertain_times(grant.event_id)
    body = json.dumps(shared.values | own, ensure_ascii=False, separators=(",", ":")).encode()
    return CachedState(version, shared.until, body, hashlib.sha256(body).hexdigest()[:32])


def _read(event_id: uuid.UUID, version: int, now: datetime) -> _Shared:
    [(*columns, others, supporters)] = run(_LINE_EVENT, {"event": event_id})
    event, here = LineEvent(*columns), who_is_in(event_id)
    figures, ends = figures_of(event_id, here, others, supporters), grants_end_at(event_id)
    key = rotating_key(event, now, ends)
    values = {
        "address": rotating_address(event),
        "key": key.hex() if key else None,
        "named": figures.named,
        "others": figures.others,
        "head_count": figures.head_count,
        "head_count_at": _clock(figures.head_count_at, event.tz),
        "supporters": figures.supporters,
        "duties": Counter(one.duty for one in here.values() if one.is_elsewhere),
        "in": {str(member): _presence(one, event.tz) for member, one in here.items()},
    }
    hours = event.starts_at - EARLY - KEY_AHEAD, event.ends_at + LATE
    until = min([now + KEPT_AT_MOST, *(at for at in (*ends.values(), *hours) if at > now)])
    return _Shared(version, until, values, event.tz, 100 * (len(here) + 1))


def _presence(here: Presence, tz: str) -> dict[str, object]:
    state: dict[str, object] = {"at": _clock(here.first_at, tz), "ticked": here.ticked}
    more = {"out": _clock(here.out_at, tz), "duty": here.duty}
    return state | {name: value for name, value in more.items() if value}


def _clock(moment: datetime | None, tz: str) -> str | None:
    return say_time(moment, tz) if moment else None


def _line_event() -> Any:
    event = bindparam("event", type_=Uuid())
    columns = Event.id, Event.code, Event.tz, Event.starts_at, Event.ends_at, Event.state
    return select(*columns, *sums_of(event)).where(Event.id == event)


_LINE_EVENT = CachedStatement(_line_event)
