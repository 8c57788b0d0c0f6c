"""Check-ins stored together, in one statement or transaction, become what they would have become alone."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from mobilize.checkins.models import Method
from mobilize.checkins.record import batching as settled_claims
from mobilize.checkins.record.batching import BatchItem, process, to_result
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.identifiers import Identifier
from mobilize.checkins.record.known_phones import phone_row
from mobilize.checkins.record.operations import check_in, check_in_all
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.fast.statements import retried
from mobilize.keys.tokens import random_token
from tests.builders import START, make_action, make_event, make_member, make_site
from tests.checkins.morning import OPEN, attendance, evidence, tick_proof

FEW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TYPED = {
    "member": ("phone", "+12135550101"),
    "their number": ("number", "44000101"),
    "shared phone": ("phone", "+12135550104"),
    "elsewhere": ("phone", "+12135550106"),
    "stranger": ("phone", "+12135550142"),
    "name": ("name", "Rosa Méndez"),
}
MINUTES = [5, 3, 9, -240]
requests = st.lists(
    st.tuples(
        st.sampled_from([*TYPED, "tick", "nobody"]),
        st.sampled_from(list(Method)),
        st.integers(1, 6),
        st.sampled_from([b"one", b"other"]),
        st.sampled_from(MINUTES),
        st.booleans(),
    ),
    min_size=4,
    max_size=12,
)


@pytest.fixture
def people(app):
    site, elsewhere = make_site(), make_site()
    mia = make_member(site=site, phone="+12135550101", number="44000101")
    make_member(site=elsewhere, phone="+12135550106")
    for first in ("Ana", "Beto"):
        make_member(first=first, site=site, phone="+12135550104")
    return SimpleNamespace(site=site, mia=mia.id)


def an_event(people):
    return make_event(people.site, action=make_action(elsewhere_ok=False))


def proof(event, people, who, method, nonce, body, minute):
    text = (
        {"typed": Identifier(*TYPED[who])}
        if who in TYPED
        else {"member_id": people.mia if who == "tick" else event.id}
    )
    return CheckInRequest(
        event_id=event.id,
        nonce=bytes([nonce]) * 16,
        body=body,
        method=method,
        happened_at=START + timedelta(minutes=minute),
        **text,
    )


def an_item(event, people, *one):
    *one, phone = one
    remembered = phone_row(None, random_token(), Identifier(*TYPED["member"]), OPEN) if phone else None
    return BatchItem(proof(event, people, *one), OPEN, remembered)


def alone(item):
    try:
        return check_in(item.request, now=item.now, phone=item.phone).outcome.value
    except Refused as refusal:
        return refusal.code


def answers_of(done):
    return done.code if isinstance(done, Refused) else done.outcome.value


def answered(item, settled):
    try:
        return to_result(item.request, settled).outcome.value
    except Refused as refusal:
        return refusal.code


def stands(event):
    """The stored rows, without what is random in them."""
    return (
        sorted((r.nonce, r.outcome, r.method, r.tier, r.happened_at, r.body_hash, str(r.member_id),
                str(r.chapter_id), r.walkup_id is None) for r in evidence(event)),
        sorted((str(r.member_id), str(r.chapter_id), r.tier, r.first_at) for r in attendance(event)),
    )  # fmt: skip


@FEW
@given(requests)
def test_the_same_answers_attendance_and_evidence_whichever_way(people, generated):
    events = [an_event(people) for _ in range(3)]
    one_by_one, together, in_a_batch = (
        [an_item(event, people, *one) for one in generated] for event in events
    )
    answers = [alone(item) for item in one_by_one]
    settled = retried(lambda: process(together))
    assert [answered(*pair) for pair in zip(together, settled, strict=True)] == answers
    assert [
        answers_of(done)
        for done in check_in_all(
            [one.request for one in in_a_batch], actor="grant:test", now=OPEN, changed=set()
        )
    ] == answers
    assert stands(events[1]) == stands(events[0])
    assert stands(events[2]) == stands(events[0])


def at_once(app, proofs):
    """The answer of each of as many threads as there are proofs."""
    start, to_result = threading.Barrier(len(proofs)), {}

    def work(n):
        with app.app_context():
            start.wait(5)
            try:
                to_result[n] = alone(BatchItem(proofs[n], OPEN))
            except Exception as error:
                to_result[n] = type(error).__name__

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(proofs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    db.session.rollback()
    return [to_result[n] for n in range(len(proofs))]


def test_threads_that_come_at_once_are_each_told_their_own(app, people):
    event, members = make_event(people.site), [make_member(site=people.site) for _ in range(6)]
    proofs = [tick_proof(event, member) for member in members]
    same = [
        proofs[0],
        tick_proof(event, members[1]),
        proof(event, people, "stranger", Method.POSTER, 9, b"", 5),
    ]
    done = at_once(app, proofs + same)
    assert sorted(done) == ["counted"] * 7 + ["repeat", "walkup"]
    assert len(attendance(event)) == 6
    assert len(evidence(event)) == 8


def test_one_that_cannot_be_stored_harms_none_of_those_beside_it(app, people):
    event = make_event(people.site)
    good = [tick_proof(event, make_member(site=people.site)) for _ in range(3)]
    bad = tick_proof(event, make_member(site=people.site), device=object())  # no driver can store this
    done = at_once(app, [*good, bad])
    assert done[:3] == ["counted"] * 3
    assert done[3] in {"TypeError", "StatementError"}
    assert len(attendance(event)) == 3


def test_without_a_database_all_are_told_and_nobody_waits(app, people, monkeypatch):
    event = make_event(people.site)
    proofs = [tick_proof(event, make_member(site=people.site)) for _ in range(4)]

    def away(_claims):
        raise OperationalError(None, None, Exception())

    monkeypatch.setattr(settled_claims, "process", away)
    for one in proofs:
        with pytest.raises(OperationalError):
            check_in(one, now=OPEN)
    monkeypatch.undo()
    assert {check_in(one, now=OPEN).outcome.value for one in proofs} == {"counted"}
