"""Recovery codes: ten on paper, each good once, for whoever has lost the passkey and the app."""

import hashlib
import uuid
from datetime import datetime

from sqlalchemy import delete, func, select, update

from mobilize import audit
from mobilize.accounts.access.scope import authority_of
from mobilize.accounts.models import Person, RecoveryCode
from mobilize.backup import journal
from mobilize.database import atomic, db
from mobilize.keys.tokens import make_code, read_code

HOW_MANY = 10
# Sixteen of 22 letters are 71 bits: out of reach even for somebody who holds the database and our keys.
LETTERS = 16


def new_recovery_codes(person: Person, *, now: datetime) -> list[str]:
    """Ten new codes. Only their hashes are stored. The earlier ones end."""
    codes = [make_code(LETTERS) for _n in range(HOW_MANY)]
    with atomic() as session:
        session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
        session.add_all(
            RecoveryCode(person_id=person.id, code_hash=_hash(person.id, code), made_at=now) for code in codes
        )
        audit.note(f"person:{person.id}", "recovery_codes.make", person.id, now=now)
        journal.note("recovery_codes.end", {"person": str(person.id)}, now=now)
    return [spaced(code) for code in codes]


def use_recovery_code(person: Person, typed: str, *, now: datetime) -> bool:
    """Use up one of a person's codes; False when it is none, or was used. Of two at once one wins."""
    code = _hash(person.id, read_code(typed))
    with atomic() as session:
        spent = session.execute(
            update(RecoveryCode)
            .where(
                RecoveryCode.person_id == person.id,
                RecoveryCode.code_hash == code,
                RecoveryCode.used_at.is_(None),
                RecoveryCode.made_at >= authority_of(person, now).trusted_from,
            )
            .values(used_at=now)
            .execution_options(synchronize_session=False)
        )
        is_spent = bool(spent.rowcount)  # type: ignore[attr-defined]
        if is_spent:
            values = {"person": str(person.id), "code": code.hex()}
            journal.note("recovery_code.use", values, now=now)
    return is_spent


def repeat_use(person_id: uuid.UUID, code: bytes, *, now: datetime) -> None:
    """A code that was used in minutes which a restore has lost is used up again."""
    with atomic() as session:
        unused = RecoveryCode.code_hash == code, RecoveryCode.used_at.is_(None)
        own = RecoveryCode.person_id == person_id
        session.execute(update(RecoveryCode).where(own, *unused).values(used_at=now))


def repeat_end(person_id: uuid.UUID, *, now: datetime) -> None:
    """Codes in whose place newer ones were made, in minutes which a restore has lost, open nothing again."""
    with atomic() as session:
        older = RecoveryCode.person_id == person_id, RecoveryCode.made_at < now
        session.execute(delete(RecoveryCode).where(*older))


def forget_recovery_codes(person_id: uuid.UUID) -> None:
    """Delete a person's recovery codes."""
    with atomic() as session:
        session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))


def recovery_codes_left(person: Person, *, now: datetime) -> int:
    """The number of unused codes that are valid for a person's roles now."""
    unused = select(func.count()).where(RecoveryCode.person_id == person.id, RecoveryCode.used_at.is_(None))
    since = authority_of(person, now).trusted_from
    return db.session.scalar(unused.where(RecoveryCode.made_at >= since)) or 0


def spaced(code: str) -> str:
    """Four letters at a time, as it is printed and read."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def _hash(person_id: uuid.UUID, code: str) -> bytes:
    return hashlib.sha256(person_id.bytes + code.encode()).digest()
