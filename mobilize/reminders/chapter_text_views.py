"""A chair's page: one of three texts to her own chapter."""

import uuid

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.entrance import me, signed_in
from mobilize.actions.seen import changeable_event
from mobilize.errors import Refused
from mobilize.languages import language
from mobilize.reminders import chapter_texts as operations
from mobilize.reminders.blanks import blanks_for
from mobilize.reminders.blueprint import bp
from mobilize.texts.wordings import template


@bp.get("/events/<uuid:event_id>/text")
@signed_in()
def text_chapter(event_id: uuid.UUID) -> str:
    """Choose what to say."""
    return _page(event_id)


@bp.post("/events/<uuid:event_id>/text")
@signed_in()
def write_to_chapter(event_id: uuid.UUID) -> Response | tuple[str, int]:
    """On to its size and price, where it is confirmed."""
    event = changeable_event(event_id, me().scope)
    try:
        found = operations.write_to_chapter(
            event,
            event.site or abort(404),
            request.form.get("wording", ""),
            request.form.get("where", ""),
            scope=me().scope,
            actor=me().actor,
            now=clock.now(),
        )
    except Refused as refusal:
        return _page(event_id, refusal), refusal.status
    return redirect(url_for("reminders.broadcast", broadcast_id=found.id), 303)


def _page(event_id: uuid.UUID, refusal: Refused | None = None) -> str:
    event = changeable_event(event_id, me().scope)
    said = {
        wording: template(wording, language()).format_map(
            {**blanks_for(event, language()), "union": settings().union_name, "where": "…", "link": ""}
        )
        for wording in operations.APPROVED
    }
    return render_template(
        "reminders/text_chapter.html",
        event=event,
        said=said,
        refusal=refusal,
        chosen=request.form.get("wording", operations.APPROVED[0]),
        where=request.form.get("where", ""),
    )
