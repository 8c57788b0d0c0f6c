"""Phones that are known, since they were used before: what was typed on each, matched or not, and no name."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import LargeBinary, bindparam, select

from mobilize.checkins.models import KnownPhone
from mobilize.checkins.record.identifiers import Identifier
from mobilize.checkins.record.persistence import StatementRow
from mobilize.database import new_id
from mobilize.fast.statements import CachedStatement, retried, run
from mobilize.keys.tokens import hash_token

# After it was last used: the cookie, and its row (docs/privacy.md).
REMEMBERED_FOR = timedelta(days=180)


@dataclass(frozen=True)
class KnownPhoneRow:
    """What is read of a phone that is known."""

    id: uuid.UUID
    typed_enc: bytes
    typed_index: bytes
    used_on: date

    @property
    def last_typed(self) -> Identifier:
        """The number last typed on it."""
        return Identifier.stored(KnownPhone.typed.open(self.id, self.typed_enc))


def recall(token: str) -> KnownPhoneRow | None:
    """The phone with this cookie; None for one we do not know."""
    rows = retried(lambda: run(_BY_TOKEN, {"token_hash": hash_token(token)}))
    return KnownPhoneRow(*rows[0]) if rows else None


def phone_row(
    phone: KnownPhoneRow | None, token: str, typed: Identifier, now: datetime
) -> StatementRow | None:
    """The row to store for a phone on which this was typed today; None where it stands there already."""
    if phone and phone.typed_index == typed.index and phone.used_on == now.date():
        return None
    row_id = phone.id if phone else new_id()
    return {
        "phone_id": row_id,
        "phone_token_hash": hash_token(token),
        "phone_typed_enc": KnownPhone.typed.seal(row_id, str(typed)),
        "phone_typed_index": typed.index,
        "phone_used_on": now.date(),
    }


_BY_TOKEN = CachedStatement(
    lambda: select(KnownPhone.id, KnownPhone.typed_enc, KnownPhone.typed_index, KnownPhone.used_on).where(
        KnownPhone.token_hash == bindparam("token_hash", type_=LargeBinary())
    )
)
