"""The line page: the phone of the chair or captain at the gate. It runs on a grant for one event."""

import hashlib
import uuid
from datetime import datetime

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from markupsafe import Markup
from pydantic import ValidationError

from mobilize import audit, clock, settings
from mobilize.accounts.entrance import grant, line_grant
from mobilize.actions.models import Event
from mobilize.actions.queries import check_in_address, event_by_code
from mobilize.checkins.forms import LineBatch, plain_item
from mobilize.checkins.line import do_items
from mobilize.checkins.queries import line_figures, the_list, who_is_in
from mobilize.languages import _, language, say_time, say_when
from mobilize.phones import shown
from mobilize.qr import qr_svg

bp = Blueprint("line", __name__)


@bp.get("/line/<code>")
@line_grant
def page(code: str) -> str:
    """The whole page, readable and usable before any script runs."""
    event = _event(code)
    audit.note(f"grant:{grant().id}", "line.see", event.id, now=clock.now())
    return render_template(
        "line/page.html",
        event=event,
        action_name=event.action.name_in(language()),
        when=say_when(event.starts_at, event.ends_at, event.tz),
        figures=line_figures(event.id),
        people=the_list(event.id),
        nonce=uuid.uuid4().hex,
        qr=Markup(qr_svg(check_in_address(event))),  # noqa: S704 - drawn by us, from our own address
        text_number=shown(settings().text_number),
        drill=event.action.drill,
    )


@bp.get("/line/<code>/state")
@line_grant
def state(code: str) -> Response:
    """The numbers and who is in, for the page to redraw; 304 when nothing changed."""
    event = _event(code)
    answer = jsonify(_state(event))
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:32])
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer.make_conditional(request)  # type: ignore[return-value]


@bp.post("/line/<code>/items")
@line_grant
def items(code: str) -> Response:
    """Deeds from the page's queue. Each is answered by its nonce: stored, or unresolved and why."""
    event = _event(code)
    if not request.is_json:
        abort(415)
    try:
        batch = LineBatch.model_validate(request.get_json())
    except (ValidationError, RecursionError):
        abort(422)
    return jsonify(items=do_items(event, grant(), batch, now=clock.now()))


@bp.post("/line/<code>/do")
@line_grant
def do(code: str) -> Response:
    """The same from a plain form."""
    event, now = _event(code), clock.now()
    back = url_for("line.page", code=event.code)
    batch = LineBatch(items=[plain_item(request.form, now)])
    answer = do_items(event, grant(), batch, now=now)[0]
    if "why" in answer:
        flash(str(answer["why"]), "problem")
    else:
        flash(_("Done."), "done")
    return redirect(back, 303)  # type: ignore[return-value]


def _event(code: str) -> Event:
    event = event_by_code(code)
    if event is None or grant().event_id != event.id:
        abort(404)
    return event


def _state(event: Event) -> dict[str, object]:
    figures = line_figures(event.id)
    return {
        "named": figures.named,
        "walkups": figures.walkups,
        "head_count": figures.head_count,
        "head_count_at": _clock(figures.head_count_at, event),
        "supporters": figures.supporters,
        "in": {
            str(member): {"at": _clock(here.first_at, event), "ticked": here.ticked}
            for member, here in who_is_in(event.id).items()
        },
    }


def _clock(moment: datetime | None, event: Event) -> str | None:
    return say_time(moment, event.tz) if moment else None
