"""Consents to texts and their withdrawal: when, how, and to which wording. Append-only."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from mobilize.backup import journal
from mobilize.database import atomic, db
from mobilize.keys.crypto import blind_index
from mobilize.texts.models import Consent, ConsentKind, OutboxText
from mobilize.texts.templates import template, written_languages


def note_consent(
    phone: str, kind: ConsentKind, *, agreed: bool, how: str, wording: str | None = None, now: datetime
) -> None:
    """Record one yes or no, in the caller's transaction; `how` as in `Consent`.
    A no stands in the journal too."""
    phone_index = blind_index("phone", phone)
    with atomic() as session:
        consent = Consent(
            phone_index=phone_index, kind=kind, granted=agreed, at=now, how=how, wording=wording
        )
        session.add(consent)
        session.flush()
        if not agreed:
            values = {"consent": str(consent.id), "phone": phone_index.hex(), "of": kind.value}
            journal.note("consent.withdraw", {**values, "how": how, "wording": wording}, now=now)


def consents_of(phone: str) -> Sequence[Consent]:
    """All consents of one number, oldest first."""
    rows = select(Consent).where(Consent.phone_index == blind_index("phone", phone))
    return db.session.scalars(rows.order_by(Consent.at, Consent.id)).all()


def version_of(wording: str) -> str:
    """A wording's name with the fingerprint of its words, so that a later change of words shows."""
    return version(wording, [template(wording, language) for language in written_languages()])


def version(name: str, words: Sequence[str]) -> str:
    """A name with the fingerprint of its words in each language, for words of a page and not of a text."""
    return f"{name[:31]}@{hashlib.sha256(chr(10).join(words).encode()).hexdigest()[:8]}"


def words_answered(phone_index: bytes) -> str | None:
    """The version of the last text to this number, which a reply answers."""
    last = select(OutboxText.wording).where(OutboxText.phone_index == phone_index)
    wording = db.session.scalar(last.order_by(OutboxText.due_at.desc(), OutboxText.id.desc()).limit(1))
    return version_of(wording) if wording else None
