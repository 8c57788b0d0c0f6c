"""One statement on a connection of its own, and steps inside a transaction: the same rows, whatever comes."""

import pytest
from sqlalchemy.exc import OperationalError

from mobilize.checkins.models import CheckInKind, KnownPhone, Method, Walkup
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import check_in, check_in_by_poster
from mobilize.database import atomic, db
from mobilize.fast import statements
from tests.builders import START, make_action, make_event, make_member, make_site
from tests.checkins.morning import OPEN, attendance, evidence, tick_proof

pytestmark = pytest.mark.usefixtures("app")


def a_morning(event, mia, *, together):
    """Everything that can come of a request, one after the other; inside one transaction where `together`."""

    def scan(typed, page, at=OPEN, **fields):
        typed = read_typed(typed)
        done, _cookie = check_in_by_poster(event.id, typed, page=page, cookie=None, now=at, **fields)
        return done.outcome.value

    def all_of_it():
        return [
            scan("2135550101", "a"),
            scan("2135550101", "a"),
            scan("2135550101", "b"),
            check_in(tick_proof(event, mia), now=OPEN).outcome.value,
            scan("2135550142", "c"),
            scan("2135550142", "d"),
            scan("2135550104", "e"),
            scan("2135550106", "f"),
            scan("2135550101", "g", at=START.replace(hour=3)),
            scan("2135550101", "h", kind=CheckInKind.LEFT),
            scan("2135550142", "i", kind=CheckInKind.LEFT),
            scan("2135550104", "j", kind=CheckInKind.LEFT),
        ]

    if not together:
        return all_of_it()
    with atomic():
        return all_of_it()


def rows(event):
    lines = [(r.outcome.value, r.method.value, r.tier.value, r.kind.value) for r in evidence(event)]
    here = [(*one, row.walkup_id is None) for one, row in zip(lines, evidence(event), strict=True)]
    stands = [(r.member_id, r.chapter_id, r.tier.value, r.first_at) for r in attendance(event)]
    return (
        sorted(here),
        sorted(stands, key=str),
        db.session.query(Walkup).filter_by(event_id=event.id).count(),
    )


def test_a_transaction_of_the_callers_and_one_of_its_own_give_the_same():
    site, elsewhere = make_site(), make_site()
    mia = make_member(site=site, phone="+12135550101")
    make_member(site=elsewhere, phone="+12135550106")
    for first in ("Ana", "Beto"):
        make_member(first=first, site=site, phone="+12135550104")
    one, other = (make_event(site, action=make_action(elsewhere_ok=False)) for _ in range(2))
    alone, together = a_morning(one, mia, together=False), a_morning(other, mia, together=True)
    assert alone == together
    assert alone[:6] == ["counted", "counted", "repeat", "repeat", "walkup", "walkup"]
    assert alone[6:] == ["ambiguous", "unresolved", "outside_hours", "out", "walkup", "ambiguous"]
    assert rows(one) == rows(other)
    assert db.session.query(KnownPhone).count() == 22


def test_a_connection_lost_after_the_commit_gives_the_stored_answer(monkeypatch):
    event, mia = make_event(), make_member()
    proof, kept, cuts = tick_proof(event, mia), statements._alone, iter([True])

    def cut_after(work):
        done = kept(work)
        if next(cuts, False):
            raise OperationalError(None, None, Exception(), connection_invalidated=True)
        return done

    monkeypatch.setattr(statements, "_alone", cut_after)
    done = check_in(proof, now=OPEN)
    assert done.outcome == "counted"
    assert [row.id for row in evidence(event)] == [done.evidence_id]
    assert evidence(event)[0].method is Method.TICK
    assert len(attendance(event)) == 1


def test_what_fails_in_the_middle_leaves_nothing_behind(monkeypatch):
    event, mia = make_event(), make_member()
    proof = tick_proof(event, mia, device=object())  # no driver can store this
    with pytest.raises(Exception, match=r".+"):
        check_in(proof, now=OPEN)
    assert not attendance(event) and not evidence(event)
