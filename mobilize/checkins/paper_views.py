"""Where the chair keys in her paper sheet."""

import uuid

from flask import render_template, request

from mobilize import clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import ActionKind, Event
from mobilize.actions.seen import changeable_event
from mobilize.checkins.duties import duty_choices
from mobilize.checkins.paper import KeyedIn, key_in, mark_of
from mobilize.checkins.views import bp
from mobilize.errors import Refused

_FIELDS = ("mark", "numbers", "walkins", "page", "left", "shift", "duty")


@bp.get("/events/<uuid:event_id>/paper")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def paper(event_id: uuid.UUID) -> str:
    """One form: the sheet's signs, the numbers that were signed, and who wrote herself in."""
    return _page(changeable_event(event_id, me().scope))


@bp.post("/events/<uuid:event_id>/paper")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def key_in_paper(event_id: uuid.UUID) -> str | tuple[str, int]:
    """Stored, and read back by name, so that a slip is seen at once."""
    event, form = changeable_event(event_id, me().scope), request.form
    said = {name: form.get(name, "")[:5000] for name in _FIELDS}
    try:
        done = key_in(event, **said, now=clock.now())
    except Refused as refusal:
        return _page(event, said=said, problem=refusal.message), refusal.status
    return _page(event, done=done)


def _page(
    event: Event, *, said: dict[str, str] | None = None, problem: str = "", done: KeyedIn | None = None
) -> str:
    return render_template(
        "checkins/paper.html",
        event=event,
        mark=mark_of(event),
        strike=event.action.kind is ActionKind.STRIKE,
        duties=duty_choices(),
        said=said or {},
        page=(said or {}).get("page") or uuid.uuid4().hex,
        problem=problem,
        done=done,
    )
