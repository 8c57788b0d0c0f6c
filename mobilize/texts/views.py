"""What was texted, and what the carrier tells us."""

import uuid
from datetime import datetime

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy import Select, select

from mobilize import clock, settings
from mobilize.accounts import entrance
from mobilize.accounts.entrance import signed_by_carrier, signed_in
from mobilize.accounts.models import RoleName
from mobilize.languages import say_date, say_time
from mobilize.roster.models import Membership
from mobilize.texts import queries
from mobilize.texts.inbound import take_inbound
from mobilize.texts.models import TextState
from mobilize.texts.receipts import note_receipt
from mobilize.texts.wordings import template

bp = Blueprint("texts", __name__)


@bp.post("/texts/receipts/<uuid:outbox_id>")
@signed_by_carrier
def receipt(outbox_id: uuid.UUID) -> Response:
    """A status of one of our texts; our own id and the attempt stand in the address. Repeats are welcome."""
    note_receipt(
        _needed("MessageSid")[:34],
        _needed("MessageStatus").lower()[:16],
        outbox_id=outbox_id,
        n=_number(request.args.get("n", "")),
        error_code=_number(request.form.get("ErrorCode", "")),
        now=clock.now(),
    )
    return _taken()


@bp.post("/texts/inbound")
@signed_by_carrier
def inbound() -> Response:
    """A text to our number. Answered with nothing: what we say goes through the outbox."""
    body = request.form.get("Body", "").replace("\x00", "")[:1600]
    take_inbound(_needed("MessageSid")[:34], _needed("From")[:20], body, now=clock.now())
    return _taken()


@bp.get("/texts")
@signed_in(RoleName.ORGANIZER)
def log() -> str:
    """The latest texts to the members this person may see, and how many are in each state."""
    chosen = request.args.get("state", "")
    state = TextState(chosen) if chosen in set(TextState) else None
    members = _members_in_scope()
    return render_template(
        "texts/log.html",
        texts=queries.latest_texts(state=state, members=members),
        counts=queries.counts_by_state(members=members),
        state=state,
        paused=queries.paused_senders(),
        ignores_windows=settings().is_demo,
    )


@bp.get("/texts/<uuid:outbox_id>")
@signed_in(RoleName.ORGANIZER)
def text(outbox_id: uuid.UUID) -> str:
    """One text: what it was for, each attempt, each receipt."""
    story = queries.story_of(outbox_id, members=_members_in_scope()) or abort(404)
    return render_template(
        "texts/text.html", story=story, words=template(story.text.wording, story.text.language)
    )


@bp.context_processor
def _ways_to_say_when() -> dict[str, object]:
    return {"say_moment": _say_moment, "say_when_due": lambda text: _say_moment(text.due_at, text.tz)}


def _say_moment(moment: datetime, tz: str) -> str:
    return f"{say_date(moment, tz)}, {say_time(moment, tz)}"


def _members_in_scope() -> Select[tuple[uuid.UUID]] | None:
    """The members whose texts this person may see; None for all texts, those to chairs included."""
    scope = entrance.me().scope
    if scope.everything:
        return None
    here = select(Membership.member_id).where(Membership.to_at.is_(None))
    return scope.limit_by(here, Membership.site_id)


def _needed(name: str) -> str:
    return request.form.get(name, "").replace("\x00", "") or abort(400)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _taken() -> Response:
    return Response("<Response/>", mimetype="text/xml")
