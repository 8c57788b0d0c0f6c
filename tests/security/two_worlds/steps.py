"""What somebody may do who wants to know whose a number is. Each step gives its answers, by who got them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from werkzeug.test import TestResponse

from mobilize import clock
from mobilize.actions.events.codes import replace_code
from mobilize.actions.models import ActionKind, Event
from mobilize.checkins.forms import event_token
from mobilize.checkins.line.rotating_codes import rotating_code
from mobilize.checkins.member.personal_links import personal_code
from mobilize.database import atomic
from mobilize.privacy.texting.opt_ins import note_opt_ins
from mobilize.reminders.inbox.answers import read_answers
from mobilize.reminders.inbox.shared_phones import ask_who_checked_in
from mobilize.texts.receiving.inbound import take_inbound
from tests.builders import START, ask_question
from tests.security.two_worlds.facts import LIA, OPEN, PROBE, PROBE_NUMBER, World
from tests.services.client import Client

# Who got an answer, what it was, and the answer.
Answers = Iterator[tuple[str, str, TestResponse]]
MEMBER, OUTSIDER, CAPTAIN, OTHER_CAPTAIN, PROGRAM = (
    "a member",
    "outsider",
    "captain of this line",
    "captain of another line",
    "program without names",
)


@dataclass(frozen=True)
class Step:
    """`at`: when it is done. `kind`: of the action in whose world it is played."""

    play: Callable[[World], Answers]
    at: datetime = OPEN
    kind: ActionKind = ActionKind.PICKET


def tap(world: World) -> Answers:
    yield OUTSIDER, "tap", _post(world, Client(world.app, use_cookies=True), typed=PROBE)


def tap_by_number(world: World) -> Answers:
    yield OUTSIDER, "tap", _post(world, Client(world.app, use_cookies=True), typed=PROBE_NUMBER)


def tap_twice_and_on_a_known_phone(world: World) -> Answers:
    phone = Client(world.app, use_cookies=True)
    for n, fields in enumerate(({"typed": PROBE}, {"typed": PROBE}, {"known": "1"})):
        yield OUTSIDER, f"tap {n}", _post(world, phone, **fields)
        yield OUTSIDER, f"form {n}", phone.get(f"/c/{world.here.code}")


def tap_and_undo(world: World) -> Answers:
    phone = Client(world.app, use_cookies=True)
    for n in range(2):
        yield OUTSIDER, f"tap {n}", _post(world, phone, typed=PROBE)
        yield OUTSIDER, f"undo {n}", phone.post(f"/c/{world.here.code}/undo")


def both_numbers_and_one_undo(world: World) -> Answers:
    phone = Client(world.app, use_cookies=True)
    for typed in (PROBE, PROBE_NUMBER):
        yield OUTSIDER, f"tap {typed}", _post(world, phone, typed=typed)
    yield OUTSIDER, "undo", phone.post(f"/c/{world.here.code}/undo")


def several_on_one_page(world: World) -> Answers:
    phone, token = Client(world.app, use_cookies=True), event_token(world.here.code)
    for n, typed in enumerate((PROBE, "2135550177", PROBE_NUMBER, "2135550178", PROBE)):
        yield OUTSIDER, f"tap {n}", _post(world, phone, typed=typed, token=token)


def with_a_ticket(world: World) -> Answers:
    """The changing code was read at the line: the page behind it gives this phone a ticket."""
    phone, code = Client(world.app, use_cookies=True), rotating_code(world.here.id, clock.now())
    yield OUTSIDER, "page", phone.get(f"/c/{world.here.code}/{code}")
    yield OUTSIDER, "tap", _post(world, phone, typed=PROBE)
    yield (
        OUTSIDER,
        "tap behind it",
        phone.post(
            f"/c/{world.here.code}/{code}",
            data={"token": event_token(world.here.code), "typed": PROBE_NUMBER},
        ),
    )


def from_the_queue(world: World) -> Answers:
    yield OUTSIDER, "queue", _send(world, Client(world.app, use_cookies=True), tapped=OPEN)


def with_a_leaked_code(world: World) -> Answers:
    leaked = world.here.code
    with atomic() as session:
        event = session.get_one(Event, world.here.id)
        replace_code(event, leaked, actor="person:x", now=OPEN - timedelta(minutes=1))
        # As if they had been drawn, in all worlds alike, so that nothing needs to be set aside.
        event.code, event.text_code = "DFGHJKMN3", "48249"
    phone = Client(world.app, use_cookies=True)
    yield OUTSIDER, "tap", phone.post(f"/c/{leaked}", data={"token": event_token(leaked), "typed": PROBE})
    yield OUTSIDER, "queue", _send(world, phone, tapped=OPEN, code=leaked)


def leave(world: World) -> Answers:
    phone = Client(world.app, use_cookies=True)
    yield OUTSIDER, "tap", _post(world, phone, typed=PROBE)
    yield OUTSIDER, "leave", _post(world, phone, typed=PROBE, left="1")
    yield OUTSIDER, "undo", phone.post(f"/c/{world.here.code}/undo")


def only_leave(world: World) -> Answers:
    yield OUTSIDER, "leave", _post(world, Client(world.app, use_cookies=True), typed=PROBE, left="1")


def text_here(world: World) -> Answers:
    """The answer goes to that phone alone; whoever sent it in its name sees none."""
    for n in range(2):
        take_inbound(f"SM{n:032d}", f"+1{PROBE}", f"HERE {world.here.text_code}", now=clock.now())
    read_answers(clock.now())
    yield from ()


def ask_for_codes(world: World) -> Answers:
    """Sign-in, the member's own page and texts, with the number of somebody else."""
    for path, then in (("/sign-in", "/sign-in/code"), ("/me", "/me/code")):
        phone = Client(world.app, use_cookies=True)
        yield OUTSIDER, path, phone.post(path, data={"phone": PROBE})
        yield OUTSIDER, then, phone.get(then)
        yield OUTSIDER, f"{then} wrong", phone.post(then, data={"code": "123456"})
    for n in range(2):
        phone = Client(world.app, use_cookies=True)
        yield OUTSIDER, f"texts {n}", phone.post("/texting", data={"phone": PROBE, "agree": "y"})
        yield OUTSIDER, f"texts done {n}", phone.get("/texting/done")
        note_opt_ins(now=clock.now())


