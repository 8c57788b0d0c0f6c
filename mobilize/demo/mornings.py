"""The invented actions and what happened at their lines, as rows that a recount from evidence agrees with."""

import hashlib
import random
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mobilize import crypto
from mobilize.actions.models import Action, ActionKind, Eligible, Event, EventChapter, Shift
from mobilize.checkins.models import (
    Attendance,
    Evidence,
    HeadCount,
    Method,
    Outcome,
    Supporters,
    Tier,
    Walkup,
)
from mobilize.checkins.strength import strength_of
from mobilize.checkins.typed import WALKUPS_KEPT
from mobilize.crypto import blind_index
from mobilize.database import new_id
from mobilize.demo.union import MADE_BY, Chapter, Local, Rows, store
from mobilize.tokens import make_code, make_text_code

# How people are counted on a well-run line, and how often. Some are counted in two ways.
WAYS = {Method.POSTER: 52, Method.TICK: 30, Method.ROTATING: 12, Method.TEXT: 6}
ALSO = {Method.POSTER: Method.TICK, Method.TEXT: Method.TICK, Method.TICK: Method.ROTATING}


@dataclass
class Plan:
    """One action. `venue` makes it a rally, of `area_id` or (None) of the whole union."""

    kind: ActionKind
    name_en: str
    name_es: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    campaign_id: uuid.UUID | None
    made_at: datetime
    venue: str = ""
    area_id: uuid.UUID | None = None


@dataclass
class Morning:
    """The stored action, and its events by chapter: (event id, shift id)."""

    action_id: uuid.UUID
    plan: Plan
    lines: dict[uuid.UUID, tuple[uuid.UUID, uuid.UUID]]


def store_action(plan: Plan, chapters: Sequence[Chapter], text_codes: set[str]) -> Morning:
    """The action with an event at each chapter's site, or one at its venue. `text_codes` are taken."""
    action_id = new_id()
    span = {"starts_at": plan.starts_at, "ends_at": plan.ends_at}
    about = {"kind": plan.kind, "name_en": plan.name_en, "name_es": plan.name_es, "made_at": plan.made_at}
    store(
        Action,
        [{"id": action_id, "campaign_id": plan.campaign_id, "made_by": MADE_BY, **about, **span}],
    )
    lines, events, shifts = {}, [], []
    for chapter in chapters[:1] if plan.venue else chapters:
        event_id, shift_id = new_id(), new_id()
        lines[chapter.id] = event_id, shift_id
        where = {"area_id": plan.area_id if plan.venue else chapter.area_id}
        where["site_id"] = None if plan.venue else chapter.id
        codes = {"code": make_code(), "text_code": _text_code(text_codes)}
        events.append(
            {"id": event_id, "action_id": action_id, "venue": plan.venue, "tz": plan.zone, **where, **codes}
            | {"made_at": plan.made_at, **span}
        )
        shifts.append({"id": shift_id, "event_id": event_id, **span})
    at = {chapter.id: lines.get(chapter.id, next(iter(lines.values()))) for chapter in chapters}
    homes = [{"event_id": at[c.id][0], "site_id": c.id, "action_id": action_id} for c in chapters]
    for table, rows in ((Event, events), (Shift, shifts), (EventChapter, homes)):
        store(table, rows)
    return Morning(action_id, plan, at)


def store_eligible(morning: Morning, local: Local) -> None:
    """Who counted when it started: the same members that freezing the events would find."""
    common = {"action_id": morning.action_id}
    rows: Rows = [
        {"id": new_id(), "member_id": m, "chapter_id": c.id, "event_id": morning.lines[c.id][0], **common}
        for c in local.chapters
        for m in c.active
    ]
    rows += [
        {"id": new_id(), "member_id": m, "chapter_id": None, "event_id": None, **common}
        for m in local.no_site
    ]
    store(Eligible, rows)


def store_turnout(
    chance: random.Random, morning: Morning, local: Local, shares: dict[uuid.UUID, float], *, until: datetime
) -> dict[uuid.UUID, int]:
    """So large a share of each chapter was there, as evidence and as the attendance it amounts to.

    Nothing that would happen after `until`. Returns how many members stood at each chapter's line.
    """
    rows: dict[Any, Rows] = defaultdict(list)
    hosted: dict[uuid.UUID, int] = defaultdict(int)
    for chapter in local.chapters:
        here = [m for m in chapter.active if chance.random() < shares.get(chapter.id, 0.0)]
        here += [m for m in chapter.others if chance.random() < 0.15 * shares.get(chapter.id, 0.0)]
        for member in here:
            # Now and then somebody stands on another school's line.
            host = chance.choice(local.chapters) if chance.random() < 0.015 else chapter
            if _counted(chance, morning, host, chapter, member, rows, until):
                hosted[host.id] += 1
        if here and chance.random() < 0.2:
            _walk_up(chance, morning, chapter, rows, until)
    for table in (Evidence, Attendance, Walkup):
        store(table, rows[table])
    return hosted


