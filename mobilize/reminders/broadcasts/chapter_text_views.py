"""The page on which a chair texts their own chapter."""

import uuid

from flask import abort, redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.actions.visibility import changeable_event
from mobilize.errors import Refused
from mobilize.languages import _, language
from mobilize.reminders.broadcasts import chapter_texts as operations
from mobilize.reminders.broadcasts.forms import ChapterTextForm
from mobilize.reminders.broadcasts.queries import chapter_texts_of
from mobilize.reminders.merge_fields import merge_fields_for, written_in
from mobilize.reminders.models import AudienceFilter
from mobilize.reminders.routes import bp
from mobilize.texts.templates import template


@bp.get("/events/<uuid:event_id>/text")
@signed_in()
def text_chapter(event_id: uuid.UUID) -> str:
    """Choose what to say."""
    return _page(event_id, ChapterTextForm())


@bp.post("/events/<uuid:event_id>/text")
@signed_in()
def write_to_chapter(event_id: uuid.UUID) -> Response | tuple[str, int]:
    """Draft the text, and go on to its preview, where it is confirmed."""
    event, form = changeable_event(event_id, me().scope), ChapterTextForm()
    if not form.validate():
        return _page(event_id, form), 422
    try:
        broadcast = operations.write_to_chapter(
            event,
            event.site or abort(404),
            form.wording.data or "",
            form.where.data or "",
            AudienceFilter(form.whom.data),
            scope=me().scope,
            actor=me().actor,
            now=clock.now(),
        )
    except Refused as refusal:
        return _page(event_id, form, refusal), refusal.status
    return redirect(url_for("reminders.broadcast", broadcast_id=broadcast.id), 303)


def _page(event_id: uuid.UUID, form: ChapterTextForm, refusal: Refused | None = None) -> str:
    event, reads = changeable_event(event_id, me().scope), written_in(language())
    place = _("(the place below)")
    texts = {
        wording: template(wording, reads).format_map(
            {**merge_fields_for(event, reads), "union": settings().union_name, "where": place, "link": ""}
        )
        for wording in operations.timely_wordings(event, clock.now())
    }
    form.offer(texts)
    sent = chapter_texts_of(event.action, event.site, me().scope, now=clock.now()) if event.site else []
    return render_template("reminders/text_chapter.html", event=event, form=form, refusal=refusal, sent=sent)
