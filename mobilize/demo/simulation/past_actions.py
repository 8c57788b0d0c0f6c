"""The invented actions and what happened at their lines, as rows that a recount from evidence agrees with."""

import hashlib
import random
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
from mobilize.checkins.record.attendance import strength_of
from mobilize.checkins.record.identifiers import WALKUPS_KEPT
from mobilize.database import new_id
from mobilize.demo.seed.people import MADE_BY, SeedChapter, SeedLocal, SeedRows, store
from mobilize.keys import crypto
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import make_code, make_text_code
from mobilize.languages import Translated

# How people are counted on a well-run line, and how often. Some are counted in two ways.
METHOD_WEIGHTS = {Method.POSTER: 52, Method.TICK: 30, Method.ROTATING: 12, Method.TEXT: 6}
SECOND_METHODS = {Method.POSTER: Method.TICK, Method.TEXT: Method.TICK, Method.TICK: Method.ROTATING}


@dataclass
class PastActionPlan:
    """One action. `venue` makes it a rally, of `area_id` or (None) of the whole union."""

    kind: ActionKind
    name: Translated
    starts_at: datetime
    ends_at: datetime
    zone: str
    campaign_id: uuid.UUID | None
    made_at: datetime
    venue: str = ""
    area_id: uuid.UUID | None = None


@dataclass
class StoredAction:
    """The stored action, and its events by chapter: (event id, shift id)."""

    action_id: uuid.UUID
    plan: PastActionPlan
    events: dict[uuid.UUID, tuple[uuid.UUID, uuid.UUID]]


def store_action(plan: PastActionPlan, chapters: Sequence[SeedChapter], text_codes: set[str]) -> StoredAction:
    """The action with an event at each chapter's site, or one at its venue. `text_codes` are in use."""
    action_id = new_id()
    span = {"starts_at": plan.starts_at, "ends_at": plan.ends_at}
    description = {"kind": plan.kind, "name": plan.name, "made_at": plan.made_at}
    store(
        Action,
        [{"id": action_id, "campaign_id": plan.campaign_id, "made_by": MADE_BY, **description, **span}],
    )
    own, events, shifts = {}, [], []
    for chapter in chapters[:1] if plan.venue else chapters:
        event_id, shift_id = new_id(), new_id()
        own[chapter.id] = event_id, shift_id
        place = {"area_id": plan.area_id if plan.venue else chapter.area_id}
        place["site_id"] = None if plan.venue else chapter.id
        codes = {"code": make_code(), "text_code": _make_text_code(text_codes)}
        events.append(
            {"id": event_id, "action_id": action_id, "venue": plan.venue, "tz": plan.zone, **place, **codes}
            | {"made_at": plan.made_at, **span}
        )
        shifts.append({"id": shift_id, "event_id": event_id, **span})
    by_chapter = {chapter.id: own.get(chapter.id, next(iter(own.values()))) for chapter in chapters}
    homes = [{"event_id": by_chapter[c.id][0], "site_id": c.id, "action_id": action_id} for c in chapters]
    for table, rows in ((Event, events), (Shift, shifts), (EventChapter, homes)):
        store(table, rows)
    return StoredAction(action_id, plan, by_chapter)


def store_eligible(action: StoredAction, local: SeedLocal) -> None:
    """Store the members eligible at its start: the same that freezing the events would find."""
    common = {"action_id": action.action_id}
    rows: SeedRows = [
        {"id": new_id(), "member_id": m, "chapter_id": c.id, "event_id": action.events[c.id][0], **common}
        for c in local.chapters
        for m in c.active
    ]
    rows += [
        {"id": new_id(), "member_id": m, "chapter_id": None, "event_id": None, **common}
        for m in local.no_site
    ]
    store(Eligible, rows)


def store_turnout(
    rng: random.Random,
    action: StoredAction,
    local: SeedLocal,
    shares: dict[uuid.UUID, float],
    *,
    until: datetime,
) -> dict[uuid.UUID, int]:
    """So large a share of each chapter was there, as evidence and as the attendance it amounts to.

    Nothing that would happen after `until`. Returns how many members stood at each chapter's line.
    """
    rows: dict[Any, SeedRows] = defaultdict(list)
    present_at: dict[uuid.UUID, int] = defaultdict(int)
    for chapter in local.chapters:
        present = [m for m in chapter.active if rng.random() < shares.get(chapter.id, 0.0)]
        present += [m for m in chapter.others if rng.random() < 0.15 * shares.get(chapter.id, 0.0)]
        for member in present:
            # Now and then somebody stands on another school's line.
            host = rng.choice(local.chapters) if rng.random() < 0.015 else chapter
            if _add_check_in(rng, action, host, chapter, member, rows, until):
                present_at[host.id] += 1
        if present and rng.random() < 0.2:
            _add_walkup(rng, action, chapter, rows, until)
    for table in (Evidence, Attendance, Walkup):
        store(table, rows[table])
    return present_at


