"""The log of texts, and the carriers' callbacks: receipts and inbound texts."""

import uuid
from datetime import datetime

from flask import Response, abort, render_template, request

from mobilize import clock, settings
from mobilize.accounts.access import permissions
from mobilize.accounts.access.permissions import signed_by_carrier, signed_in
from mobilize.accounts.models import RoleName
from mobilize.languages import say_date, say_time
from mobilize.texts import queries
from mobilize.texts.carriers import telnyx, twilio
from mobilize.texts.carriers.base import InboundText, StatusReport
from mobilize.texts.models import TextState
from mobilize.texts.receiving.callbacks import note_arrived
from mobilize.texts.receiving.inbound import InboundChannel, take_inbound
from mobilize.texts.receiving.receipts import note_receipt
from mobilize.texts.routes import bp
from mobilize.texts.sending import senders
from mobilize.texts.templates import template


@bp.post("/texts/receipts/<uuid:outbox_id>")
@signed_by_carrier("twilio")
def receipt(outbox_id: uuid.UUID) -> Response:
    """A status of one of our texts; our own id and the attempt stand in the address. Repeats are welcome."""
    report = twilio.status_in(request) or abort(400)
    _take_status(report)
    return _empty_answer()


@bp.post("/texts/inbound")
@signed_by_carrier("twilio")
def inbound() -> Response:
    """A text to our number. The response is empty: answers go through the outbox."""
    text = twilio.text_in(request) or abort(400)
    _take_text(twilio.NAME, text)
    return _empty_answer()


@bp.post("/texts/telnyx")
@signed_by_carrier("telnyx")
def from_telnyx() -> Response:
    """Whatever Telnyx tells us: a status, a text to our number, or neither. Repeats are welcome."""
    if report := telnyx.status_in(request):
        _take_status(report)
    elif text := telnyx.text_in(request):
        _take_text(telnyx.NAME, text)
    return Response(status=204)


@bp.get("/texts")
@signed_in(RoleName.ORGANIZER)
def log() -> str:
    """The latest texts to the members this person may see, and how many are in each state."""
    chosen = request.args.get("state", "")
    state = TextState(chosen) if chosen in set(TextState) else None
    members = permissions.me().scope.members()
    return render_template(
        "texts/log.html",
        texts=queries.latest_texts(state=state, members=members),
        counts=queries.counts_by_state(members=members),
        state=state,
        paused=senders.pausing_everything(),
        ignores_windows=settings().is_demo,
    )


@bp.get("/texts/<uuid:outbox_id>")
@signed_in(RoleName.ORGANIZER)
def text(outbox_id: uuid.UUID) -> str:
    """One text: what it was for, each attempt, each receipt."""
    story = queries.story_of(outbox_id, members=permissions.me().scope.members()) or abort(404)
    return render_template(
        "texts/text.html",
        story=story,
        words=template(story.text.wording, story.text.language),
        several_carriers=len(settings().carriers_set_up) > 1,
    )


@bp.context_processor
def _ways_to_say_when() -> dict[str, object]:
    return {"say_moment": _say_moment, "say_when_due": lambda text: _say_moment(text.due_at, text.tz)}


def _say_moment(moment: datetime, tz: str) -> str:
    return f"{say_date(moment, tz)}, {say_time(moment, tz)}"


def _take_status(report: StatusReport) -> None:
    note_receipt(
        report.sid,
        report.status,
        outbox_id=report.outbox_id,
        n=report.n,
        error_code=report.error_code,
        now=clock.now(),
    )


def _take_text(carrier: str, text: InboundText) -> None:
    via = InboundChannel(carrier, text.number, text.media, text.keyword)
    take_inbound(text.sid, text.sender, text.body[:1600], via=via, now=clock.now())
    note_arrived(carrier, now=clock.now())


def _empty_answer() -> Response:
    return Response("<Response/>", mimetype="text/xml")
