"""Who agreed to texts, or took it back: when, how, and to which words. Rows are only added."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from mobilize.crypto import blind_index
from mobilize.database import atomic, db
from mobilize.texts.models import Consent, ConsentKind
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
    words = "\n".join(template(wording, language) for language in LANGUAGES)
    return f"{wording}@{hashlib.sha256(words.encode()).hexdigest()[:8]}"[:40]
