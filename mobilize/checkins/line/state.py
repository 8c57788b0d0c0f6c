"""The state of a line as its phones see it, kept in each process for as long as nothing changes.

Whether it changed is told by the line's version (`fast.versions`), which is raised by whatever changes it.
What time alone changes (a grant that ends, the hours of the changing code) is in `until`. Its `epoch` is
another one since a backup was put back: phones then send again what was acknowledged before.
"""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import Flask
from sqlalchemy import Uuid, and_, select

from mobilize import clock
from mobilize.accounts.access.grants import (
    HeldGrant,
    LinePhones,
    cached_line_phones,
    forget_phones,
    line_phones,
    read_line_phones,
)
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import Event, EventState, check_in_address
from mobilize.actions.queries import EARLY, LATE
from mobilize.backup.gaps import latest_loss
from mobilize.checkins.line.queries import (
    HEAD_COUNT_COLUMNS,
    LineFigures,
    Presence,
    figures_of,
    head_count_of,
    sums_of,
    uncertain_of,
    who_are_in,
)
from mobilize.checkins.line.rotating_codes import KEY_AHEAD, rotating_key
from mobilize.checkins.models import HeadCount
from mobilize.fast.statements import BatchStatement, Rows, retried
from mobilize.fast.versions import VersionCache, version_of
from mobilize.languages import LANGUAGES, _, in_language, language, say_time, time_writer
from mobilize.printing.qr import qr_address

# The roster moves no version: a name that was added shows after this.
KEPT_AT_MOST = timedelta(seconds=60)
# And before that it is read again for those who wait, as soon as no more than this is left.
READ_AGAIN = timedelta(seconds=10)
# So many of them at a time: all lines of a union were first read in the same minute.
AGING_AT_ONCE = 40
# And so many times until all lines were looked at for their age: only versions are compared each time.
AGING_TURNS = 4
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
# The versions for which lines were made ready last.
_prepared: Mapping[str, int] = {}
_turn = 0


def line_state(grant: HeldGrant, now: datetime, *, fresh: bool = False) -> CachedState:
    """The state for the phone with this grant, in the reader's language: half a second old at most, or
    `fresh`, for a phone that has just sent something."""
    # The version first: a change that comes while the rest is read is seen by the next look.
    version = version_of(grant.event_id, fresh=fresh)
    return _states.get((grant.id, language()), version, now, lambda: _read_state(grant, version, now))


def cached_state(
    event_id: uuid.UUID, token_hash: bytes, code: str, version: int, now: datetime
) -> CachedState | None:
    """The state for the phone with this token, in the language `code`, without asking the database and
    outside an application's context; None where that would be needed, or the phone may not look."""
    phones = cached_line_phones(event_id, version, now)
    grant = phones.grants.get(token_hash) if phones else None
    return _states.find((grant.id, code), version, now) if grant and now < grant.ends_at else None


def prepare_lines(app: Flask, versions: Mapping[str, int]) -> None:
    """Make ready what the phones of lines are answered next; `versions`: by their events' ids in hex.

    Lines that have changed, and some of those that were read nearly a minute ago, are read at once for all of
    their phones, in the languages that somebody read them in."""
    global _prepared, _turn
    changed = [name for name, version in versions.items() if _prepared.get(name) != version]
    _turn = (_turn + 1) % AGING_TURNS
    some = {*changed, *list(versions)[_turn::AGING_TURNS]}
    with app.app_context():
        _prepare({uuid.UUID(name): versions[name] for name in some}, clock.now())
    _prepared = versions


def _prepare(current: Mapping[uuid.UUID, int], now: datetime) -> None:
    before = {event_id: states for event_id in current if (states := _last_read(event_id))}
    changed = [one for one in before if any(it.version != current[one] for it in before[one].values())]
    aging = [one for one in before if min(it.until for it in before[one].values()) < now + READ_AGAIN]
    versions = {one: current[one] for one in (*changed, *aging[:AGING_AT_ONCE])}
    for line in _read_lines(versions, read_line_phones(versions, now)):
        for code in before[line.event.id]:
            with in_language(code):
                _keep(line, code, now)


def _last_read(event_id: uuid.UUID) -> dict[str, _Shared]:
    """What was read of a line last, by language."""
    states = {code: _shared.last((event_id, code)) for code in LANGUAGES}
    return {code: state for code, state in states.items() if state}


def _keep(line: "_LineReading", code: str, now: datetime) -> None:
    shared = line.shared(now)
    _shared.keep((line.event.id, code), shared)
    for grant in line.phones.grants.values():
        if now < grant.ends_at:
            _states.keep((grant.id, code), _state(grant, shared, now))


