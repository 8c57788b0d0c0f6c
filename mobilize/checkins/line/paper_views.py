"""The page on which a chair keys in a sign-in sheet."""

import uuid

from flask import render_template

from mobilize import clock
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import ActionKind, Event
from mobilize.actions.visibility import changeable_event
from mobilize.checkins.line.forms import PaperForm
from mobilize.checkins.line.paper_entry import PaperEntryResult, key_in, mark_of
from mobilize.checkins.routes import bp
from mobilize.errors import Refused


@bp.get("/events/<uuid:event_id>/paper")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def paper(event_id: uuid.UUID) -> str:
    """The form: the sheet's mark, the numbers that were signed, and the walk-ins."""
    return _page(changeable_event(event_id, me().scope), PaperForm())


@bp.post("/events/<uuid:event_id>/paper")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def key_in_paper(event_id: uuid.UUID) -> str | tuple[str, int]:
    """Store the sheet, and list it by name, so that a slip is noticed at once."""
    event, form = changeable_event(event_id, me().scope), PaperForm()
    entered = {name: text[:5000] for name, text in form.data.items()}
    try:
        done = key_in(event, **entered, now=clock.now())
    except Refused as refusal:
        return _page(event, form, problem=refusal.message), refusal.status
    return _page(event, PaperForm(formdata=None), done=done)


def _page(event: Event, form: PaperForm, *, problem: str = "", done: PaperEntryResult | None = None) -> str:
    return render_template(
        "checkins/paper.html",
        event=event,
        mark=mark_of(event),
        strike=event.action.kind is ActionKind.STRIKE,
        form=form.offer(event),
        problem=problem,
        done=done,
    )
