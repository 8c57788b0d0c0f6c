"""Purging rows whose own retention period is over, whichever action they belong to."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from mobilize.accounts.models import AdminChange, ChairChange, CodeRequest, OneTimeLink, SignedInSession
from mobilize.accounts.people.chairs_apply import CHAIR_LISTS_KEPT
from mobilize.accounts.sign_in.one_time_codes import UNUSED_CODES_KEPT
from mobilize.accounts.tokens.models import ANSWERS_KEPT, ApiToken, StoredAnswer
from mobilize.actions.models import Event
from mobilize.checkins.models import KnownPhone, NewNumber, Photo, Walkup
from mobilize.checkins.record.known_phones import REMEMBERED_FOR
from mobilize.database import atomic
from mobilize.privacy.member_page.sessions import PURPOSE
from mobilize.privacy.models import Export, Visit
from mobilize.privacy.retention.anonymize import AT_ONCE, NOBODY, empty_texts, empty_walkups
from mobilize.privacy.retention.legal_holds import all_is_held, is_held
from mobilize.privacy.retention.periods import (
    ADMIN_CHANGES,
    ENDED_SESSIONS,
    EXPIRED_TOKENS,
    EXPORT_NOTES,
    NEW_NUMBERS,
    TEXTS_THAT_CAME_IN,
    TEXTS_WITHOUT_EVENT,
    VISITS,
    WRONG_NUMBERS,
)
from mobilize.reminders.broadcasts.operations import DRAFTS_KEPT
from mobilize.reminders.models import Broadcast, BroadcastState, WrongNumber
from mobilize.roster.imports.operations import drop_old_dry_runs
from mobilize.texts.models import Inbound, OutboxText
from mobilize.texts.operations import forget_bodies


def purge(now: datetime) -> dict[str, int]:
    """Delete or empty the rows whose period is over; returns the number by kind. Safe to repeat.

    A hold on one action keeps its walk-ins and photos; a hold on all keeps everything but what is not about
    any action. (The rooms accounts and jobs delete their code requests and files themselves.)
    """
    purged = _sign_in(now) | _staged(now)
    if all_is_held():
        return purged
    draft = and_(Broadcast.state == BroadcastState.DRAFT, Broadcast.made_at < now - DRAFTS_KEPT)
    return purged | {
        "walkups": _repeat(_walkups, now),
        "photos": _repeat(_photos, now),
        "known_phones": _delete(KnownPhone, KnownPhone.used_on < (now - REMEMBERED_FOR).date()),
        "new_numbers": _delete(NewNumber, NewNumber.asked_at < now - NEW_NUMBERS),
        "wrong_numbers": _delete(WrongNumber, WrongNumber.taken_at < now - WRONG_NUMBERS),
        "bodies": forget_bodies(now=now),
        "inbound": _delete(Inbound, Inbound.received_at < now - TEXTS_THAT_CAME_IN),
        "texts": _repeat(_texts_without_event, now),
        "drafts": _delete(Broadcast, draft),
        "exports": _delete(Export, Export.made_at < now - EXPORT_NOTES),
    }


def _sign_in(now: datetime) -> dict[str, int]:
    old = now - ENDED_SESSIONS
    sessions = or_(SignedInSession.ended_at < old, SignedInSession.ends_at < old)
    links = or_(OneTimeLink.used_at < old, OneTimeLink.expires_at < old)
    # Sign-in remembers a browser by its codes; this page remembers nothing.
    page_codes = and_(CodeRequest.purpose == PURPOSE, CodeRequest.asked_at < now - UNUSED_CODES_KEPT)
    return {
        "sessions": _delete(SignedInSession, sessions),
        "one_time_links": _delete(OneTimeLink, links),
        "admin_changes": _delete(AdminChange, AdminChange.made_at < now - ADMIN_CHANGES),
        "member_page_codes": _delete(CodeRequest, page_codes),
        "stored_answers": _delete(StoredAnswer, StoredAnswer.made_at < now - ANSWERS_KEPT),
        "api_tokens": _delete(ApiToken, ApiToken.expires_at < now - EXPIRED_TOKENS),
        "visits": _delete(Visit, Visit.ends_at < now - VISITS),
    }


def _staged(now: datetime) -> dict[str, int]:
    """Lists that were read, and that nobody carried out."""
    old_list = and_(ChairChange.made_at < now - CHAIR_LISTS_KEPT, ChairChange.committed_at.is_(None))
    return {"chair_lists": _delete(ChairChange, old_list), "dry_runs": drop_old_dry_runs(now)}


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