def forget() -> None:
    """Forget every state that this process keeps: for tests, whose databases have the same events again."""
    global _prepared
    _prepared = {}
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


def _read_state(grant: HeldGrant, version: int, now: datetime) -> CachedState:
    def read() -> _Shared:
        phones = line_phones(grant.event_id, now=now)
        [line] = _read_lines({grant.event_id: version}, {grant.event_id: phones})
        return line.shared(now)

    return _state(grant, _shared.get((grant.event_id, language()), version, now, read), now)


def _state(grant: HeldGrant, shared: _Shared, now: datetime) -> CachedState:
    own: dict[str, object] = {"phones": phones_text(shared.phones.beside(grant, now), shared.tz)}
    if grant.kind is GrantKind.CHAIR:
        own["uncertain"] = shared.uncertain
    body = f"{shared.json},{_json(own)[1:]}".encode()
    return CachedState(shared.version, shared.until, body, hashlib.sha256(body).hexdigest()[:32])


class _LineReading(NamedTuple):
    """What was read of a line for all its phones, in any language."""

    version: int
    phones: LinePhones
    event: LineEvent
    here: dict[uuid.UUID, Presence]
    figures: LineFigures
    uncertain: int
    epoch: str

    def shared(self, now: datetime) -> _Shared:
        """What all phones are given, in the reader's language."""
        event, figures, here = self.event, self.figures, self.here
        ends, write = self.phones.ends(), time_writer(event.tz)
        key = rotating_key(event, now, ends)
        values = {
            "address": rotating_address(event),
            "key": key.hex() if key else None,
            "named": figures.named,
            "others": figures.others,
            "head_count": figures.head_count,
            "head_count_at": figures.head_count_at and write(figures.head_count_at),
            "supporters": figures.supporters,
            "epoch": self.epoch,
            "duties": Counter(one.duty for one in here.values() if one.is_elsewhere),
            "in": {str(member): _presence(one, write) for member, one in here.items()},
        }
        hours = event.starts_at - EARLY - KEY_AHEAD, event.ends_at + LATE
        until = min([now + KEPT_AT_MOST, *(at for at in (*ends.values(), *hours) if at > now)])
        return _Shared(self.version, until, _json(values)[:-1], event.tz, self.uncertain, self.phones)


def _read_lines(
    versions: Mapping[uuid.UUID, int], phones: Mapping[uuid.UUID, LinePhones]
) -> list[_LineReading]:
    def read() -> tuple[list[Rows], list[dict[uuid.UUID, Presence]]]:
        return _LINE_EVENT.run([{"event": one} for one in versions]), who_are_in(list(versions))

    lines = []
    for (event_id, version), rows, here in zip(versions.items(), *retried(read), strict=True):
        if not rows:  # it is gone
            continue
        event, sums = LineEvent(*rows[0][:_COLUMNS]), rows[0][_COLUMNS : _COLUMNS + 3]
        loss_id = rows[0][_COLUMNS + 3]
        counts = (row[-len(HEAD_COUNT_COLUMNS) - 1 : -1] for row in rows if row[-1])
        figures = figures_of(here, head_count_of(event_id, counts), *sums[:2])
        epoch = loss_id.hex[-12:] if loss_id else ""
        lines.append(_LineReading(version, phones[event_id], event, here, figures, sums[2], epoch))
    return lines


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _presence(here: Presence, write: Callable[[datetime], str]) -> dict[str, object]:
    state: dict[str, object] = {"at": write(here.first_at), "ticked": here.ticked}
    if here.out_at:
        state["out"] = write(here.out_at)
    if here.duty:
        state["duty"] = here.duty
    return state


def _line_event(question: Any) -> Any:
    """The event with its sums, once for each head count that stands, or with none: one question for both."""
    event = question.event
    columns = Event.id, Event.code, Event.tz, Event.starts_at, Event.ends_at, Event.state
    others, supporters = sums_of(event)
    sums = (
        others.label("others"),
        supporters.label("supporters"),
        uncertain_of(event).scalar_subquery().label("uncertain"),
        latest_loss().scalar_subquery().label("epoch"),
    )
    standing = and_(HeadCount.event_id == Event.id, HeadCount.voided_at.is_(None))
    counts = *HEAD_COUNT_COLUMNS, HeadCount.id.label("head_count_id")
    return select(*columns, *sums, *counts).outerjoin(HeadCount, standing).where(Event.id == event)


_COLUMNS = len(LineEvent._fields)
_LINE_EVENT = BatchStatement({"event": Uuid()}, _line_event, order=["counted_at", "head_count_id"])
