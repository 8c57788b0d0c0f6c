"""Texts about sign-in: a link to its person's phone, and notices to organizers and admins."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from mobilize import settings
from mobilize.accounts.access.authority import WAIT
from mobilize.accounts.access.scope import running_on, today
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.sign_in.one_time_links import GOOD_FOR, link_address
from mobilize.database import db
from mobilize.keys.tokens import hash_token
from mobilize.texts.consent.suppressions import may_text
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts

OFFICE = (RoleName.ADMIN,)
ORGANIZERS = (RoleName.ADMIN, RoleName.ORGANIZER)


def can_be_texted(person: Person) -> bool:
    """Whether there is a carrier, and a text reaches this person."""
    if not settings().carriers_set_up or not person.phone:
        return False
    return may_text(person.phone, TextClass.DUTY) is None


def text_link(person: Person, token: str, *, opens_at: datetime, now: datetime) -> None:
    """Text a link to the phone of the person it is for: at once, or the morning it opens."""
    text = replace(
        _text(person, "invitation", f"enter:{hash_token(token).hex()}:1", now),
        text_class=TextClass.DUTY if opens_at > now else TextClass.REQUESTED,
        due_at=opens_at,
        expires_at=opens_at + GOOD_FOR,
        priority=Priority.CODE,
        merge_fields={"link": link_address(token)},
    )
    queue_texts([text], now=now)


def notify_roles(roles: Iterable[RoleName], wording: str, purpose: str, *, now: datetime) -> int:
    """Text everybody who holds one of these roles today, once for a `purpose`; returns how many are new.

    Where there is no carrier, or no number, the page People has the same information.
    """
    held = select(RoleTerm.person_id).where(RoleTerm.role.in_(tuple(roles)), running_on(today(now)))
    people = db.session.scalars(select(Person).where(Person.id.in_(held)).order_by(Person.id)).all()
    page = {"page": f"{settings().public_base_url}/people"}
    texts = [_text(one, wording, purpose, now) for one in people if can_be_texted(one)]
    return queue_texts([replace(text, merge_fields=page) for text in texts], now=now)


def notify_old_number(person: Person, *, now: datetime) -> None:
    """Text the number with which somebody signed in until now: they may not have asked for the change."""
    if can_be_texted(person):
        purpose = f"number_changed:{person.id}:{now.timestamp():.0f}"
        queue_texts([_text(person, "number_changed", purpose, now)], now=now)


def _text(person: Person, wording: str, purpose: str, now: datetime) -> PlannedText:
    return PlannedText(
        purpose=purpose,
        phone=person.phone or "",
        wording=wording,
        language=person.language,
        text_class=TextClass.DUTY,
        tz=settings().union_timezone,
        due_at=now,
        expires_at=now + WAIT,
        priority=Priority.NOTICE,
    )
