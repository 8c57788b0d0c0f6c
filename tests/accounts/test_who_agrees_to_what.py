"""The two-person rule by its operations: who is asked, who may answer, and for how long a yes holds."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.accounts.access.scope import NOBODY, THE_OFFICE, Scope, scope_of, today
from mobilize.accounts.access.sponsors import actor_of, note_sponsor
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.approvals.models import Approval, ApprovalState
from mobilize.accounts.approvals.operations import ApprovalKind
from mobilize.accounts.models import Person, RoleName
from mobilize.accounts.people.operations import give_role
from mobilize.accounts.sign_in.role_links import restart
from mobilize.audit import AuditRow
from mobilize.database import atomic, db, new_id
from mobilize.errors import Refused
from mobilize.languages import Translated
from mobilize.roster.models import Area
from tests.accounts.second_factor import app_for
from tests.builders import START, make_area, make_person, make_site

DAY, SECOND = timedelta(hours=24), timedelta(seconds=1)


@pytest.fixture
def ada(app: Flask) -> Person:
    return make_person("Ada Stone", role=RoleName.ADMIN)


@pytest.fixture
def bea(app: Flask) -> Person:
    return make_person("Bea Stone", role=RoleName.ADMIN)


def ask(by: Person | str, kind: ApprovalKind = ApprovalKind.CALLING_OFF, **more: Any) -> Approval:
    how = {"now": START, "ref": "x", "summary": Translated(en="what will happen"), **more}
    ref, summary = how.pop("ref"), how.pop("summary")
    return approvals.request_approval(
        kind, ref, summary, by=by if isinstance(by, str) else actor_of(by), **how
    )


def agree(approval: Approval, by: Person | str, **more: Any) -> Approval:
    how = {"scope": THE_OFFICE, "stepped_up": False, "now": START, **more}
    return approvals.approve(approval.id, by=by if isinstance(by, str) else actor_of(by), **how)


def refused(code: str, status: int, what: Any) -> str:
    """The message of a refusal."""
    with pytest.raises(Refused) as refusal:
        what()
    assert (refusal.value.code, refusal.value.status) == (code, status)
    return refusal.value.message


def noted() -> list[tuple[str, str, str]]:
    rows = db.session.scalars(select(AuditRow).order_by(AuditRow.id))
    return [(row.actor, row.verb, row.ref) for row in rows]


# ---- Asking


@pytest.mark.parametrize(
    ("kind", "people"),
    [
        (ApprovalKind.ADMIN, 1),
        (ApprovalKind.CALLING_OFF, 25),
        (ApprovalKind.IMPORT, 25),
        (ApprovalKind.BROADCAST, 2_001),
    ],
)
def test_a_second_person_is_needed_from_so_many_people(kind: ApprovalKind, people: int) -> None:
    assert approvals.needs_second_person(kind, people)
    assert not approvals.needs_second_person(kind, people - 1)


def test_a_request_says_what_it_is_about_and_is_noted(ada: Person, north: Area) -> None:
    approval = ask(ada, summary=Translated(en="y" * 600), area_id=north.id)
    assert (approval.kind, approval.ref, approval.area_id, approval.summary) == (
        "calling_off",
        "x",
        north.id,
        {"en": "y" * 500},
    )
    assert (approval.state, approval.asked_by, approval.asked_at) == (
        ApprovalState.PENDING,
        actor_of(ada),
        START,
    )
    assert (approval.decided_by, approval.expires_at) == (None, START + DAY)
    assert noted() == [(actor_of(ada), "approval.ask.calling_off", f"{approval.id} x")]
    assert ask(ada).id == approval.id and len(noted()) == 1, "asked again it is the same one, noted once"


def test_what_is_done_to_an_admin_may_be_answered_for_three_days(ada: Person) -> None:
    assert ask(ada, ApprovalKind.ADMIN).expires_at == START + 3 * DAY


def test_one_thing_of_one_kind_is_one_request_and_over_it_may_be_asked_anew(ada: Person) -> None:
    first = ask(ada)
    ids = {first.id, ask(ada, ref="y").id, ask(ada, ApprovalKind.IMPORT).id}
    assert len(ids) == 3
    again = ask(ada, now=START + DAY)
    assert again.id not in ids
    states = {row.id: row.state for row in db.session.scalars(select(Approval))}
    assert states[first.id] is ApprovalState.EXPIRED, "closed by asking for the same thing"
    assert list(states.values()).count(ApprovalState.PENDING) == 3, "and nothing else is"


def test_what_is_open_is_found_until_it_is_over(ada: Person, bea: Person) -> None:
    approval = ask(ada)
    assert approvals.open_approval(ApprovalKind.CALLING_OFF, "x", now=START) == approval
    assert approvals.open_approval(ApprovalKind.CALLING_OFF, "x", now=START + DAY - SECOND) == approval
    assert approvals.open_approval(ApprovalKind.CALLING_OFF, "x", now=START + DAY) is None
    assert approvals.open_approval(ApprovalKind.CALLING_OFF, "y", now=START) is None
    assert approvals.open_approval(ApprovalKind.IMPORT, "x", now=START) is None
    agree(approval, bea)
    assert approvals.open_approval(ApprovalKind.CALLING_OFF, "x", now=START) == approval
    approvals.decline(approval.id, by=actor_of(bea), scope=THE_OFFICE, now=START)
    assert approvals.open_approval(ApprovalKind.CALLING_OFF, "x", now=START) is None


def test_what_nobody_answered_is_closed_once(ada: Person, bea: Person) -> None:
    agree(ask(ada), bea)
    ask(ada, ref="y")
    ask(ada, ref="z", now=START + SECOND)
    assert (approvals.expire(START + DAY - SECOND), approvals.expire(START + DAY)) == (0, 2)
    assert (approvals.expire(START + DAY), approvals.expire(START + 2 * DAY)) == (0, 1)


# ---- Answering


def test_a_yes_is_kept_with_who_gave_it_when_and_is_noted_once(ada: Person, bea: Person) -> None:
    approval = agree(ask(ada), bea, now=START + SECOND)
    stored = approval.state, approval.decided_by, approval.decided_at
    assert stored == (ApprovalState.APPROVED, actor_of(bea), START + SECOND)
    assert agree(approval, bea, now=START + 9 * SECOND).decided_at == START + SECOND, "twice is once"
    assert noted()[1:] == [(actor_of(bea), "approval.approve", str(approval.id))]
    third = make_person("Cal Stone", role=RoleName.ADMIN)
    said_to_third = refused("not_open", 409, lambda: agree(approval, third))
    assert said_to_third == "This request is no longer open."


def test_a_no_or_taking_it_back_is_kept_and_noted(ada: Person, bea: Person) -> None:
    approval = ask(ada)
    approvals.decline(approval.id, by=actor_of(bea), scope=THE_OFFICE, now=START + SECOND)
    stored = approval.state, approval.decided_by, approval.decided_at
    assert stored == (ApprovalState.DECLINED, actor_of(bea), START + SECOND)
    assert noted()[-1] == (actor_of(bea), "approval.decline", str(approval.id))
    again = lambda: approvals.decline(approval.id, by=actor_of(ada), scope=THE_OFFICE, now=START)  # noqa: E731
    assert refused("not_open", 409, again) == "This request is no longer open."
    own = ask(ada)
    approvals.decline(own.id, by=actor_of(ada), scope=NOBODY, now=START)
    assert own.state is ApprovalState.DECLINED
    agreed = agree(ask(ada), bea)
    assert approvals.decline(agreed.id, by=actor_of(ada), scope=THE_OFFICE, now=START).decided_by == actor_of(
        ada
    )


def test_what_is_out_of_scope_is_like_what_is_not_there(ada: Person, olga: Person, north: Area) -> None:
    scope = scope_of(olga, today(START))
    foreign, own = ask(ada), ask(ada, ref="y", area_id=north.id)
    chair = Scope(frozenset({RoleName.CHAIR}), areas=frozenset({north.id}))
    for ref, who in ((foreign.id, scope), (own.id, NOBODY), (own.id, chair), (new_id(), THE_OFFICE)):
        how: dict[str, Any] = {"by": actor_of(olga), "scope": who, "now": START}
        for answer in (approvals.decline, lambda one, **how: approvals.approve(one, stepped_up=False, **how)):
            message = refused("no_approval", 404, lambda a=answer, f=ref, h=how: a(f, **h))
            assert message == "There is no such request."
    assert agree(own, olga, scope=scope).decided_by == actor_of(olga)


def test_after_its_time_nobody_answers(ada: Person, bea: Person) -> None:
    approval = ask(ada)
    assert refused("not_open", 409, lambda: agree(approval, bea, now=START + DAY))
    assert agree(approval, bea, now=START + DAY - SECOND).decided_by == actor_of(bea)


@pytest.mark.parametrize("actor", ["shell", "worker", "person:00000000-0000-4000-8000-000000000007"])
def test_only_a_person_agrees(ada: Person, actor: str) -> None:
    message = refused("no_approval", 404, lambda: agree(ask(ada), actor))
    assert message == "There is no such request."


def test_nobody_agrees_with_themselves_beside_another_admin(ada: Person, bea: Person, olga: Person) -> None:
    for asker in (ada, olga):
        message = refused(
            "own_request", 403, lambda one=asker: agree(ask(one, ref=str(one.id)), one, stepped_up=True)
        )
        assert message == "You asked for this. Somebody else has to agree."


def test_whoever_may_answer_nothing_is_told_that_somebody_else_agrees(ada: Person, olga: Person) -> None:
    approval = ask(olga)
    refused("own_request", 403, lambda: agree(approval, olga, scope=NOBODY, stepped_up=True))


def test_a_lone_admin_agrees_after_proving_who_they_are(ada: Person, olga: Person) -> None:
    approval = ask(ada)
    message = refused("step_up", 403, lambda: agree(approval, ada))
    assert message == "You are the only admin. Confirm that it is you, then confirm this request."
    assert agree(approval, ada, stepped_up=True).decided_by == actor_of(ada)
    assert noted()[-1] == (actor_of(ada), "approval.approve.alone", str(approval.id))


def test_a_lone_admin_waits_for_a_day_before_another_admin_is_made(ada: Person) -> None:
    approval = ask(ada, ApprovalKind.ADMIN)
    message = refused("wait", 403, lambda: agree(approval, ada, stepped_up=True, now=START + DAY - SECOND))
    assert (
        message
        == "You are the only admin. Every organizer was told of this; you can confirm it after 24 hours."
    )
    assert agree(approval, ada, stepped_up=True, now=START + DAY).decided_by == actor_of(ada)


def test_whoever_made_the_other_is_no_second_person(ada: Person, bea: Person) -> None:
    note_sponsor(bea, actor_of(ada), START - 9 * DAY)
    message = refused("related", 403, lambda: agree(ask(ada), bea))
    assert message == "One of you gave the other the role, or reset the sign-in. Somebody else has to agree."
    assert agree(ask("shell", ref="y"), bea).decided_by == actor_of(bea)


def test_a_new_organizer_or_admin_is_no_second_person_and_a_chair_never(ada: Person, north: Area) -> None:
    new, chair = (
        make_person("Nina Vale"),
        make_person("Carl", role=RoleName.CHAIR, site=make_site(area=north)),
    )
    give_role(new, RoleName.ADMIN, actor="shell", now=START - DAY + SECOND)
    message = "Your role or your sign-in is new. You can agree to something after 24 hours."
    for who in (new, chair):
        assert refused("too_new", 403, lambda one=who: agree(ask(ada), one)) == message
    assert agree(ask(ada), new, now=START + SECOND).decided_by == actor_of(new)


def test_what_is_done_to_an_admin_wants_an_admin_with_an_old_second_factor(ada: Person, bea: Person) -> None:
    approval = ask(ada, ApprovalKind.ADMIN)
    message = refused("too_new", 403, lambda: agree(approval, bea))
    assert (
        message == "Only somebody who was admin, with the same passkey or app, a day before this can agree."
    )
    app_for(bea, now=START - DAY)
    assert agree(approval, bea).decided_by == actor_of(bea)


# ---- Using a yes


def use(kind: ApprovalKind = ApprovalKind.CALLING_OFF, ref: str = "x", **more: Any) -> str:
    return approvals.use(kind, ref, **{"now": START, **more})


def test_a_yes_is_spent_once_by_whom_it_was_given_to_and_noted(ada: Person, bea: Person) -> None:
    approval = agree(ask(ada), bea)
    assert use(now=START + SECOND) == actor_of(bea)
    assert (approval.state, approval.used_at) == (ApprovalState.USED, START + SECOND)
    assert noted()[-1] == (actor_of(ada), "approval.use", str(approval.id))
    message = refused("second_person", 403, use)
    assert message == "A second person has to agree to this first."


def test_without_a_yes_nothing_is_spent(ada: Person, bea: Person) -> None:
    refused("second_person", 403, use)
    approval = ask(ada)
    refused("second_person", 403, use)
    agree(approval, bea)
    approvals.decline(approval.id, by=actor_of(bea), scope=THE_OFFICE, now=START)
    refused("second_person", 403, use)


def test_a_yes_dies_when_one_of_the_two_is_restarted(ada: Person, bea: Person) -> None:
    for who in (ada, bea):
        agree(ask(ada), bea)
        restart(who, "shell", now=START + SECOND)
        refused("second_person", 403, lambda: use(now=START + SECOND))
        with atomic():
            who.restarted_at = None
    assert use() == actor_of(bea)


def test_a_yes_holds_when_who_gave_it_was_restarted_no_later(ada: Person, bea: Person) -> None:
    approval = ask(ada)
    restart(bea, "shell", now=START + SECOND)
    with atomic():
        approval.state, approval.decided_by, approval.decided_at = (
            ApprovalState.APPROVED,
            actor_of(bea),
            START + SECOND,
        )
    assert use(now=START + 2 * SECOND) == actor_of(bea)


@pytest.mark.parametrize(
    ("kind", "in_area", "asks", "answers", "holds"),
    [
        # who asks need be no more than a chair, but for another admin an admin
        (ApprovalKind.CALLING_OFF, True, "chair", "organizer", True),
        (ApprovalKind.CALLING_OFF, True, "nobody", "organizer", False),
        (ApprovalKind.ADMIN, False, "admin", "admin", True),
        (ApprovalKind.ADMIN, False, "organizer", "admin", False),
        # of an area an organizer may agree, else the office
        (ApprovalKind.CALLING_OFF, True, "admin", "chair", False),
        (ApprovalKind.CALLING_OFF, False, "admin", "organizer", False),
        (ApprovalKind.CALLING_OFF, False, "organizer", "admin", True),
        (ApprovalKind.CALLING_OFF, False, "shell", "admin", True),
        (ApprovalKind.CALLING_OFF, False, "worker", "admin", False),
    ],
)
def test_a_yes_holds_while_both_are_still_what_it_takes(
    north: Area, kind: ApprovalKind, in_area: bool, asks: str, answers: str, holds: bool
) -> None:
    site = make_site(area=north)

    def somebody(role: str) -> str:
        if role in ("shell", "worker"):
            return role
        where = {"chair": {"site": site}, "organizer": {"area": north}}.get(role, {})
        return actor_of(make_person(role, role=None if role == "nobody" else RoleName(role), **where))

    approval = ask(somebody(asks), kind, area_id=north.id if in_area else None)
    with atomic():
        approval.state, approval.decided_by, approval.decided_at = (
            ApprovalState.APPROVED,
            somebody(answers),
            START,
        )
    if holds:
        assert use(kind) == approval.decided_by
    else:
        refused("second_person", 403, lambda: use(kind))


def test_a_yes_dies_when_whoever_gave_it_looks_after_another_area_by_now(ada: Person, north: Area) -> None:
    ollie = make_person("Ollie Brandt", role=RoleName.ORGANIZER, area=north)
    approval = ask(ada, area_id=north.id)
    agree(approval, ollie, scope=scope_of(ollie, today(START)))
    with atomic():
        ollie.roles[0].area_id = make_area("South").id
    refused("second_person", 403, lambda: use(ApprovalKind.CALLING_OFF))


def test_what_fails_leaves_the_yes_and_what_is_done_names_the_second_person(ada: Person, bea: Person) -> None:
    agree(ask(ada), bea)
    with pytest.raises(ZeroDivisionError), approvals.second_person(ApprovalKind.CALLING_OFF, "x", now=START):
        raise ZeroDivisionError
    with approvals.second_person(ApprovalKind.CALLING_OFF, "x", now=START) as second:
        assert second == actor_of(bea)


def test_whoever_does_the_thing_as_the_second_person_has_agreed_by_it(ada: Person, bea: Person) -> None:
    how = {"asked_by": actor_of(ada), "by": actor_of(bea), "scope": THE_OFFICE, "now": START}
    with approvals.agreeing(ApprovalKind.IMPORT, "x", Translated(en="40 members"), **how) as second:
        assert second == actor_of(bea)
    [approval] = db.session.scalars(select(Approval)).all()
    assert (approval.state, approval.summary, approval.asked_by) == (
        ApprovalState.USED,
        {"en": "40 members"},
        actor_of(ada),
    )
    with approvals.agreeing(ApprovalKind.IMPORT, "y", Translated(en="40 members"), **how):
        pass
    how["by"] = actor_of(ada)
    with (
        pytest.raises(Refused, match="own_request"),
        approvals.agreeing(ApprovalKind.IMPORT, "z", Translated(en="4"), **how),
    ):
        raise AssertionError("it was done")


# ---- Who is alone, and what waits


def test_an_admin_is_alone_where_no_other_could_be_the_second_person(ada: Person, olga: Person) -> None:
    assert approvals.is_lone_admin(actor_of(ada), START)
    for actor in (actor_of(olga), "shell", f"grant:{ada.id}", f"person:{new_id()}"):
        assert not approvals.is_lone_admin(actor, START)
    bea = make_person("Bea Stone", role=RoleName.ADMIN)
    assert not approvals.is_lone_admin(actor_of(ada), START)
    note_sponsor(bea, actor_of(ada), START + SECOND)
    assert not approvals.is_lone_admin(actor_of(ada), START)
    assert approvals.is_lone_admin(actor_of(ada), START + SECOND), "whom they made is no second person"
    make_person("Cal Stone", role=RoleName.ADMIN)
    assert not approvals.is_lone_admin(actor_of(ada), START + SECOND)


@pytest.mark.parametrize(("ended", "begins", "alone"), [(0, -99, False), (-1, -99, False), (-2, -99, True)])
def test_nobody_is_alone_on_the_day_another_admins_role_ended_nor_on_the_next(
    ada: Person, bea: Person, ended: int, begins: int, alone: bool
) -> None:
    with atomic():
        bea.roles[0].to_on = today(START) + timedelta(days=ended)
    assert approvals.is_lone_admin(actor_of(ada), START) is alone
    assert not approvals.is_lone_admin(actor_of(bea), START), "who is no admin any more is not the lone one"


def test_whoever_is_no_admin_is_not_the_lone_one(ada: Person, olga: Person) -> None:
    note_sponsor(olga, actor_of(ada), START)
    assert not approvals.is_lone_admin(actor_of(olga), START), "whom the only admin made is none"
    with atomic():
        ada.roles[0].to_on = today(START) - timedelta(days=1)
    assert not approvals.is_lone_admin(actor_of(ada), START), "nor is who was one until yesterday"


def test_an_admin_of_tomorrow_is_none_yet(ada: Person) -> None:
    bea = make_person("Bea Stone")
    tomorrow = today(START) + timedelta(days=1)
    give_role(bea, RoleName.ADMIN, from_on=tomorrow, actor="shell", now=START)
    assert approvals.is_lone_admin(actor_of(ada), START)
    assert not approvals.is_lone_admin(actor_of(ada), START + DAY)
    assert not approvals.is_lone_admin(actor_of(bea), START)


def test_what_others_ask_waits_the_oldest_first_and_is_counted(ada: Person, bea: Person, north: Area) -> None:
    requests = [ask(ada, ref=ref, area_id=north.id if ref == "b" else None) for ref in "cab"]
    agree(ask(ada, ref="done"), bea)
    ask(bea, ref="own")
    waits = approvals.waiting_for(actor_of(bea), THE_OFFICE, START)
    assert list(waits) == requests and approvals.how_many_wait(actor_of(bea), THE_OFFICE, START) == 3
    assert [row.ref for row in approvals.waiting_for(actor_of(ada), THE_OFFICE, START)] == ["own"]
    area = Scope(frozenset({RoleName.ORGANIZER}), areas=frozenset({north.id}))
    assert list(approvals.waiting_for("person:x", area, START)) == [requests[2]]
    assert approvals.how_many_wait("person:x", NOBODY, START) == 0
    later = START + DAY
    assert approvals.how_many_wait(actor_of(bea), THE_OFFICE, later - SECOND) == 3
    assert approvals.how_many_wait(actor_of(bea), THE_OFFICE, later) == 0


def test_the_oldest_comes_first_in_whatever_order_they_were_stored(
    ada: Person, bea: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, second, newest = (new_id() for _each in range(3))
    monkeypatch.setattr(approvals, "new_id", iter([newest, oldest, second]).__next__)
    for ref in "abc":
        ask(ada, ref=ref)
    assert [row.id for row in approvals.waiting_for(actor_of(bea), THE_OFFICE, START)] == [
        oldest,
        second,
        newest,
    ]


def test_what_somebody_asked_for_is_shown_the_newest_first_and_twenty_of_it(ada: Person, bea: Person) -> None:
    for n in range(21):
        ask(ada, ref=str(n))
    ask(bea, ref="other")
    assert [row.ref for row in approvals.requests_of(actor_of(ada), START)] == [
        str(n) for n in range(20, 0, -1)
    ]
    assert len(approvals.requests_of(actor_of(ada), START, most=2)) == 2