def walk_in(world: World) -> Answers:
    items = [_walkin(n, typed) for n, typed in enumerate((PROBE, PROBE, PROBE_NUMBER))]
    yield CAPTAIN, "items", _upload(world, world.here, items)
    yield CAPTAIN, "again", _upload(world, world.here, items)
    form = {"do": "walkin", "typed": PROBE, "nonce": "1" * 32}
    captain = captain_of(world, world.here)
    yield CAPTAIN, "form", captain.post(f"/line/{world.here.code}/do", data=form)
    yield CAPTAIN, "page after it", captain.get(f"/line/{world.here.code}")


def a_shared_phone_answers(world: World) -> Answers:
    """By the captain's walk-in a phone that several share is asked whose it is, and its answer comes."""
    now, phone = clock.now(), f"+1{PROBE}"
    yield CAPTAIN, "items", _upload(world, world.here, [_walkin(1, PROBE)])
    if ask_who_checked_in(now):
        ask_question(phone, "who_is_here", world.here.id, expires_at=world.here.ends_at, now=now)
    take_inbound(f"SM{0:032d}", phone, "all of us", now=now + timedelta(seconds=5))
    read_answers(now + timedelta(seconds=6))


def walk_in_elsewhere(world: World) -> Answers:
    """By the captain of another line, on whose list some of the people of these worlds stand."""
    yield OTHER_CAPTAIN, "items", _upload(world, world.elsewhere, [_walkin(1, "2135550177")])
    yield CAPTAIN, "items", _upload(world, world.here, [_walkin(2, PROBE)])


def late_upload(world: World) -> Answers:
    """From a phone that had no network for nine days: a line's, and the attacker's own."""
    yield CAPTAIN, "items", _upload(world, world.here, [_walkin(1, PROBE)], sent_at=clock.now())
    yield OUTSIDER, "queue", _send(world, Client(world.app, use_cookies=True), tapped=OPEN)


