"""A member's own link to one event: in her reminder, and as a code that a captain scans from her phone.

The address names the event, and ten letters that only we can make of her and the event; they say nothing of
her, and nothing about another event. Of the link nothing is stored, only how often hers were ended: that is
part of what the letters are made of. It is good until a day after the event.
"""

import base64
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from cachetools import TTLCache, cached
from sqlalchemy import func, select

from mobilize import audit, crypto, settings
from mobilize.actions.queries import chapters_of, event_by_code
from mobilize.checkins.models import EndedLinks
from mobilize.database import atomic, db, insert
from mobilize.roster.models import Member, Membership
from mobilize.tokens import read_code

# 50 bits among the 37,000 of the largest rally: two members share one in a million rallies.
LETTERS = 10
_KEPT_S = 120
# Of all events together, in each process; the largest rally has 37,000.
_MOST_LETTERS = 200_000
# For whoever pressed it at the line and was heard of a day later; last week's opens nothing.
GOOD_AFTER_THE_END = timedelta(hours=24)


def personal_address(code: str, event_id: uuid.UUID, member_id: uuid.UUID, ended: int = 0) -> str:
    """What goes into her reminder, and into the code on her phone; equally long for everybody."""
    return f"{settings().public_base_url}/p/{code}/{personal_code(event_id, member_id, ended)}"


def personal_code(event_id: uuid.UUID, member_id: uuid.UUID, ended: int = 0) -> str:
    """Ten letters for one member at one event, the same until her links are ended once more."""
    whose = f"{member_id}/{ended}" if ended else str(member_id)
    mark = crypto.blind_index(f"personal/{event_id}", whose)
    return base64.b32encode(mark).decode()[:LETTERS]


def ended_links() -> Mapping[uuid.UUID, int]:
    """How often the links of a member were ended; few ever were."""
    return dict(db.session.execute(select(EndedLinks.member_id, EndedLinks.times)).all())


def whose(code: str, letters: str, at: datetime) -> uuid.UUID | None:
    """The member of the event with this code whose letters these are; None for nobody's, for ended ones, and
    for what happened more than a day after the event."""
    event = event_by_code(code)
    if event is None or at > event.ends_at + GOOD_AFTER_THE_END:
        return None
    ended_at = db.session.scalar(select(func.max(EndedLinks.ended_at)))
    return _by_letters(event.id, ended_at).get(read_code(letters))


def end_links(member_id: uuid.UUID, *, actor: str, now: datetime) -> None:
    """None of her links opens anything from now on, as when her phone was lost; the next reminder brings
    another."""
    with atomic() as session:
        row = insert(EndedLinks).values(member_id=member_id, times=1, ended_at=now)
        more = {"times": EndedLinks.times + 1, "ended_at": now}
        session.execute(row.on_conflict_do_update(index_elements=["member_id"], set_=more))
        audit.note(actor, "member.end_links", member_id, now=now)


@cached(TTLCache(_MOST_LETTERS, _KEPT_S, getsizeof=len), lock=threading.Lock())
def _by_letters(event_id: uuid.UUID, _ended_at: datetime | None) -> dict[str, uuid.UUID]:
    """All of an event's letters, made once in two minutes: a rally has as many as the union has members."""
    listed = (
        select(Member.id)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.site_id.in_(chapters_of(event_id)), Membership.to_at.is_(None))
        .where(Member.gone_on.is_(None), Member.erased_at.is_(None))
    )
    ended = ended_links()
    return {personal_code(event_id, id, ended.get(id, 0)): id for id in db.session.scalars(listed)}
