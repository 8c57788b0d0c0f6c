import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobilize.checkins.models import Evidence, Tier, Void
from mobilize.checkins.record.attendance import combined, strength_of
from mobilize.checkins.record.identifiers import Identifier, read_typed, unreadable
from mobilize.checkins.record.operations import void
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.keys.tokens import CODE_LETTERS, read_code
from tests.builders import make_event, make_member
from tests.checkins.morning import OPEN, attendance, evidence, scan, take_back_ticks, tick, tick_proof

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

WHO = st.integers(0, 2)
STEP = st.one_of(
    st.tuples(st.just("scan"), WHO),
    st.tuples(st.just("tick"), WHO),
    st.tuples(st.just("untick"), WHO),
    st.tuples(st.just("void"), st.integers(0, 20)),
    st.tuples(st.just("stranger"), WHO),
)


@FEW
@given(steps=st.lists(STEP, max_size=14))
def test_attendance_always_equals_what_the_evidence_says(app, steps):
    event = make_event()
    numbers = [f"21355501{n:02d}" for n in range(3)]
    members = [_member(n) for n in numbers]
    for kind, n in steps:
        if kind == "scan":
            scan(event, numbers[n])
        elif kind == "stranger":
            scan(event, f"21355501{n + 50}")
        elif kind == "tick":
            tick(event, members[n])
        elif kind == "untick":
            take_back_ticks(tick_proof(event, members[n], body=b"un"), actor="grant:test", now=OPEN)
        elif evidence(event):
            void(evidence(event)[n % len(evidence(event))].id, "test", actor="shell", now=OPEN)
    assert {row.member_id: row.tier for row in attendance(event)} == recounted(event)


def recounted(event):
    """The same from scratch in plain Python: who has standing evidence, and how strong it is."""
    void_ids = {row.evidence_id for row in db.session.query(Void)}
    sources = {}
    for row in db.session.query(Evidence).filter_by(event_id=event.id):
        if row.id not in void_ids and row.outcome in ("counted", "repeat"):
            sources.setdefault(row.member_id, set()).add(row.method.value)
    return {who: _strength(methods) for who, methods in sources.items()}


def _strength(methods):
    if {"rotating", "scan"} & methods or ({"poster"} & methods and {"tick"} & methods):
        return Tier.VERIFIED
    return Tier.VOUCHED if "tick" in methods else Tier.SELF


def _member(number):
    """The same three members for every example: the database is one for all of them."""
    from sqlalchemy import select

    from mobilize.roster.models import Member

    same = Member.phone_index == Identifier("phone", f"+1{number}").index
    member = db.session.scalar(select(Member).where(same))
    return member or make_member(phone=f"+1{number}")


@given(tiers=st.lists(st.sampled_from(list(Tier)), min_size=1, max_size=6))
def test_strength_does_not_depend_on_the_order_and_never_falls(tiers):
    assert strength_of(tiers) is strength_of(reversed(tiers)) is strength_of(sorted(tiers))
    for tier in tiers:
        assert combined(strength_of(tiers), tier) is strength_of(tiers) or strength_of(tiers) is not tier
        assert combined(strength_of(tiers), tier).rank >= strength_of(tiers).rank


@given(written=st.text(max_size=60))
def test_whatever_is_typed_is_a_number_or_refused(written):
    try:
        typed = read_typed(written)
    except Refused as refusal:
        assert refusal.code == "unreadable"
        assert refusal.message == unreadable().message, "what was typed is not said back, it may be a name"
    else:
        assert typed.text.removeprefix("+").isdecimal() and typed.text.isascii()
        assert len(typed.text) == {"phone": 12, "number": 8}[typed.kind]
        assert read_typed(typed.text) == typed


AREA = st.from_regex(r"[2-9][0-9]{2}", fullmatch=True)


@given(
    area=AREA, exchange=AREA, rest=st.from_regex(r"[0-9]{4}", fullmatch=True),
    written=st.sampled_from(["{}{}{}", "({}) {}-{}", "+1 {} {} {}", "1-{}-{}-{}", "{}.{}.{}", " {} {} {}\t"]),
)  # fmt: skip
def test_a_phone_is_the_same_however_it_is_written(area, exchange, rest, written):
    assert read_typed(written.format(area, exchange, rest)).text == f"+1{area}{exchange}{rest}"


@given(number=st.integers(1, 99_999_999), pad=st.integers(1, 8))
def test_a_member_number_needs_no_leading_zeros(number, pad):
    assert read_typed(str(number).zfill(pad)) == Identifier("number", f"{number:08d}")


@pytest.mark.parametrize(
    "written", ["555-0123", "555 0123", "555.0123", "5 5 5 - 0 1 2 3 4", "123456789", "0", ""]
)
def test_seven_digits_written_as_a_phone_are_asked_for_the_area_code(written):
    if written in ("0",):
        assert read_typed(written).text == "00000000"
        return
    if written == "5 5 5 - 0 1 2 3 4":
        assert read_typed(written).kind == "number"
        return
    with pytest.raises(Refused):
        read_typed(written)


@given(
    code=st.text(CODE_LETTERS, min_size=9, max_size=9),
    between=st.text(" -._\u00a0", max_size=2),
    after=st.text(".,)]>\"'!… ", max_size=3),
)
def test_a_code_is_read_through_case_spaces_and_trailing_marks(code, between, after):
    assert read_code(between.join(code.lower()) + after) == code


@given(typed=st.text(max_size=80))
def test_reading_a_code_gives_letters_and_digits_and_reading_again_the_same(typed):
    code = read_code(typed)
    assert set(code) <= set(string.ascii_uppercase + string.digits) and len(code) <= 32
    assert read_code(code) == code