def store_counts(
    chance: random.Random,
    morning: Morning,
    reporting: Iterable[tuple[Chapter, int]],
    *,
    after_minutes: tuple[int, ...],
    until: datetime,
) -> None:
    """Head counts of these lines, a little above the names there, and supporters at some of them."""
    rows: dict[Any, Rows] = defaultdict(list)
    for chapter, named in reporting:
        event_id, shift_id = morning.lines[chapter.id]
        for minutes in after_minutes:
            at = morning.plan.starts_at + timedelta(minutes=minutes + chance.randint(0, 6))
            if at > until:
                continue
            n = round(named * chance.uniform(1.0, 1.2)) + (chance.randint(0, 2) if named else 0)
            rows[HeadCount].append(
                {"id": new_id(), "event_id": event_id, "shift_id": shift_id, "n": n, "counted_at": at}
                | {"recorded_at": at, "nonce": chance.randbytes(16), "voided_at": None}
                | {"via": "text" if chapter.chair else "line", "by": f"person:{chapter.chair or 'none'}"}
            )
        for _n in range(chance.randint(0, 2) if named else 0):
            at = morning.plan.starts_at + timedelta(minutes=chance.randint(2, 20))
            rows[Supporters].append(
                {"id": new_id(), "event_id": event_id, "delta": chance.randint(1, 7), "by": "grant:demo"}
                | {"happened_at": at, "recorded_at": at, "nonce": chance.randbytes(16)}
            )
    for table in (HeadCount, Supporters):
        store(table, rows[table])


def _counted(
    chance: random.Random,
    morning: Morning,
    host: Chapter,
    home: Chapter,
    member: uuid.UUID,
    rows: dict[Any, Rows],
    until: datetime,
) -> bool:
    """One member's evidence, of one or two kinds, and her attendance; False when she comes after `until`."""
    came = _arrival(chance, morning.plan)
    if came > until:
        return False
    methods = chance.choices(list(WAYS), list(WAYS.values()))
    if methods[0] in ALSO and chance.random() < 0.12:
        methods.append(ALSO[methods[0]])
    at = [came + timedelta(seconds=n * chance.randint(40, 400)) for n in range(len(methods))]
    at = [min(moment, until) for moment in at]
    for n, method in enumerate(methods):
        outcome = Outcome.REPEAT if n else Outcome.COUNTED
        rows[Evidence].append(_evidence(morning, host, home, method, outcome, at[n], member_id=member))
    event_id, shift_id = morning.lines[host.id]
    tier: Tier = strength_of(method.tier for method in methods)
    rows[Attendance].append(
        {"id": new_id(), "event_id": event_id, "shift_id": shift_id, "member_id": member, "tier": tier}
        | {"chapter_id": home.id, "first_at": came, "out_at": None, "duty": None, "late": False}
    )
    return True


def _walk_up(
    chance: random.Random, morning: Morning, chapter: Chapter, rows: dict[Any, Rows], until: datetime
) -> None:
    """Somebody typed a number that matches nobody; it is kept for a fortnight."""
    at, typed = _arrival(chance, morning.plan), f"{chance.randint(90_000_000, 99_999_999)}"
    if at > until:
        return
    row_id = new_id()
    rows[Walkup].append(
        {
            "id": row_id,
            "event_id": morning.lines[chapter.id][0],
            "typed_enc": Walkup.typed.seal(row_id, typed) if at + WALKUPS_KEPT > until else None,
            "typed_bix": blind_index("number", typed),
            "kind": "number",
            "until": at + WALKUPS_KEPT,
        }
    )
    rows[Evidence].append(
        _evidence(morning, chapter, chapter, Method.POSTER, Outcome.WALKUP, at, walkup_id=row_id)
        | {"chapter_id": None}
    )


def _evidence(
    morning: Morning,
    host: Chapter,
    home: Chapter,
    method: Method,
    outcome: Outcome,
    at: datetime,
    *,
    member_id: uuid.UUID | None = None,
    walkup_id: uuid.UUID | None = None,
) -> dict[str, Any]:
    event_id, shift_id = morning.lines[host.id]
    row_id = new_id()
    return {
        "id": row_id,
        "event_id": event_id,
        "shift_id": shift_id,
        "nonce": hashlib.sha256(row_id.bytes).digest()[:16],
        "body_hash": crypto.fingerprint(row_id.bytes),
        "method": method,
        "tier": method.tier,
        "outcome": outcome,
        "member_id": member_id,
        "chapter_id": home.id,
        "walkup_id": walkup_id,
        "happened_at": at,
        "recorded_at": at,
    }


def _arrival(chance: random.Random, plan: Plan) -> datetime:
    """Most come in the minutes around the start; to a count without a line they come all day."""
    if plan.kind is ActionKind.COUNT:
        return plan.starts_at + (plan.ends_at - plan.starts_at) * chance.random()
    minutes = min(max(chance.gauss(2, 8), -25), 40)
    return plan.starts_at + timedelta(seconds=round(60 * minutes))


def _text_code(taken: set[str]) -> str:
    code = make_text_code(5)
    while code in taken:
        code = make_text_code(5)
    taken.add(code)
    return code
