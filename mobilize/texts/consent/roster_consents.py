"""Opt-outs and consents that came with the roster file, recorded as consents, once per number."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, insert, select

from mobilize.database import atomic, db, new_id
from mobilize.roster.imports.operations import ROSTER, last_import
from mobilize.roster.models import Member
from mobilize.texts.models import Consent, ConsentKind

HOW = "roster"
AT_ONCE = 1_000


def note_file_consents(now: datetime) -> int:
    """Record the opt-outs and the consents to urgent texts of the roster that have no row yet; returns how
    many. `wording` names the file by its fingerprint. Safe to repeat."""
    last = last_import(ROSTER)
    words = f"{HOW}@{last.sha256.hex()[:8]}" if last else HOW
    sources = (
        (ConsentKind.TEXTS, False, Member.opted_out_in_file.is_(True), _none_by_file()),
        (ConsentKind.URGENT, True, Member.urgent_ok_at.is_not(None), _none_since()),
    )
    return sum(
        _note(_unwritten(states_it, is_unrecorded), {"kind": kind, "granted": agreed, "wording": words}, now)
        for kind, agreed, states_it, is_unrecorded in sources
    )


def _none_by_file() -> ColumnElement[bool]:
    return ~exists().where(
        Consent.phone_index == Member.phone_index, Consent.kind == ConsentKind.TEXTS, Consent.how == HOW
    )


def _none_since() -> ColumnElement[bool]:
    """No consent to urgent texts is recorded since the member's `urgent_ok_at`."""
    return ~exists().where(
        Consent.phone_index == Member.phone_index,
        Consent.kind == ConsentKind.URGENT,
        Consent.granted,
        Consent.at >= Member.urgent_ok_at,
    )


def _unwritten(states_it: ColumnElement[bool], is_unrecorded: ColumnElement[bool]) -> Sequence[bytes]:
    query = (
        select(Member.phone_index).where(Member.phone_index.is_not(None), states_it, is_unrecorded).distinct()
    )
    return [
        phone_index for phone_index in db.session.scalars(query.limit(AT_ONCE)) if phone_index is not None
    ]


def _note(phones: Sequence[bytes], values: dict[str, Any], now: datetime) -> int:
    rows = [
        {"id": new_id(), "phone_index": phone_index, "at": now, "how": HOW, **values}
        for phone_index in phones
    ]
    if rows:
        with atomic() as session:
            session.execute(insert(Consent), rows)
    return len(rows)
