"""The drawing in docs/check-in.md, walked with two reasons true at once: the earlier one decides."""

import itertools
import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mobilize.actions.models import EventState
from mobilize.checkins.models import CheckInKind, Evidence, Method, Outcome, Tier
from mobilize.checkins.record.decision import Lookup, decide
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import CheckInRequest, check_in
from mobilize.checkins.review.queue import unmatched
from mobilize.database import atomic, db
from mobilize.errors import Refused
from tests.builders import START, make_event, make_member, make_site
from tests.checkins.morning import OPEN, attendance, evidence, nonce, uncertain_times

EARLIER = OPEN - timedelta(hours=3)
OUTSIDE = {"happened_at": EARLIER}
UNCERTAIN = {"happened_at": EARLIER, "span": (datetime(1, 1, 1, tzinfo=UTC), OPEN)}
MIA, STRANGER, SHARED = ({"typed": n} for n in ("2135550101", "2135550142", "2135550150"))
SAME_BODY, OTHER_BODY = {"sent_before": b"body"}, {"sent_before": b"another"}
CALLED_OFF, FORGOTTEN, NOT_HERE = {"called_off": True}, {"forgotten": True}, {"not_here": True}
NEEDS_REVIEW, LEAVES, IN_ALREADY = {"needs_review": True}, {"kind": CheckInKind.LEFT}, {"in_already": True}
# What the drawing calls each reason, and what makes it true; two that set the same cannot both be true.
REASONS: dict[str, dict[str, Any]] = {
    "yes, same body": SAME_BODY,
    "yes, another body": OTHER_BODY,
    "event called off": CALLED_OFF,
    "action forgotten": FORGOTTEN,
    "30 min before to 30 after": OUTSIDE,
    "members by that number: none": STRANGER,
    "several": SHARED,
    "uploaded a day late": NEEDS_REVIEW,
    "may their chapter stand here": NOT_HERE,
    "maybe within the hours": UNCERTAIN,
    "does it say that they leave": LEAVES,
    "in already": IN_ALREADY,
    "no": {},
}
ANSWERED_BEFORE = "the stored answer again", "refused (422), the first stays"
DOCS = Path(__file__).parents[2] / "docs/check-in.md"


def drawn() -> list[tuple[str, str]]:
    """The steps of the drawing, in order: what is asked there, and what comes of it."""
    steps, condition = [], ""
    for line in DOCS.read_text().split("## The order of decision")[1].split("```")[1].splitlines():
        if line.strip() == "|":
            condition = ""
            continue
        condition = re.sub(r"[\s|-]+", " ", f"{condition} {line.partition('->')[0]}").strip()
        if branch := re.search(r"-> (.+?)(  |$)", line):
            steps.append((condition, branch[1]))
            condition = ""
    return steps


def in_order() -> list[tuple[dict[str, Any], str]]:
    """Each reason with what comes of it, as the drawing has them."""
    return [
        (reason, outcome)
        for condition, outcome in drawn()
        for name, reason in REASONS.items()
        if name == condition or (name != "no" and name in condition)
    ]


ORDER = in_order()


def can_both_be(*reasons: dict[str, Any]) -> bool:
    return all(not a.keys() & b.keys() for a, b in itertools.combinations(reasons, 2))


def test_every_step_of_the_drawing_is_walked():
    assert [reason for reason, _outcome in ORDER] == list(REASONS.values())
    assert [outcome for _reason, outcome in ORDER if outcome != "unresolved"] == [
        outcome for _condition, outcome in drawn() if outcome != "unresolved"
    ]


def test_check_in_states_the_order_of_the_drawing():
    stated = re.findall(r"`(\w+)`", check_in.__doc__.split("order of decision")[1].split("Raises")[0])
    steps = [outcome for _condition, outcome in drawn() if outcome not in ANSWERED_BEFORE]
    assert stated == steps


@pytest.fixture
def site(app):
    site = make_site()
    make_member(site=site, phone="+12135550101")
    for _twice in range(2):
        make_member(site=site, phone="+12135550150")
    return site


def request_of(event_id, values):
    values = {"nonce": nonce(), "body": b"body", "method": Method.POSTER, "happened_at": OPEN} | MIA | values
    values["typed"] = read_typed(values["typed"])
    return CheckInRequest(event_id=event_id, **values)


def stored(event, **values):
    """The evidence that is stored of a request."""
    return db.session.get(Evidence, check_in(request_of(event.id, values), now=OPEN).evidence_id)


def event_where(world, site):
    event = make_event(make_site() if "not_here" in world else site)
    if "in_already" in world:
        stored(event)
    with atomic():
        event.action.elsewhere_ok = "not_here" not in world
        if "called_off" in world:
            event.state = EventState.CALLED_OFF
        if "forgotten" in world:
            event.action.forgotten_at = OPEN
    return event


def apart(reason):
    """The facts of the world, and those of the request."""
    fields = set(CheckInRequest.__dataclass_fields__)
    world = {name: value for name, value in reason.items() if name not in fields}
    return world, {name: value for name, value in reason.items() if name in fields}


