"""Numbers of members, people and strangers for `timing`: invented, many, and none of them a pattern."""

import itertools
import os
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, text, update

from mobilize import clock
from mobilize.accounts.models import SIGN_IN, CodeRequest, Person
from mobilize.checkins.forms import event_token
from mobilize.database import atomic, db, new_id
from mobilize.keys.crypto import blind_index
from mobilize.phones import normalize
from mobilize.roster.models import Member, Membership, MembershipRank, MemberStatus, PhoneKind
from mobilize.roster.names import PersonName
from tests.builders import LONG_AGO, make_event, make_site

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Page:
    """The check-in page of one event."""

    code: str

    @property
    def path(self) -> str:
        return f"/c/{self.code}"

    def token(self) -> str:
        return event_token(self.code)


class Numbers:
    """For each kind as many numbers as all runs need, stored as what they are."""

    def __init__(self, each: int, runs: int) -> None:
        self.each = each
        now = clock.now()
        site = make_site()
        event = make_event(site, starts_at=now - timedelta(minutes=5), ends_at=now + timedelta(hours=2))
        self._page = Page(event.code)
        # 555-01xx in every area code there is: nobody's, and enough of them.
        phones = [
            f"+1{area}55501{n:02d}"
            for area in range(201, 999)
            if normalize(f"+1{area}5550100").phone
            for n in range(100)
        ]
        random.shuffle(phones)
        amounts = {"member": 2, "opted-out": 1, "shared phone": 1, "person": 1, "stranger": 4}
        self._left: dict[str, list[str]] = {
            kind: [phones.pop() for _ in range(times * each * runs)] for kind, times in amounts.items()
        }
        self._store(site.id, now)

    def check_in_page(self) -> Page:
        return self._page

    def take(self, *kinds: str) -> list[tuple[str, str]]:
        """(kind, phone): the next of each kind, in no order that tells anything."""
        taken = [(kind, self._left[kind].pop()) for kind in kinds for _ in range(self.each)]
        random.shuffle(taken)
        return taken

    def _store(self, site_id: Any, now: datetime) -> None:
        rows = [
            _member(phone, kind == "opted-out", n)
            for kind in ("member", "opted-out", "shared phone", "shared phone")
            for n, phone in enumerate(self._left[kind])
        ]
        people = [_person(phone, now) for phone in self._left["person"]]
        at_home = {"site_id": site_id, "rank": MembershipRank.HOME, "from_at": LONG_AGO}
        with atomic() as session:
            session.execute(insert(Member), rows)
            session.execute(
                insert(Membership), [{"id": new_id(), "member_id": row["id"], **at_home} for row in rows]
            )
            session.execute(insert(Person), people)
        with db.engine.connect() as connection:
            connection.execute(text("ANALYZE"))
            connection.commit()


def texted(purpose: str) -> None:
    """Leave the requests of this purpose as the worker does once it has texted those who are known here."""
    model = Person if purpose == SIGN_IN else Member
    waiting = update(CodeRequest).where(CodeRequest.purpose == purpose, CodeRequest.looked_at.is_(None))
    recognized = CodeRequest.phone_index.in_(select(model.phone_index))
    whose = select(Person.id).where(Person.phone_index == CodeRequest.phone_index).scalar_subquery()
    with atomic() as session:
        session.execute(
            waiting.where(recognized)
            .values(looked_at=clock.now(), code_hash=os.urandom(32), person_id=whose)
            .execution_options(synchronize_session=False)
        )
        session.execute(waiting.values(looked_at=clock.now()).execution_options(synchronize_session=False))


def _member(phone: str, opted_out: bool, n: int) -> dict[str, Any]:
    member_id, number = Member.make_id(), f"{next(_numbers):08d}"
    return {
        "id": member_id,
        "number_index": blind_index("number", number),
        "number_enc": Member.number.seal(member_id, number),
        "name_enc": Member.name.seal(member_id, PersonName(f"Last {n}", "First").stored()),
        "phone_enc": Member.phone.seal(member_id, phone),
        "phone_index": blind_index("phone", phone),
        "phone_kind": PhoneKind.MOBILE,
        "status": MemberStatus.ACTIVE,
        "language": "en",
        "opted_out_in_file": opted_out,
        "added_at": LONG_AGO,
    }


def _person(phone: str, now: datetime) -> dict[str, Any]:
    person_id = Person.make_id()
    return {
        "id": person_id,
        "name_enc": Person.name.seal(person_id, "Carmen Ortiz"),
        "phone_enc": Person.phone.seal(person_id, phone),
        "phone_index": blind_index("phone", phone),
        "language": "en",
        "made_at": now,
    }
