"""What the roster file says of texts is written down as a consent like any other, once per number."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, insert, select

from mobilize.database import atomic, db, new_id
from mobilize.roster.imports import ROSTER, last_import
from mobilize.roster.models import Member
from mobilize.texts.models import Consent, ConsentKind

HOW = "roster"
AT_ONCE = 1_000


def note_file_consents(now: datetime) -> int:
    """Write down the opt-outs and the yes to urgent texts that came with the roster and stand in no row yet;
    returns how many. `wording` names the file by its fingerprint. Safe to repeat."""
    last = last_import(ROSTER)
    words = f"{HOW}@{last.sha256.hex()[:8]}" if last else HOW
    said = (
        (ConsentKind.TEXTS, False, Member.opted_out_in_file.is_(True), _none_by_file()),
        (ConsentKind.URGENT, True, Member.urgent_ok_at.is_not(None), _none_since()),
    )
    return sum(
        _note(_unwritten(says, unsaid), {"kind": kind, "given": given, "wording": words}, now)
        for kind, given, says, unsaid in said
    )


def _none_by_file() -> ColumnElement[bool]:
    return ~exists().where(
        Consent.phone_bix == Member.phone_bix, Consent.kind == ConsentKind.TEXTS, Consent.how == HOW
    )


def _none_since() -> ColumnElement[bool]:
    """She agreed at this moment herself, or the file was written down before."""
    return ~exists().where(
        Consent.phone_bix == Member.phone_bix,
        Consent.kind == ConsentKind.URGENT,
        Consent.given,
        Consent.at >= Member.urgent_ok_at,
    )


def _unwritten(says: ColumnElement[bool], unsaid: ColumnElement[bool]) -> Sequence[bytes]:
    query = select(Member.phone_bix).where(Member.phone_bix.is_not(None), says, unsaid).distinct()
    return [bix for bix in db.session.scalars(query.limit(AT_ONCE)) if bix is not None]


def _note(phones: Sequence[bytes], says: dict[str, Any], now: datetime) -> int:
    rows = [{"id": new_id(), "phone_bix": bix, "at": now, "how": HOW, **says} for bix in phones]
    if rows:
        with atomic() as session:
            session.execute(insert(Consent), rows)
    return len(rows)
