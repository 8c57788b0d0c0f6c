"""Entry of a paper sign-in sheet by the numbers of its lines."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from mobilize import clock
from mobilize.actions.models import Event
from mobilize.actions.printing.print_jobs import names_on_sheet
from mobilize.actions.printing.sign_in_sheet_pdf import SheetName, sheet_mark, sheet_order
from mobilize.checkins.models import CheckInKind, Duty, Method, Outcome
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.identifiers import read_typed_or_name
from mobilize.checkins.record.operations import check_in
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.keys import crypto
from mobilize.languages import _

MOST_WALKINS = 200
_NUMBERS = re.compile(r"(\d{1,5})(?:\s*[-–]\s*(\d{1,5}))?")


@dataclass(frozen=True)
class PaperEntryResult:
    """The result of one sheet: the names as they were read, how many of them are new, the walk-ins, and how
    many signed out."""

    names: list[str]
    new: int
    walkins: int
    left: int = 0


def mark_of(event: Event) -> str:
    """The four letters or digits on a sheet that is printed of today's list."""
    return sheet_mark(names_on_sheet(event))


def key_in(
    event: Event,
    *,
    mark: str,
    numbers: str,
    walkins: str,
    page: str,
    now: datetime,
    left: str = "",
    shift: str = "",
    duty: str = "",
) -> PaperEntryResult:
    """Vouch for everybody who signed: `numbers` as "3 7 12-19", `walkins` a line each, by number or by name.

    On a strike day: `shift` (its place in the day, from 0) whose sheet it is, `duty` of all on it, and `left`
    as "10:30 3 7-9", a line for each time at which some of them signed out.

    All or nothing. `page` names the form: the same form sent twice is one entry for each name. Refused:
    "old_sheet" when the sheet was printed of another list, "bad_numbers" naming what is not on it.
    """
    listed = sheet_order(names_on_sheet(event))
    if mark.strip().upper() != sheet_mark(listed):
        raise Refused(
            "old_sheet",
            _("These are not the characters of today's list. Look again at the foot of the sheet; if they "
                "differ, the list has changed since: tick the names on the line page."),
        )  # fmt: skip
    signed = [listed[number - 1] for number in _read(numbers, len(listed))]
    added = [read_typed_or_name(line) for line in _lines(walkins)]
    at, doing = _signed_at(event, shift, now), _duty(duty)
    outs = [
        (listed[n - 1], _out_at(event, at, when))
        for when, some in _outs(left)
        for n in _read(some, len(listed))
    ]
    with atomic():
        come: dict[str, Any] = {"happened_at": at, "duty": doing}
        # Not by name, as they stand on the sheet: where rows lie must not tell whose they are.
        by_id = sorted(name.ref for name in signed)
        new = [_store(event, page, ref, now, member_id=uuid.UUID(ref), **come) for ref in by_id]
        for typed in added:
            _store(event, page, str(typed), now, method=Method.WALKIN, typed=typed, **come)
        for name, until in sorted(outs, key=lambda one: one[0].ref):
            gone: dict[str, Any] = {"happened_at": min(until, now), "kind": CheckInKind.LEFT}
            _store(event, page, f"{name.ref}/left", now, member_id=uuid.UUID(name.ref), **gone)
    return PaperEntryResult(
        [_full_name(name) for name in signed], new.count(Outcome.COUNTED), len(added), len(outs)
    )


def _signed_at(event: Event, shift: str, now: datetime) -> datetime:
    """A signature has no time: it was there when the sheet came in; that of a shift, from its start."""
    chosen = int(shift) if shift.isascii() and shift.isdigit() else -1
    if 0 <= chosen < len(event.shifts):
        return min(now, event.shifts[chosen].starts_at)
    return min(now, event.ends_at)


def _duty(written: str) -> Duty | None:
    return Duty(written) if written in set(Duty) else None


def _outs(left: str) -> Iterator[tuple[time, str]]:
    """(time, numbers) of each line."""
    for line in filter(None, map(str.strip, left.splitlines())):
        when, _space, numbers = line.partition(" ")
        try:
            yield time.fromisoformat(when.zfill(5)), numbers
        except ValueError:
            raise Refused("bad_time", _("Begin each line with a time, like 10:30 3 7-9.")) from None


def _out_at(event: Event, came_at: datetime, at: time) -> datetime:
    """That time of day at the place, after they came."""
    moment = clock.on_local_day(came_at, event.tz, 0, at)
    return moment if moment >= came_at else clock.on_local_day(came_at, event.tz, 1, at)


def _read(numbers: str, most: int) -> list[int]:
    """Each number once, in order."""
    rest = _NUMBERS.sub(" ", numbers)
    listed = sorted({n for match in _NUMBERS.finditer(numbers) for n in _span(match, most)})
    wrong = [str(n) for n in listed if not 1 <= n <= most] or rest.replace(",", " ").replace(";", " ").split()
    if wrong:
        raise Refused("bad_numbers", _("Not on this sheet: %(which)s.", which=", ".join(wrong[:5])))
    return listed


def _span(match: "re.Match[str]", most: int) -> Iterator[int]:
    first, last = int(match[1]), int(match[2] or match[1])
    yield first
    yield last
    yield from range(first, min(last, most) + 1)


def _lines(walkins: str) -> list[str]:
    lines = [line.strip() for line in walkins.splitlines() if line.strip()]
    if len(lines) > MOST_WALKINS:
        raise Refused("too_many", _("At most %(most)s walk-ins at once.", most=MOST_WALKINS))
    return lines


def _store(
    event: Event, page: str, who: str, now: datetime, *, method: Method = Method.PAPER, **values: Any
) -> Outcome:
    body = f"paper/{page}/{who}".encode()
    request = CheckInRequest(
        event_id=event.id,
        nonce=crypto.fingerprint(body)[:16],
        body=body,
        method=method,
        **values,
    )
    return check_in(request, now=now).outcome


def _full_name(name: SheetName) -> str:
    return f"{name.first} {name.last}".strip()
