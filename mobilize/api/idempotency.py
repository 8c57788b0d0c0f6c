"""Idempotency keys: the stored answer of a request that changed something, for a day, for whoever repeats it
under the same key."""

import hashlib
from collections.abc import Callable

from flask import request
from pydantic import BaseModel
from sqlalchemy import delete, select

from mobilize import clock
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ANSWERS_KEPT, StoredAnswer
from mobilize.database import atomic, insert, new_id
from mobilize.errors import Refused
from mobilize.keys import crypto
from mobilize.languages import _

# A model and a status; as JSON.
Result = tuple[BaseModel, int]
KeptAnswer = tuple[str, int]


def done_once(access: TokenAccess, key: str, work: Callable[[], Result]) -> KeptAnswer:
    """The answer (JSON, status) of `work`, which is done once for each key of a token within a day: asked
    again at the same address with the same body, the stored answer is given. Of two at once the second waits
    for the first.

    One transaction: a refusal stores nothing, and is found again. Refused: nonce_reused, for another address
    or body.
    """
    now, sent = clock.now(), request.path.encode() + b"\n" + request.get_data()
    key_hash, body_hash = _key_hash(access, key), crypto.fingerprint(sent)
    of_key = StoredAnswer.key_hash == key_hash
    with atomic() as session:
        session.execute(delete(StoredAnswer).where(of_key, StoredAnswer.made_at <= now - ANSWERS_KEPT))
        row_id = new_id()
        row = {"id": row_id, "token_id": access.id, "key_hash": key_hash, "body_hash": body_hash}
        row |= {"made_at": now, "status": 0, "answer_enc": b""}
        session.execute(insert(StoredAnswer).values(row).on_conflict_do_nothing())
        stored = session.scalars(select(StoredAnswer).where(of_key)).one()
        if stored.body_hash != body_hash:
            raise key_reused()
        if stored.id != row_id:
            return stored.answer, stored.status
        answer, status = work()
        stored.answer, stored.status = answer.model_dump_json(), status
        session.flush()
        return stored.answer, status


def nonce_of(access: TokenAccess, key: str) -> bytes:
    """The nonce of what is stored at an event under a key: a check-in, a head count, supporters."""
    return _key_hash(access, key)[:16]


def key_reused() -> Refused:
    """The refusal of a key that came with something else before."""
    return Refused("nonce_reused", _("This Idempotency-Key came with something else before. Take a new one."))


def _key_hash(access: TokenAccess, key: str) -> bytes:
    return hashlib.sha256(f"{access.id}/{key}".encode()).digest()
