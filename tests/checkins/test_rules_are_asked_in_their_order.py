"""The drawing in docs/check-in.md, walked with two reasons true at once: the first one decides."""

from datetime import UTC, datetime, timedelta

import pytest

from mobilize.actions.models import EventState
from mobilize.checkins.models import Evidence, Method, Tier
from mobilize.checkins.operations import Proof, check_in
from mobilize.checkins.queries import uncertain_times
from mobilize.checkins.typed import read_typed
from mobilize.checkins.unmatched import unmatched
from mobilize.database import atomic, db
from tests.builders import make_event, make_member, make_site
from tests.checkins.morning import OPEN, attendance, nonce

EARLIER = OPEN - timedelta(hours=3)
UNCERTAIN = {"happened_at": EARLIER, "span": (datetime(1, 1, 1, tzinfo=UTC), OPEN)}
OUTSIDE = {"happened_at": EARLIER}
MIA, STRANGER, SHARED = ({"typed": n} for n in ("2135550101", "2135550142", "2135550150"))
# What is so of the event - what is said - its outcome, and whether the time is what the chair decides.
ORDER = [
    ("called_off", OUTSIDE | MIA, "unresolved", False),
    ("called_off", UNCERTAIN | MIA, "unresolved", False),
    ("called_off", UNCERTAIN | STRANGER, "unresolved", False),
    ("forgotten", OUTSIDE | MIA, "unresolved", False),
    ("forgotten", UNCERTAIN | MIA, "unresolved", False),
    ("", OUTSIDE | STRANGER, "outside_hours", False),
    ("", OUTSIDE | SHARED, "outside_hours", False),
    ("", OUTSIDE | MIA | {"for_a_person": True}, "outside_hours", False),
    ("not_here", OUTSIDE | MIA, "outside_hours", False),
    ("in_already", OUTSIDE | MIA, "outside_hours", False),
    ("", UNCERTAIN | STRANGER, "walkup", True),
    ("", UNCERTAIN | SHARED, "ambiguous", True),
    ("", STRANGER | {"for_a_person": True}, "walkup", False),
    ("", UNCERTAIN | MIA | {"for_a_person": True}, "unresolved", False),
    ("not_here", UNCERTAIN | MIA, "unresolved", False),
    ("not_here", MIA | {"for_a_person": True}, "unresolved", False),
    ("", UNCERTAIN | MIA, "unresolved", True),
    ("in_already", UNCERTAIN | MIA, "unresolved", True),
    ("in_already", MIA | {"for_a_person": True}, "unresolved", False),
    ("in_already", MIA, "repeat", False),
    ("", MIA, "counted", False),
]


@pytest.fixture
def site(app):
    site = make_site()
    make_member(site=site, phone="+12135550101")
    for _twice in range(2):
        make_member(site=site, phone="+12135550150")
    return site


def told(event, **said):
    """The evidence that is stored of it."""
    said["typed"] = read_typed(said["typed"])
    proof = {"nonce": nonce(), "body": b"said", "method": Method.POSTER, "happened_at": OPEN, **said}
    return db.session.get(Evidence, check_in(Proof(event_id=event.id, **proof), now=OPEN).evidence_id)


def event_where(what, site):
    event = make_event(make_site() if what == "not_here" else site)
    if what == "in_already":
        told(event, **MIA)
    with atomic():
        event.action.elsewhere_ok = what != "not_here"
        if what == "called_off":
            event.state = EventState.CALLED_OFF
        if what == "forgotten":
            event.action.forgotten_at = OPEN
    return event


@pytest.mark.parametrize(("what", "said", "outcome", "uncertain"), ORDER)
def test_of_two_reasons_the_first_decides(site, what, said, outcome, uncertain):
    event = event_where(what, site)
    stored = told(event, **said)
    assert (stored.outcome, stored.time_uncertain) == (outcome, uncertain)
    standing = {"counted", "repeat"} & {outcome} or what == "in_already"
    assert len(attendance(event)) == bool(standing)


@pytest.mark.parametrize("said", [OUTSIDE, UNCERTAIN])
def test_at_a_called_off_event_the_chair_is_not_told_that_a_clock_was_wrong(site, said):
    event = event_where("called_off", site)
    told(event, **said | MIA)
    [waits] = unmatched([event])
    assert not waits.time_uncertain and uncertain_times(event.id) == 0


@pytest.mark.parametrize("said", [UNCERTAIN, {}])
def test_the_seventh_by_one_reading_is_self_reported_whatever_else_is_so(site, said):
    event, ticket = make_event(site), {"method": Method.ROTATING, "ticket": bytes(16)}
    for n in range(6):
        told(event, typed=f"213555099{n}", **ticket)
    seventh = told(event, **ticket, **MIA | said)
    assert seventh.outcome == ("unresolved" if said else "counted")
    assert (seventh.tier, seventh.time_uncertain) == (Tier.SELF, bool(said))
