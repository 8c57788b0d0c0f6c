"""What is forgotten by its own clock, whichever action it belongs to."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from mobilize.accounts.models import AdminChange, CodeRequest, OneTimeLink, SignedInSession
from mobilize.actions.models import Event
from mobilize.checkins.models import KnownPhone, NewNumber, Walkup
from mobilize.database import atomic
from mobilize.privacy.clocks import (
    ENDED_SESSIONS,
    EXPORT_NOTES,
    KNOWN_PHONES,
    NEW_NUMBERS,
    TEXTS_THAT_CAME_IN,
    TEXTS_WITHOUT_EVENT,
)
from mobilize.privacy.holds import all_is_held, is_held
from mobilize.privacy.models import Export, Visit
from mobilize.privacy.unlinking import AT_ONCE, NOBODY, empty_texts, empty_walkups
from mobilize.privacy.visits import PURPOSE
from mobilize.texts.models import Inbound, OutboxText
from mobilize.texts.operations import forget_bodies


def sweep(now: datetime) -> dict[str, int]:
    """Forget what has had its time; returns how many of what. Safe to repeat.

    A hold on one action keeps its walk-ups; a hold on all keeps everything but sign-in's own notes, which
    say nothing about any action. (The room accounts forgets its code requests itself.)
    """
    swept = _sign_in(now)
    if all_is_held():
        return swept
    return swept | {
        "walkups": _repeat(_walkups, now),
        "known_phones": _delete(KnownPhone, KnownPhone.used_on < (now - KNOWN_PHONES).date()),
        "new_numbers": _delete(NewNumber, NewNumber.asked_at < now - NEW_NUMBERS),
        "bodies": forget_bodies(now=now),
        "inbound": _delete(Inbound, Inbound.received_at < now - TEXTS_THAT_CAME_IN),
        "texts": _repeat(_texts_without_event, now),
        "exports": _delete(Export, Export.made_at < now - EXPORT_NOTES),
    }


def _sign_in(now: datetime) -> dict[str, int]:
    old = now - ENDED_SESSIONS
    sessions = or_(SignedInSession.ended_at < old, SignedInSession.ends_at < old)
    links = or_(OneTimeLink.used_at < old, OneTimeLink.expires_at < old)
    # Sign-in remembers a browser by its codes; this page remembers nothing.
    page_codes = and_(CodeRequest.purpose == PURPOSE, CodeRequest.asked_at < now - timedelta(days=1))
    return {
        "sessions": _delete(SignedInSession, sessions),
        "one_time_links": _delete(OneTimeLink, links),
        # A request about an admin is answered within three days, or never; a new number may stand in it.
        "admin_changes": _delete(AdminChange, AdminChange.made_at < old),
        "member_page_codes": _delete(CodeRequest, page_codes),
        "visits": _delete(Visit, Visit.ends_at < now - timedelta(days=1)),
    }


def _walkups(session: Session, now: datetime) -> int:
    over = Walkup.until <= now, Walkup.typed_enc.is_not(None), ~is_held(_action_of(Walkup.event_id))
    ids = session.scalars(select(Walkup.id).where(*over).limit(AT_ONCE)).all()
    empty_walkups(session, ids)
    return len(ids)


def _action_of(event_id: Any) -> Any:
    return select(Event.action_id).where(Event.id == event_id).scalar_subquery()


def _texts_without_event(session: Session, now: datetime) -> int:
    """Codes and answers."""
    over = (
        OutboxText.event_id.is_(None),
        OutboxText.useless_after < now - TEXTS_WITHOUT_EVENT,
        ~OutboxText.purpose_key.startswith(f"{NOBODY}:"),
    )
    ids = session.scalars(select(OutboxText.id).where(*over).limit(AT_ONCE)).all()
    empty_texts(session, ids)
    return len(ids)


def _repeat(step: Callable[[Session, datetime], int], now: datetime) -> int:
    """In small transactions, until nothing is left."""
    whole = 0
    while True:
        with atomic() as session:
            done = step(session, now)
        if not done:
            return whole
        whole += done


def _delete(model: Any, over: Any) -> int:
    with atomic() as session:
        gone = session.execute(delete(model).where(over).execution_options(synchronize_session=False))
        return int(gone.rowcount)  # type: ignore[attr-defined]
