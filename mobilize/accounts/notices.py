"""Texts about who may sign in: a link to the one phone it is for, and word to those who watch over it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from mobilize import settings
from mobilize.accounts.authority import WAIT
from mobilize.accounts.links import GOOD_FOR, link_address
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.scope import running_on, today
from mobilize.database import db
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.phone_rules import may_text
from mobilize.tokens import hash_token

OFFICE = (RoleName.ADMIN,)
ORGANIZERS = (RoleName.ADMIN, RoleName.ORGANIZER)


def can_be_texted(person: Person) -> bool:
    """Is there a carrier, and does a text reach this person?"""
    if not settings().twilio_account_sid or not person.phone:
        return False
    return may_text(person.phone, TextClass.DUTY) is None


def text_link(person: Person, token: str, *, opens_at: datetime, now: datetime) -> None:
    """Text a link to the phone of the person it is for: at once, or the morning it opens."""
    text = replace(
        _text(person, "invitation", f"enter:{hash_token(token).hex()}:1", now),
        klass=TextClass.DUTY if opens_at > now else TextClass.ASKED,
        due_at=opens_at,
        useless_after=opens_at + GOOD_FOR,
        priority=Priority.CODE,
        blanks={"link": link_address(token)},
    )
    queue_texts([text], now=now)


def tell(roles: Iterable[RoleName], wording: str, purpose: str, *, now: datetime) -> int:
    """Tell everybody who holds one of these roles today, once for a `purpose`; returns how many are new.

    Where there is no carrier, or no number, the page People says the same.
    """
    held = select(RoleTerm.person_id).where(RoleTerm.role.in_(tuple(roles)), running_on(today(now)))
    people = db.session.scalars(select(Person).where(Person.id.in_(held)).order_by(Person.id)).all()
    page = {"page": f"{settings().public_base_url}/people"}
    texts = [_text(one, wording, purpose, now) for one in people if can_be_texted(one)]
    return queue_texts([replace(text, blanks=page) for text in texts], now=now)


def tell_old_number(person: Person, *, now: datetime) -> None:
    """Word to the number by which somebody signed in until now, who may not have asked for another one."""
    if can_be_texted(person):
        purpose = f"number_changed:{person.id}:{now.timestamp():.0f}"
        queue_texts([_text(person, "number_changed", purpose, now)], now=now)


def _text(person: Person, wording: str, purpose: str, now: datetime) -> PlannedText:
    return PlannedText(
        purpose=purpose,
        phone=person.phone or "",
        wording=wording,
        language=person.language,
        klass=TextClass.DUTY,
        tz=settings().union_timezone,
        due_at=now,
        useless_after=now + WAIT,
        priority=Priority.NOTICE,
    )