def store_counts(
    rng: random.Random,
    action: StoredAction,
    reporting: Iterable[tuple[SeedChapter, int]],
    *,
    after_minutes: tuple[int, ...],
    until: datetime,
) -> None:
    """Head counts of these lines, a little above the names there, and supporters at some of them."""
    rows: dict[Any, SeedRows] = defaultdict(list)
    for chapter, named in reporting:
        event_id, shift_id = action.events[chapter.id]
        for minutes in after_minutes:
            at = action.plan.starts_at + timedelta(minutes=minutes + rng.randint(0, 6))
            if at > until:
                continue
            n = round(named * rng.uniform(1.0, 1.2)) + (rng.randint(0, 2) if named else 0)
            rows[HeadCount].append(
                {"id": new_id(), "event_id": event_id, "shift_id": shift_id, "n": n, "counted_at": at}
                | {"recorded_at": at, "nonce": rng.randbytes(16), "voided_at": None}
                | {"via": "text" if chapter.chair else "line", "by": f"person:{chapter.chair or 'none'}"}
            )
        for _n in range(rng.randint(0, 2) if named else 0):
            at = action.plan.starts_at + timedelta(minutes=rng.randint(2, 20))
            rows[Supporters].append(
                {"id": new_id(), "event_id": event_id, "delta": rng.randint(1, 7), "by": "grant:demo"}
                | {"happened_at": at, "recorded_at": at, "nonce": rng.randbytes(16)}
            )
    for table in (HeadCount, Supporters):
        store(table, rows[table])


def _add_check_in(
    rng: random.Random,
    action: StoredAction,
    host: SeedChapter,
    home: SeedChapter,
    member: uuid.UUID,
    rows: dict[Any, SeedRows],
    until: datetime,
) -> bool:
    """One member's evidence, of one or two kinds, and attendance; False for an arrival after `until`."""
    arrived_at = _arrival(rng, action.plan)
    if arrived_at > until:
        return False
    methods = rng.choices(list(METHOD_WEIGHTS), list(METHOD_WEIGHTS.values()))
    if methods[0] in SECOND_METHODS and rng.random() < 0.12:
        methods.append(SECOND_METHODS[methods[0]])
    at = [arrived_at + timedelta(seconds=n * rng.randint(40, 400)) for n in range(len(methods))]
    at = [min(moment, until) for moment in at]
    for n, method in enumerate(methods):
        outcome = Outcome.REPEAT if n else Outcome.COUNTED
        rows[Evidence].append(_evidence_row(action, host, home, method, outcome, at[n], member_id=member))
    event_id, shift_id = action.events[host.id]
    tier: Tier = strength_of(method.tier for method in methods)
    rows[Attendance].append(
        {"id": new_id(), "event_id": event_id, "shift_id": shift_id, "member_id": member, "tier": tier}
        | {"chapter_id": home.id, "first_at": arrived_at, "out_at": None, "duty": None, "late": False}
        | {"observed": any(method.is_observed for method in methods)}
    )
    return True


def _add_walkup(
    rng: random.Random, action: StoredAction, chapter: SeedChapter, rows: dict[Any, SeedRows], until: datetime
) -> None:
    """Somebody typed a number that matches nobody; it is kept for a fortnight."""
    at, typed = _arrival(rng, action.plan), f"{rng.randint(90_000_000, 99_999_999)}"
    if at > until:
        return
    row_id = new_id()
    rows[Walkup].append(
        {
            "id": row_id,
            "event_id": action.events[chapter.id][0],
            "typed_enc": Walkup.typed.seal(row_id, typed) if at + WALKUPS_KEPT > until else None,
            "typed_index": blind_index("number", typed),
            "kind": "number",
            "until": at + WALKUPS_KEPT,
        }
    )
    rows[Evidence].append(
        _evidence_row(action, chapter, chapter, Method.POSTER, Outcome.WALKUP, at, walkup_id=row_id)
        | {"chapter_id": None}
    )


def _evidence_row(
    action: StoredAction,
    host: SeedChapter,
    home: SeedChapter,
    method: Method,
    outcome: Outcome,
    at: datetime,
    *,
    member_id: uuid.UUID | None = None,
    walkup_id: uuid.UUID | None = None,
) -> dict[str, Any]:
    event_id, shift_id = action.events[host.id]
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


def _arrival(rng: random.Random, plan: PastActionPlan) -> datetime:
    """Most come in the minutes around the start; to a count without a line they come all day."""
    if plan.kind is ActionKind.COUNT:
        return plan.starts_at + (plan.ends_at - plan.starts_at) * rng.random()
    minutes = min(max(rng.gauss(2, 8), -25), 40)
    return plan.starts_at + timedelta(seconds=round(60 * minutes))


def _make_text_code(used: set[str]) -> str:
    code = make_text_code(5)
    while code in used:
        code = make_text_code(5)
    used.add(code)
    return code
