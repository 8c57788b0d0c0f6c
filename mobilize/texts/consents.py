"""Who agreed to texts, or took it back: when, how, and to which words. Rows are only added."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from mobilize.crypto import blind_index
from mobilize.database import atomic, db
from mobilize.texts.models import Consent, ConsentKind, OutboxText
from mobilize.texts.wordings import LANGUAGES, template


def note_consent(
    phone: str, kind: ConsentKind, *, given: bool, how: str, wording: str | None = None, now: datetime
) -> None:
    """Write one yes or no down, in the transaction of what it leads to; `how` as in `Consent`."""
    with atomic() as session:
        session.add(
            Consent(
                phone_bix=blind_index("phone", phone),
                kind=kind,
                given=given,
                at=now,
                how=how,
                wording=wording,
            )
        )
        session.flush()


def consents_of(phone: str) -> Sequence[Consent]:
    """The story of one number, oldest first."""
    hers = select(Consent).where(Consent.phone_bix == blind_index("phone", phone))
    return db.session.scalars(hers.order_by(Consent.at, Consent.id)).all()


def version_of(wording: str) -> str:
    """A wording's name with the fingerprint of its words, so that a later change of words shows."""
    return version(wording, [template(wording, language) for language in LANGUAGES])


def version(name: str, words: Sequence[str]) -> str:
    """The same for words that stand elsewhere, in each language: on a page, say."""
    return f"{name[:31]}@{hashlib.sha256(chr(10).join(words).encode()).hexdigest()[:8]}"


def words_answered(phone_bix: bytes) -> str | None:
    """The version of the last text to this number, which is what somebody answers who texts back."""
    last = select(OutboxText.wording).where(OutboxText.phone_bix == phone_bix)
    wording = db.session.scalar(last.order_by(OutboxText.due_at.desc(), OutboxText.id.desc()).limit(1))
    return version_of(wording) if wording else None