def months_later(world: World) -> Answers:
    """Send when the named totals are out: it moves none of them."""
    phone = Client(world.app, use_cookies=True)
    for n in range(5):
        typed = (PROBE, PROBE_NUMBER, "2135550177")[n % 3]
        yield OUTSIDER, f"queue {n}", _send(world, phone, tapped=OPEN, typed=typed, n=n)
    yield OUTSIDER, "undo", phone.post(f"/c/{world.here.code}/undo")
    yield OUTSIDER, "tap", _post(world, phone, typed=PROBE)
    yield CAPTAIN, "items", _upload(world, world.here, [_walkin(1, PROBE)], sent_at=clock.now())


def by_a_wrong_clock(world: World) -> Answers:
    """Both phones' clocks were set between the tap and now: when it was, only the phone says."""
    sent_at, tapped = clock.now() + timedelta(days=1), OPEN + timedelta(days=1, minutes=3)
    phone = Client(world.app, use_cookies=True)
    for n, typed in enumerate((PROBE, PROBE, PROBE_NUMBER)):
        answer = _send(world, phone, tapped=tapped, typed=typed, n=n, sent_at=sent_at, age_ms=60_000)
        yield OUTSIDER, f"queue {n}", answer
    items = [_walkin(n, typed) | {"age_ms": 60_000} for n, typed in enumerate((PROBE, PROBE_NUMBER))]
    yield CAPTAIN, "items", _upload(world, world.here, items, sent_at=sent_at)
    yield OUTSIDER, "undo", phone.post(f"/c/{world.here.code}/undo")


def tick_and_untick(world: World) -> Answers:
    """The same name in all worlds, in one of which its number was typed: observed figures move alike."""
    yield OUTSIDER, "tap", _post(world, Client(world.app, use_cookies=True), typed=PROBE)
    for n, kind in enumerate(("tick", "tick", "untick", "tick")):
        item = _item(n, kind, member=str(LIA))
        yield CAPTAIN, f"{n} {kind}", _upload(world, world.here, [item])


def untick_at_last(world: World) -> Answers:
    yield OUTSIDER, "tap", _post(world, Client(world.app, use_cookies=True), typed=PROBE)
    for n, kind in enumerate(("tick", "untick")):
        item = _item(n, kind, member=str(LIA))
        yield CAPTAIN, f"{n} {kind}", _upload(world, world.here, [item])


def scan(world: World) -> Answers:
    yield OUTSIDER, "tap", _post(world, Client(world.app, use_cookies=True), typed=PROBE)
    own = f"{world.here.code}/{personal_code(world.here.id, LIA)}"
    for n in range(2):
        item = _item(n, "scan", personal=own)
        yield CAPTAIN, f"scan {n}", _upload(world, world.here, [item])


def by_the_members_own_link(world: World) -> Answers:
    yield OUTSIDER, "tap", _post(world, Client(world.app, use_cookies=True), typed=PROBE)
    phone = Client(world.app, use_cookies=True)
    address = f"/p/{world.here.code}/{personal_code(world.here.id, LIA)}"
    for n in range(2):
        yield MEMBER, f"page {n}", phone.get(address)
        yield MEMBER, f"tap {n}", phone.post(address, data={})
    yield OUTSIDER, "undo", Client(world.app, use_cookies=True).post(f"/c/{world.here.code}/undo")


def a_program_reports_numbers(world: World) -> Answers:
    """One by one and many at once, each sent twice."""
    path = f"/events/{world.here.id}/check-ins"
    for n, typed in enumerate((PROBE, PROBE_NUMBER, "2135550177", PROBE)):
        for again in ("", " again"):
            answer = world.program.post(path, {"typed": typed}, key=f"by-number-{n}")
            yield PROGRAM, f"typed {n}{again}", answer
    items = [{"key": f"batch-{n:04d}", "typed": typed} for n, typed in enumerate((PROBE, PROBE_NUMBER, "77"))]
    for n in range(2):
        answer = world.program.post(f"{path}/batch", {"items": items}, key="the-batch-1")
        yield PROGRAM, f"batch {n}", answer
    heads = world.program.post(f"/events/{world.here.id}/head-counts", {"n": 29}, key="heads-0001")
    yield PROGRAM, "heads", heads


