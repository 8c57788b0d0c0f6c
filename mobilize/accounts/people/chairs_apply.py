"""The yearly change of chairs: staging a list, and carrying out exactly the plan that was displayed."""

import json
import uuid
from dataclasses import asdict
from datetime import date, datetime, timedelta
from random import SystemRandom

from sqlalchemy import select

from mobilize import audit
from mobilize.accounts.access.grants import pass_to_successors, revoke_grants_of_role
from mobilize.accounts.access.scope import today
from mobilize.accounts.models import ChairChange, Person, RoleName, RoleTerm
from mobilize.accounts.people.chairs_file import ChairList, ChairRow, read_chairs
from mobilize.accounts.people.chairs_plan import ChairChangeKind, ChairMove, ChairPlan, plan_chairs
from mobilize.accounts.people.operations import journal_end, note_giver
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.languages import _

# Then privacy purges it.
CHAIR_LISTS_KEPT = timedelta(days=1)


def stage_chairs(data: bytes, from_on: date | None, *, by: str, now: datetime) -> ChairChange:
    """Read a file and store it sealed for a day, until it is carried out; `staged_plan` is what it would do.

    Refused: see `read_chairs`, and "bad_dates" for a day before today.
    """
    begins = first_day(from_on, now)
    chair_list = read_chairs(data)
    plan = plan_chairs(chair_list, begins)
    with atomic() as session:
        change = ChairChange(
            rows=_packed(chair_list), from_on=plan.from_on, plan_digest=plan.digest, made_by=by, made_at=now
        )
        session.add(change)
        session.flush()
        audit.note(by, "chairs.read", change.id, now=now)
    return change


def first_day(from_on: date | None, now: datetime) -> date:
    """The day from which a list holds. Refused: "bad_dates" for one before today."""
    begins = from_on or today(now)
    if begins < today(now):
        raise Refused("bad_dates", _("A role cannot begin before today."))
    return begins


def staged_plan(change: ChairChange, *, now: datetime) -> ChairPlan:
    """The plan of a staged list now. Refused: "gone" when it was carried out, or is older than a day."""
    if change.rows_enc is None or now >= change.made_at + CHAIR_LISTS_KEPT:
        raise Refused(
            "gone", _("This list was carried out, or forgotten. Choose the file again."), status=410
        )
    return plan_chairs(_unpacked(change.rows), change.from_on)


def carry_out(change_id: uuid.UUID, *, by: str, now: datetime) -> ChairPlan:
    """Carry out exactly the plan that was displayed, in one transaction; the list itself is deleted with it.

    Refused: "gone" (also for the second of two at once), and "changed" when somebody's role has changed
    since it was displayed.
    """
    with atomic() as session:
        change = session.scalar(select(ChairChange).where(ChairChange.id == change_id).with_for_update())
        if change is None:
            raise Refused(
                "gone", _("This list was carried out, or forgotten. Choose the file again."), status=410
            )
        plan = staged_plan(change, now=now)
        if plan.digest != change.plan_digest:
            raise Refused(
                "changed", _("Roles have changed since this was shown. Choose the file again."), status=409
            )
        _apply(plan, by, now)
        change.rows, change.committed_at = None, now
        audit.note(by, "chairs.change", change.id, now=now)
        return plan


def apply_chairs(data: bytes, from_on: date | None, *, by: str, now: datetime) -> ChairPlan:
    """Read and carry out at once, for the operator's shell."""
    with atomic():
        return carry_out(stage_chairs(data, from_on, by=by, now=now).id, by=by, now=now)


def _apply(plan: ChairPlan, by: str, now: datetime) -> None:
    ending = [one for one in _in_no_order(plan.of(ChairChangeKind.ENDS)) if one.term_id]
    for one in ending:
        term = db.session.get_one(RoleTerm, one.term_id)
        term.to_on = plan.from_on
        journal_end(term, actor=by, now=now)
        audit.note(by, f"role.end.{term.role}", term.id, now=now)
    new_people: dict[str, Person] = {}
    for one in _in_no_order(plan.of(ChairChangeKind.STARTS)):
        person = (
            db.session.get_one(Person, one.person_id) if one.person_id else _new_person(one, new_people, now)
        )
        term = RoleTerm(
            person_id=person.id,
            role=one.role,
            site_id=one.site_id,
            from_on=plan.from_on,
            granted_by=by,
            granted_at=now,
        )
        db.session.add(term)
        db.session.flush()
        note_giver(person, term, by)
        audit.note(by, f"role.give.{one.role}", term.id, now=now)
    if plan.from_on <= today(now):
        _hand_lines_over([db.session.get_one(RoleTerm, one.term_id) for one in ending], by, now)


def _in_no_order(moves: list[ChairMove]) -> list[ChairMove]:
    """The moves shuffled: in the list's order the new rows would tell who is who, since lists go by name."""
    return SystemRandom().sample(moves, k=len(moves))


def _new_person(one: ChairMove, new_people: dict[str, Person], now: datetime) -> Person:
    phone = one.row.phone if one.row else None
    if phone and phone in new_people:
        return new_people[phone]
    person = Person(made_at=now, language="en", name=one.name)
    if phone:
        person.phone, person.phone_index = phone, blind_index("phone", phone)
        new_people[phone] = person
    db.session.add(person)
    db.session.flush()
    return person


def _hand_lines_over(ended: list[RoleTerm], by: str, now: datetime) -> None:
    """End the former chairs' own line pages, and move the captains of a running event to the successors."""
    for term in ended:
        revoke_grants_of_role(term, by, now=now, own_only=True)
    for site_id in {term.site_id for term in ended}:
        pass_to_successors(site_id, now=now)


def _packed(chair_list: ChairList) -> str:
    rows = [asdict(row) for row in chair_list.rows]
    unclear = sorted(str(site_id) for site_id in chair_list.unclear)
    problems = sorted(set(chair_list.problems))
    return json.dumps({"rows": rows, "problems": problems, "unclear": unclear}, default=str)


def _unpacked(packed: str) -> ChairList:
    kept = json.loads(packed)
    rows = [
        ChairRow(r["line"], uuid.UUID(r["site_id"]), RoleName(r["role"]), r["name"], r["phone"])
        for r in kept["rows"]
    ]
    problems = [(line, reason) for line, reason in kept["problems"]]
    return ChairList(rows, problems, {uuid.UUID(site_id) for site_id in kept["unclear"]})
