"""Every acknowledged operation of the morning, against the rows: nothing is lost, and nothing doubled."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import func, select

from bench.morning_place import Service
from bench.morning_plan import QUESTION, Size, World
from bench.morning_seed import TEXT_BODY
from bench.turnout_seed import phone_of
from mobilize.accounts.models import Person, SignedInSession
from mobilize.actions.models import Event
from mobilize.checkins.models import Attendance, Evidence, HeadCount
from mobilize.database import db
from mobilize.keys.crypto import blind_index
from mobilize.texts.models import OutboxText, TextState

# What was answered or sent in the last second is through by then.
SETTLED_WITHIN = 60.0


def verify(load: dict[str, Any], running: Service, world: World, size: Size) -> list[str]:
    """What is wrong, in words; nothing when all is well."""
    events = _events(world)
    _wait(lambda: not _lost_texts(size) and not _lost_answers(load, world, events))
    acked, tried = load["acked"], load["tried"]
    return [
        *_compare("check-in or tick", _nonces(Evidence, events),
                  _of(acked, "check-in", "tick"), _of(tried, "check-in", "tick")),
        *_compare("head count", _nonces(HeadCount, events, via="line"),
                  _of(acked, "head_count"), _of(tried, "head_count")),
        *_attendance(acked, tried, events),
        *_lost_answers(load, world, events),
        *_lost_texts(size),
        *_texts(running, load, size),
        *_sign_ins(acked.get("sign-in", [])),
    ]  # fmt: skip


def _events(world: World) -> list[Any]:
    """The event of each line, in the lines' order."""
    by_code = dict(db.session.execute(select(Event.code, Event.id)).all())
    return [by_code[line.code] for line in world.lines]


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLED_WITHIN
    while not until() and time.monotonic() < deadline:
        time.sleep(1)


def _of(kinds: dict[str, list[Any]], *names: str) -> set[str]:
    return {one[0] for name in names for one in kinds.get(name, [])}


def _nonces(table: Any, events: Iterable[Any], **where: Any) -> list[str]:
    db.session.rollback()
    rows = select(table.nonce).where(table.event_id.in_(list(events))).filter_by(**where)
    return [nonce.hex() for nonce in db.session.scalars(rows)]


def _compare(what: str, stored: list[str], acked: set[str], tried: set[str]) -> list[str]:
    """Stored is what was acknowledged, once; and what was sent without an answer, at most once."""
    problems = {
        "acknowledged and not stored": len(acked - set(stored)),
        "stored twice": len(stored) - len(set(stored)),
        "stored and never sent": len(set(stored) - tried),
    }
    return [f"{n} x {what} {problem}" for problem, n in problems.items() if n]


def _attendance(acked: dict[str, Any], tried: dict[str, Any], events: list[Any]) -> list[str]:
    rows = select(Attendance.event_id, Attendance.member_id).where(Attendance.event_id.in_(events))
    stored = Counter((event, str(member)) for event, member in db.session.execute(rows))
    counted, sent = (_present(kinds, events) for kinds in (acked, tried))
    problems = {
        "acknowledged and not counted": len(counted - stored.keys()),
        "counted twice": sum(n > 1 for n in stored.values()),
        "counted and never sent": len(stored.keys() - sent),
    }
    return [f"{n} x attendance {problem}" for problem, n in problems.items() if n]


def _present(kinds: dict[str, Any], events: list[Any]) -> set[tuple[Any, str]]:
    steps = [step for name in ("check-in", "tick") for step in kinds.get(name, [])]
    return {(events[line], member) for _nonce, line, member in steps}


def _lost_answers(load: dict[str, Any], world: World, events: list[Any]) -> list[str]:
    """A chair's answer is the head count of their line, once."""
    db.session.rollback()
    counts = select(HeadCount.event_id, HeadCount.n).where(
        HeadCount.event_id.in_(events), HeadCount.via == "text"
    )
    stored = Counter(tuple(row) for row in db.session.execute(counts))
    line_of = {line.chair: n for n, line in enumerate(world.lines)}
    expected = Counter((events[line_of[phone]], int(n)) for phone, n in load["acked"].get("answer", []))
    return (
        []
        if stored == expected
        else [f"{sum(expected.values())} answers, {sum(stored.values())} head counts"]
    )


def _lost_texts(size: Size) -> list[str]:
    """What was due has left and been delivered, as its receipts say; what waits for later waits."""
    db.session.rollback()
    states = select(OutboxText.state, func.count()).group_by(OutboxText.state)
    problems = []
    for purpose, state, expected in (
        ("now", TextState.DELIVERED, size.texts),
        ("later", TextState.WAITING, size.planned),
    ):
        own_rows = states.where(OutboxText.idempotency_key.startswith(f"morning.{purpose}:"))
        counts = dict(db.session.execute(own_rows).all())
        if counts != {state: expected}:
            problems.append(f"{expected} texts shall be {state}: {dict(counts)}")
    return problems


def _texts(running: Service, load: dict[str, Any], size: Size) -> list[str]:
    """Each text left once, as the carrier says."""
    taken = running.ledger()
    texts = Counter(text["to"] for text in taken if text["body"].startswith(TEXT_BODY))
    questions = Counter(text["to"] for text in taken if QUESTION in text["body"])
    codes = Counter(text["to"] for text in taken if "sign-in code" in text["body"])
    expected = {phone_of(n) for n in range(size.texts)}
    doubled = sum(n > 1 for counts in (texts, questions, codes) for n in counts.values())
    problems = {
        "texts are not with the carrier": len(expected - texts.keys()),
        "texts are with the carrier that nobody wanted": len(texts.keys() - expected),
        "texts left twice": doubled,
        "chairs were not asked for their count": size.sites - len(questions),
    }
    return [f"{n} {problem}" for problem, n in problems.items() if n]


def _sign_ins(phones: list[str]) -> list[str]:
    indexes = [blind_index("phone", phone) for phone in phones]
    sessions = select(func.count()).select_from(SignedInSession).join(Person)
    stored = db.session.scalar(sessions.where(Person.phone_index.in_(indexes))) or 0
    return [] if stored == len(phones) else [f"{len(phones)} signed in, {stored} sessions"]
