"""Purging rows whose own retention period is over, whichever action they belong to."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from mobilize.accounts.models import AdminChange, CodeRequest, OneTimeLink, SignedInSession
from mobilize.accounts.tokens.models import ANSWERS_KEPT, ApiToken, StoredAnswer
from mobilize.actions.models import Event
from mobilize.checkins.models import KnownPhone, NewNumber, Photo, Walkup
from mobilize.database import atomic
from mobilize.privacy.member_page.sessions import PURPOSE
from mobilize.privacy.models import Export, Visit
from mobilize.privacy.retention.anonymize import AT_ONCE, NOBODY, empty_texts, empty_walkups
from mobilize.privacy.retention.legal_holds import all_is_held, is_held
from mobilize.privacy.retention.periods import (
    ENDED_SESSIONS,
    EXPORT_NOTES,
    NEW_NUMBERS,
    REMEMBERED_PHONES,
    TEXTS_THAT_CAME_IN,
    TEXTS_WITHOUT_EVENT,
    WRONG_NUMBERS,
)
from mobilize.reminders.models import WrongNumber
from mobilize.texts.models import Inbound, OutboxText
from mobilize.texts.operations import forget_bodies


def purge(now: datetime) -> dict[str, int]:
    """Delete or empty the rows whose period is over; returns the number by kind. Safe to repeat.

    A hold on one action keeps its walk-ins and photos; a hold on all keeps everything but the rows of
    sign-in, which are not about any action. (The room accounts deletes its code requests itself.)
    """
    purged = _sign_in(now)
    if all_is_held():
        return purged
    return purged | {
        "walkups": _repeat(_walkups, now),
        "photos": _repeat(_photos, now),
        "known_phones": _delete(KnownPhone, KnownPhone.used_on < (now - REMEMBERED_PHONES).date()),
        "new_numbers": _delete(NewNumber, NewNumber.asked_at < now - NEW_NUMBERS),
        "wrong_numbers": _delete(WrongNumber, WrongNumber.taken_at < now - WRONG_NUMBERS),
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
        "stored_answers": _delete(StoredAnswer, StoredAnswer.made_at < now - ANSWERS_KEPT),
        "api_tokens": _delete(ApiToken, ApiToken.expires_at < now - EXPORT_NOTES),
        "visits": _delete(Visit, Visit.ends_at < now - timedelta(days=1)),
    }


def _walkups(session: Session, now: datetime) -> int:
    over = Walkup.until <= now, Walkup.typed_enc.is_not(None), ~is_held(_action_of(Walkup.event_id))
    ids = session.scalars(select(Walkup.id).where(*over).limit(AT_ONCE)).all()
    empty_walkups(session, ids)
    return len(ids)


def _photos(session: Session, now: datetime) -> int:
    over = Photo.until <= now, ~is_held(_action_of(Photo.event_id))
    ids = session.scalars(select(Photo.id).where(*over).limit(AT_ONCE)).all()
    session.execute(delete(Photo).where(Photo.id.in_(ids)))
    return len(ids)


def _action_of(event_id: Any) -> Any:
    """SQL: the action of a row with this column, two levels further out."""
    action = select(Event.action_id).where(Event.id == event_id)
    return action.correlate(event_id.class_).scalar_subquery()


def _texts_without_event(session: Session, now: datetime) -> int:
    """Codes and answers."""
    over = (
        OutboxText.event_id.is_(None),
        OutboxText.expires_at < now - TEXTS_WITHOUT_EVENT,
        ~OutboxText.idempotency_key.startswith(f"{NOBODY}:"),
    )
    ids = session.scalars(select(OutboxText.id).where(*over).limit(AT_ONCE)).all()
    empty_texts(session, ids)
    return len(ids)


def _repeat(step: Callable[[Session, datetime], int], now: datetime) -> int:
    """Repeat a step in small transactions, until nothing is left; returns the number of rows."""
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
