"""What the line page sends: deeds with a name of their own, each stored or shown to a person, none dropped."""

import uuid
from datetime import datetime

from pydantic import ValidationError

from mobilize.accounts.models import LineGrant
from mobilize.actions.models import Event
from mobilize.checkins.forms import LineItem
from mobilize.checkins.models import Method
from mobilize.checkins.operations import Proof, add_supporters, check_in, report_head_count, void
from mobilize.checkins.queries import is_on_the_list, standing_ticks
from mobilize.errors import Refused
from mobilize.languages import _

Answer = dict[str, object]


def do_items(
    event: Event, grant: LineGrant, items: list[dict[str, object]], *, now: datetime
) -> list[Answer]:
    """Do each item on its own and answer each: {"nonce", "stored", "outcome"} or {..., "stored": False, "why"}.

    One that cannot be done harms no other. Sending the same again gives the same answers and changes nothing.
    """
    return [_do(event, grant, raw, now) for raw in items]


def _do(event: Event, grant: LineGrant, raw: dict[str, object], now: datetime) -> Answer:
    nonce = str(raw.get("nonce", ""))[:32]
    try:
        item = LineItem.model_validate(raw)
        return {"nonce": nonce, "stored": True, "outcome": _ONE[item.kind](event, grant, item, now)}
    except ValidationError:
        return {
            "nonce": nonce,
            "stored": False,
            "outcome": "unresolved",
            "why": _("We could not read this entry."),
        }
    except Refused as refusal:
        return {"nonce": nonce, "stored": False, "outcome": "unresolved", "why": refusal.message}


def _tick(event: Event, grant: LineGrant, item: LineItem, now: datetime) -> str:
    member = _on_the_list(event, item.member)
    proof = Proof(
        event_id=event.id,
        nonce=item.nonce_bytes,
        body=item.body,
        method=Method.TICK,
        member_id=member,
        happened_at=item.at,
        grant_id=grant.id,
    )
    return check_in(proof, now=now).outcome.value


def _untick(event: Event, grant: LineGrant, item: LineItem, now: datetime) -> str:
    """Take a member's ticks back, whoever of the captains made them. Her own check-in, if there is one, stays."""
    for tick in standing_ticks(event.id, _on_the_list(event, item.member)):
        void(tick, "undone on the line", actor=f"grant:{grant.id}", now=now)
    return "out"


def _head_count(event: Event, grant: LineGrant, item: LineItem, now: datetime) -> str:
    by = f"grant:{grant.id}"
    n = _number(item)
    report_head_count(event, n, counted_at=item.at, nonce=item.nonce_bytes, via="line", by=by, now=now)
    return "counted"


def _supporters(event: Event, grant: LineGrant, item: LineItem, now: datetime) -> str:
    by = f"grant:{grant.id}"
    add_supporters(event.id, _number(item), nonce=item.nonce_bytes, happened_at=item.at, by=by, now=now)
    return "counted"


def _on_the_list(event: Event, member: uuid.UUID | None) -> uuid.UUID:
    """A grant reaches only the event's own list; anybody else looks like nobody."""
    if member is None or not is_on_the_list(event.id, member):
        raise Refused("not_listed", _("This name is not on your list."), status=404)
    return member


def _number(item: LineItem) -> int:
    if item.n is None:
        raise Refused("bad_count", _("Type a number."))
    return item.n


_ONE = {"tick": _tick, "untick": _untick, "head_count": _head_count, "supporters": _supporters}
