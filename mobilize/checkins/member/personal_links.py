"""A member's own link to one event: in their reminder, and as a code that a captain scans from their phone.

The address has the event's code and ten letters, an HMAC over the member and the event, which say nothing of
the member or of other events. Of a link only how often the member's links were ended is stored, which goes
into the HMAC. It is good until a day after the event.
"""

import base64
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from cachetools import TTLCache, cached
from sqlalchemy import func, select

from mobilize import audit, settings
from mobilize.actions.queries import event_by_code
from mobilize.backup import journal
from mobilize.checkins.line.queries import members_of_chapters
from mobilize.checkins.models import EndedLinks
from mobilize.database import atomic, db, insert
from mobilize.keys import crypto
from mobilize.keys.tokens import read_code

# 50 bits among the 37,000 of the largest rally: two members share one in a million rallies.
LETTERS = 10
_KEPT_S = 120
# Of all events together, in each process; the largest rally has 37,000.
_MOST_LETTERS = 200_000
# A tap at the line may arrive a day later.
GOOD_AFTER_THE_END = timedelta(hours=24)


def personal_address(code: str, event_id: uuid.UUID, member_id: uuid.UUID, ended: int = 0) -> str:
    """The address in a reminder and in the code on the member's phone; equally long for everybody."""
    return f"{settings().public_base_url}/p/{code}/{personal_code(event_id, member_id, ended)}"


def personal_code(event_id: uuid.UUID, member_id: uuid.UUID, ended: int = 0) -> str:
    """The ten letters of one member at one event, the same until their links are ended once more."""
    whose = f"{member_id}/{ended}" if ended else str(member_id)
    mark = crypto.blind_index(f"personal/{event_id}", whose)
    return base64.b32encode(mark).decode()[:LETTERS]


def ended_links() -> Mapping[uuid.UUID, int]:
    """The number of times each member's links were ended; members without are left out."""
    return dict(db.session.execute(select(EndedLinks.member_id, EndedLinks.times)).all())


def whose(code: str, letters: str, at: datetime) -> uuid.UUID | None:
    """The member with these letters at the event with this code; None for unknown or ended letters, and
    where `at` is more than a day after the event."""
    event = event_by_code(code)
    if event is None or at > event.ends_at + GOOD_AFTER_THE_END:
        return None
    ended_at = db.session.scalar(select(func.max(EndedLinks.ended_at)))
    return _by_letters(event.id, ended_at).get(read_code(letters))


def end_links(member_id: uuid.UUID, *, actor: str, now: datetime) -> None:
    """End all links the member was sent, as when their phone was lost; the next reminder brings another."""
    with atomic() as session:
        row = insert(EndedLinks).values(member_id=member_id, times=1, ended_at=now)
        more = {"times": EndedLinks.times + 1, "ended_at": now}
        session.execute(row.on_conflict_do_update(index_elements=["member_id"], set_=more))
        audit.note(actor, "member.end_links", member_id, now=now)
        journal.note("member.end_links", {"member": str(member_id), "by": actor}, now=now)


@cached(TTLCache(_MOST_LETTERS, _KEPT_S, getsizeof=len), lock=threading.Lock())
def _by_letters(event_id: uuid.UUID, _ended_at: datetime | None) -> dict[str, uuid.UUID]:
    """All letters of an event, computed once in two minutes: a rally has as many as the union has members."""
    ended, members = ended_links(), db.session.scalars(members_of_chapters(event_id))
    return {personal_code(event_id, id, ended.get(id, 0)): id for id in members}
