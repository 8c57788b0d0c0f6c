"""Phones that were used before: each remembers what was typed on it, matched or not, and holds no name."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import LargeBinary, bindparam, select

from mobilize.checkins.models import KnownPhone
from mobilize.checkins.storing import Row
from mobilize.checkins.typed import Typed
from mobilize.database import new_id
from mobilize.direct import Ready, on_wire
from mobilize.tokens import hash_token


@dataclass(frozen=True)
class Recalled:
    """A known phone as it stands in the database."""

    id: uuid.UUID
    typed_enc: bytes
    typed_bix: bytes
    used_on: date

    @property
    def said(self) -> Typed:
        """What was last typed on it."""
        return Typed.stored(KnownPhone.typed.open(self.id, self.typed_enc))


def recall(token: str) -> Recalled | None:
    """The phone with this cookie; None for one we do not know."""
    rows = on_wire(lambda wire: wire.run(_BY_TOKEN, {"token_hash": hash_token(token)}))
    return Recalled(*rows[0]) if rows else None


def phone_row(known: Recalled | None, token: str, typed: Typed, now: datetime) -> Row | None:
    """What has to be stored of a phone on which this was typed today; None where it stands there already."""
    if known and known.typed_bix == typed.bix and known.used_on == now.date():
        return None
    row_id = known.id if known else new_id()
    return {
        "phone_id": row_id,
        "phone_token_hash": hash_token(token),
        "phone_typed_enc": KnownPhone.typed.seal(row_id, str(typed)),
        "phone_typed_bix": typed.bix,
        "phone_used_on": now.date(),
    }


_BY_TOKEN = Ready(
    lambda: select(KnownPhone.id, KnownPhone.typed_enc, KnownPhone.typed_bix, KnownPhone.used_on).where(
        KnownPhone.token_hash == bindparam("token_hash", type_=LargeBinary())
    )
)
