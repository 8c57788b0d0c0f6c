"""A member's own link to one event: in her reminder, and as a code that a captain scans from her phone.

Nothing is stored for it. The address names the event, and ten letters that only we can make of her and the
event; they say nothing of her, and nothing about another event.
"""

import base64
import time
import uuid
from functools import lru_cache

from sqlalchemy import select

from mobilize import crypto, settings
from mobilize.actions.queries import chapters_of, event_by_code
from mobilize.database import db
from mobilize.roster.models import Member, Membership
from mobilize.tokens import read_code

# 50 bits among the 37,000 of the largest rally: two members share one in a million rallies.
_LETTERS = 10
_KEPT_S = 120


def personal_address(code: str, event_id: uuid.UUID, member_id: uuid.UUID) -> str:
    """What goes into her reminder, and into the code on her phone."""
    return f"{settings().public_base_url}/p/{code}/{personal_code(event_id, member_id)}"


def personal_code(event_id: uuid.UUID, member_id: uuid.UUID) -> str:
    """Ten letters for one member at one event; always the same."""
    mark = crypto.blind_index(f"personal/{event_id}", str(member_id))
    return base64.b32encode(mark).decode()[:_LETTERS]


def whose(code: str, letters: str) -> uuid.UUID | None:
    """The member of the event with this code whose letters these are; None for nobody's."""
    event = event_by_code(code)
    if event is None:
        return None
    return _by_letters(event.id, int(time.monotonic() / _KEPT_S)).get(read_code(letters))


@lru_cache(maxsize=64)
def _by_letters(event_id: uuid.UUID, _until: int) -> dict[str, uuid.UUID]:
    """All of an event's letters, made once in two minutes: a rally has as many as the union has members."""
    listed = (
        select(Member.id)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.site_id.in_(chapters_of(event_id)), Membership.to_at.is_(None))
        .where(Member.gone_on.is_(None), Member.erased_at.is_(None))
    )
    return {personal_code(event_id, member): member for member in db.session.scalars(listed)}