def flagged(reason, outcome):
    """Whether what is stored says that its time is uncertain."""
    return "span" in reason and outcome in ("walkup", "ambiguous")


@pytest.mark.parametrize(("reason", "outcome"), [step for step in ORDER if step[1] not in ANSWERED_BEFORE])
def test_of_two_reasons_the_first_decides(site, reason, outcome):
    later = [other for other, _outcome in ORDER[ORDER.index((reason, outcome)) + 1 :]]
    both = [reason | other for other in later if can_both_be(reason, other)] or [reason]
    for case in both:
        world, values = apart(case)
        event = event_where(world, site)
        row = stored(event, **values)
        uncertain = reason is UNCERTAIN or flagged(case, outcome)
        assert (row.outcome, row.time_uncertain) == (outcome, uncertain), case
        counts = outcome in ("counted", "repeat") or "in_already" in case
        assert len(attendance(event)) == counts, case


@pytest.mark.parametrize("other", [reason for reason, outcome in ORDER if outcome not in ANSWERED_BEFORE])
def test_a_nonce_that_was_stored_decides_before_all_else(site, other):
    world, values = apart(other)
    event, name = event_where(world, site), nonce()
    first = check_in(request_of(event.id, values | {"nonce": name}), now=OPEN)
    rows = [row.id for row in evidence(event)]
    assert check_in(request_of(event.id, {"nonce": name}), now=OPEN) == first
    with pytest.raises(Refused) as refusal:
        check_in(request_of(event.id, values | {"nonce": name, "body": OTHER_BODY["sent_before"]}), now=OPEN)
    assert (refusal.value.code, refusal.value.status) == ("nonce_reused", 422)
    assert [row.id for row in evidence(event)] == rows


def looked_up(world, typed):
    """The row the database would give."""
    members = {MIA["typed"]: 1, STRANGER["typed"]: 0, SHARED["typed"]: 2}[typed]
    row = Lookup(
        shift_id=uuid.uuid4(),
        starts_at=START,
        ends_at=START + timedelta(hours=2),
        state=EventState.CALLED_OFF if "called_off" in world else EventState.PLANNED,
        event_starts_at=START,
        event_ends_at=START + timedelta(hours=2),
        elsewhere_ok="not_here" not in world,
        forgotten_at=OPEN if "forgotten" in world else None,
        members=members or None,
        member_id=uuid.uuid4() if members else None,
        chapter_id=None,
        chapter_belongs=False,
        stored_id=None,
        stored_outcome=Outcome.COUNTED,
        stored_member_id=None,
        stored_body=None,
        stored_at=None,
        places_taken=None,
        own_place=None,
    )
    return [row]


def test_of_any_number_of_reasons_the_first_decides_and_no_database_is_asked():
    """All that `decide()` knows of: not what was stored before, nor who is in already."""
    steps = [step for step in ORDER if not {"sent_before", "in_already"} & step[0].keys()]
    walked = 0
    for size in range(1, len(steps) + 1):
        for some in itertools.combinations(steps, size):
            if not can_both_be(*(reason for reason, _outcome in some)):
                continue
            case = {name: value for reason, _outcome in some for name, value in reason.items()}
            world, values = apart(case)
            built = request_of(uuid.uuid4(), values)
            decision = decide(looked_up(world, values.get("typed", MIA["typed"])), built)
            reason, outcome = some[0]
            uncertain = reason is UNCERTAIN or flagged(case, outcome)
            assert (decision.outcome, decision.time_uncertain) == (outcome, uncertain), case
            walked += 1
    assert walked > 200


@pytest.mark.parametrize("values", [OUTSIDE, UNCERTAIN])
def test_at_a_called_off_event_the_chair_is_not_told_that_a_clock_was_wrong(site, values):
    event = event_where(CALLED_OFF, site)
    stored(event, **values)
    [waits] = unmatched([event])
    assert not waits.time_uncertain and uncertain_times(event.id) == 0


@pytest.mark.parametrize("values", [UNCERTAIN, {}])
def test_the_seventh_by_one_reading_is_self_reported_whatever_else_is_so(site, values):
    event, ticket = make_event(site), {"method": Method.ROTATING, "ticket": bytes(16)}
    for n in range(6):
        stored(event, typed=f"213555099{n}", **ticket)
    seventh = stored(event, **ticket, **values)
    assert seventh.outcome == ("unresolved" if values else "counted")
    assert (seventh.tier, seventh.time_uncertain) == (Tier.SELF, bool(values))


@pytest.mark.parametrize(
    ("method", "ticket", "place"),
    [(Method.ROTATING, b"ticket", 1), (Method.ROTATING, None, None), (Method.POSTER, b"ticket", None)],
)
def test_a_place_is_taken_only_by_the_changing_code_with_a_ticket(method, ticket, place):
    fields = {"nonce": nonce(), "body": b"body", "happened_at": OPEN, "typed": read_typed(MIA["typed"])}
    request = CheckInRequest(event_id=uuid.uuid4(), method=method, ticket=ticket, **fields)
    decision = decide(looked_up({}, MIA["typed"]), request)
    assert (decision.method, decision.ticket_place) == (method if place else None, place)