def a_program_reports_a_member(world: World) -> Answers:
    """The same id in all worlds, in one of which its number was typed: whether they were in is not told."""
    yield OUTSIDER, "tap", _post(world, Client(world.app, use_cookies=True), typed=PROBE)
    path = f"/events/{world.here.id}/check-ins"
    for n in range(2):
        answer = world.program.post(path, {"member": str(LIA)}, key=f"by-id-{n:04d}")
        yield PROGRAM, f"by id {n}", answer
    items = [{"key": "batch-0001", "member": str(LIA)}]
    yield PROGRAM, "batch", world.program.post(f"{path}/batch", {"items": items}, key="the-batch-1")


def a_program_says_who_left(world: World) -> Answers:
    yield OUTSIDER, "tap", _post(world, Client(world.app, use_cookies=True), typed=PROBE)
    path = f"/events/{world.here.id}/check-ins"
    for n, who in enumerate(({"member": str(LIA)}, {"typed": PROBE}, {"typed": "2135550177"})):
        answer = world.program.post(path, {**who, "left": True}, key=f"leaves-{n:04d}")
        yield PROGRAM, f"leaves {n}", answer


STEPS = {
    "tap": Step(tap),
    "tap by number": Step(tap_by_number),
    "tap twice": Step(tap_twice_and_on_a_known_phone),
    "tap and undo": Step(tap_and_undo),
    "both numbers, one undo": Step(both_numbers_and_one_undo),
    "several on one page": Step(several_on_one_page),
    "with a ticket": Step(with_a_ticket),
    "from the queue": Step(from_the_queue),
    "with a leaked code": Step(with_a_leaked_code),
    "leave": Step(leave, kind=ActionKind.STRIKE),
    "only leave": Step(only_leave, kind=ActionKind.STRIKE),
    "text": Step(text_here),
    "ask for codes": Step(ask_for_codes),
    "walk-in": Step(walk_in),
    "walk-in, and its phone answers": Step(a_shared_phone_answers),
    "walk-in elsewhere": Step(walk_in_elsewhere),
    "wrong clock": Step(by_a_wrong_clock, at=OPEN + timedelta(hours=1)),
    "wrong clock, days later": Step(by_a_wrong_clock, at=START + timedelta(days=2)),
    "tick and untick": Step(tick_and_untick),
    "untick at last": Step(untick_at_last),
    "scan": Step(scan),
    "own link": Step(by_the_members_own_link),
    "program, by number": Step(a_program_reports_numbers),
    "program, by id": Step(a_program_reports_a_member),
    "program, who left": Step(a_program_says_who_left, kind=ActionKind.STRIKE),
    "late upload": Step(late_upload, at=START + timedelta(days=9)),
    "months later": Step(months_later, at=START + timedelta(days=30)),
}


def captain_of(world: World, event: Event) -> Client:
    """A phone with that line's link; it stays at the address it was opened at."""
    code = _first(world, event)
    phone = Client(world.app, use_cookies=True)
    phone.set_cookie(f"line-{code}", world.captains[code], domain="localhost")
    return phone


def _first(world: World, event: Event) -> str:
    """The code this line had when its link was opened."""
    codes = list(world.captains)
    return codes[0] if event.id == world.here.id else codes[1]


def _post(world: World, phone: Client, **fields: str) -> TestResponse:
    form = {"token": event_token(world.here.code), **fields}
    return phone.post(f"/c/{world.here.code}", data=form)


def _send(
    world: World,
    phone: Client,
    *,
    tapped: datetime,
    code: str = "",
    typed: str = PROBE,
    n: int = 0,
    sent_at: datetime | None = None,
    **more: int,
) -> TestResponse:
    code = code or world.here.code
    saved = {
        "nonce": f"{n:032x}",
        "typed": typed,
        "at": tapped.isoformat(),
        "sent_at": (sent_at or clock.now()).isoformat(),
        "token": event_token(code),
        **more,
    }
    return phone.post(f"/c/{code}", json=saved)


def _walkin(n: int, typed: str) -> dict[str, Any]:
    return _item(n, "walkin", typed=typed)


def _item(n: int, kind: str, **more: str) -> dict[str, Any]:
    return {"nonce": f"{n + 900:032x}", "kind": kind, "at": OPEN.isoformat(), **more}


def _upload(
    world: World, event: Event, items: list[dict[str, Any]], sent_at: datetime | None = None
) -> TestResponse:
    more = {"sent_at": sent_at.isoformat()} if sent_at else {}
    code = _first(world, event)
    return captain_of(world, event).post(f"/line/{code}/items", json={"items": items, **more})
