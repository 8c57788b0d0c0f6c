"""A queue that waited for a network comes in batches of a few statements each: nobody else waits for it."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import event as listening

from mobilize.checkins.forms import MOST_ITEMS
from mobilize.database import db
from tests.builders import make_event, make_member
from tests.checkins.morning import OPEN, attendance, evidence, grant_for, item, send

pytestmark = pytest.mark.usefixtures("in_the_morning")

TICK, DUTY, LEFT, UNTICK = (
    {"kind": "tick"},
    {"kind": "tick", "duty": "kitchen"},
    {"kind": "left"},
    {"kind": "untick"},
)


@pytest.fixture
def statements(app):
    """The statements of the application from now on, beside the check-ins themselves, each of which about
    one member is a statement of its own (`batching._without_conflicts`); without the savepoints about it."""
    sent = []
    own = ("given_rows", "SAVEPOINT", "INSERT INTO evidence", "INSERT INTO attendance", "AS INTEGER) AS n")

    def note(_connection, _cursor, statement, *_rest):
        if not any(part in statement for part in own):
            sent.append(statement)

    listening.listen(db.engine, "before_cursor_execute", note)
    yield sent
    listening.remove(db.engine, "before_cursor_execute", note)


def batch_of(members, *kinds, first=1):
    """One of each kind in turn, for the members in turn."""
    return [
        item(first + n, **kinds[n % len(kinds)], member=members[n % len(members)]) for n in range(MOST_ITEMS)
    ]


@pytest.mark.parametrize("kind", [TICK, DUTY, LEFT, UNTICK], ids=["ticks", "duties", "leavings", "undos"])
@pytest.mark.parametrize("people", [1, MOST_ITEMS])
def test_a_full_batch_is_a_few_statements_for_one_member_and_for_many(
    line, event, site, statements, kind, people
):
    members = [str(make_member(site=site).id) for _ in range(people)]
    send(line, event, *batch_of(members, TICK))
    statements.clear()
    send(line, event, *batch_of(members, kind, first=1000))
    assert len(statements) < 40, "however many items it has"


def test_ticks_and_undos_in_turn_are_stored_together(line, event, site, statements):
    members = [str(make_member(site=site).id) for _ in range(MOST_ITEMS)]
    send(line, event, *batch_of(members, TICK))
    statements.clear()
    answers = send(line, event, *batch_of(members, DUTY, UNTICK, first=1000))
    assert [answer["outcome"] for answer in answers[:2]] == ["repeat", "undone"]
    assert len(statements) < 40, "of different members: their order among each other is none"
    assert len(attendance(event)) == MOST_ITEMS / 2


def test_attendance_is_derived_once_for_a_batch_whatever_it_says_of_a_member(line, event, mia, statements):
    send(line, event, *batch_of([str(mia.id)], DUTY, UNTICK))
    assert len([one for one in statements if one.startswith("INSERT INTO attendance")]) <= 1
    assert not attendance(event), "the last word was an undo"
    send(line, event, *batch_of([str(mia.id)], UNTICK, DUTY, first=1000))
    assert [row.duty for row in attendance(event)] == ["kitchen"]


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_amounts_to_what_its_items_amount_to_one_by_one(client, site, seed):
    chance = random.Random(seed)
    members = [str(make_member(site=site).id) for _ in range(3)]
    lines = [
        {**chance.choice([TICK, DUTY, LEFT, UNTICK]), "member": chance.choice(members)} for _ in range(40)
    ]
    at = [(OPEN - timedelta(minutes=4) + timedelta(seconds=5 * n)).isoformat() for n in range(40)]
    items = [{**item(n + 1, **one), "at": at[n]} for n, one in enumerate(lines)]
    stands = []
    for batches in ([items], [[one] for one in items]):
        event = make_event(site)
        client.set_cookie(f"line-{event.code}", grant_for(event)[1], domain="localhost")
        answers = [answer["outcome"] for batch in batches for answer in send(client, event, *batch)]
        rows = [(str(r.member_id), r.tier, r.first_at, r.out_at, r.duty) for r in attendance(event)]
        stands.append((sorted(rows, key=str), len(evidence(event)), answers.count("undone")))
    assert stands[0] == stands[1]


def test_more_than_a_batch_is_refused_by_a_stable_code_and_nothing_of_it_is_stored(line, event, mia):
    items = [item(n, member=str(mia.id)) for n in range(1, MOST_ITEMS + 2)]
    answer = line.post(f"/line/{event.code}/items", json={"items": items})
    assert (answer.status_code, answer.json["error"]) == (422, "too_many_items")
    assert not evidence(event)
    assert len(send(line, event, *items[:MOST_ITEMS])) == MOST_ITEMS
