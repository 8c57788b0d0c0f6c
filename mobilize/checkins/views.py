"""Where members check in: the address of the poster's code, the form, and the receipt."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.entrance import anyone
from mobilize.accounts.sessions import cookie_name, give_cookie
from mobilize.actions.models import Event
from mobilize.actions.queries import EARLY, LATE, event_by_code
from mobilize.checkins.forms import CheckInForm, event_token, is_event_token
from mobilize.checkins.operations import check_in_by_poster
from mobilize.checkins.queries import known_phone, line_snapshot
from mobilize.checkins.typed import Typed, read_typed, unreadable
from mobilize.errors import Refused
from mobilize.languages import _, language, say_time, say_when
from mobilize.tokens import make_code, read_code

bp = Blueprint("checkins", __name__)

PHONE_KNOWN = timedelta(days=180)


@dataclass(frozen=True)
class EventWords:
    """An event in the reader's language, as the page and the receipt show it."""

    action_name: str
    place: str
    when: str
    demands: list[str]
    meet_at: str
    state: str
    opens: str


@bp.get("/c")
@anyone
def find() -> Response | tuple[str, int]:
    """From the code somebody typed to its page."""
    typed = request.args.get("code", "")[:64]
    event = event_by_code(typed)
    if event is None:
        return _unknown(typed)
    return redirect(url_for("checkins.check_in", code=event.code))


@bp.get("/c/<code>")
@bp.get("/C/<code>")
@anyone
def check_in(code: str) -> Response | str | tuple[str, int]:
    """The member's page. Opening it changes nothing, since messengers open links too."""
    event = event_by_code(code)
    if event is None:
        return _unknown(code)
    known = known_phone(request.cookies.get(cookie_name("known"))) is not None
    return _form_page(event, CheckInForm(), known=known, other="other" in request.args)


@bp.post("/c/<code>")
@bp.post("/C/<code>")
@anyone
def check_in_now(code: str) -> Response | str | tuple[str, int]:
    """One tap. The answer is built from the event and this request alone, for member and stranger alike."""
    event = event_by_code(code)
    if event is None:
        return _unknown(code)
    form, now = CheckInForm(request.form), clock.now()
    # Both before anything is stored: what the answer says must not depend on what this check-in did.
    receipt = _receipt(event, now)
    try:
        cookie = _count_in(event, form, now)
    except Refused as refusal:
        form.typed.errors = [refusal.message]
        return _form_page(event, form), refusal.status
    answer = make_response(receipt)
    give_cookie(answer, "known", cookie, lasts=PHONE_KNOWN)
    return answer


def _count_in(event: Event, form: CheckInForm, now: datetime) -> str:
    """The token for this phone's cookie."""
    token = form.token.data or ""
    if not is_event_token(token, event.code):
        raise Refused("stale_form", _("This page was too old. Send it once more."), status=400)
    typed = None if "known" in request.form else _typed(form)
    cookie = request.cookies.get(cookie_name("known"))
    _done, cookie = check_in_by_poster(event.id, typed, page=token, cookie=cookie, now=now)
    return cookie


def _typed(form: CheckInForm) -> Typed:
    if not form.validate():
        raise unreadable()
    return read_typed(form.typed.data or "")


def _receipt(event: Event, now: datetime) -> str:
    """What stands on the page afterwards: the receipt, or outside the hours what to do instead."""
    words = _words(event, now)
    if words.state != "open":
        return _form_page(event, CheckInForm(), sent=True)
    return render_template(
        "checkins/receipt.html",
        event=words,
        receipt={
            "time": say_time(now, event.tz),
            "code": make_code(6),
            "line_count": line_snapshot(event.id),
        },
        drill=event.action.drill,
        other_url=url_for("checkins.check_in", code=event.code, other=1),
    )


def _form_page(
    event: Event, form: CheckInForm, *, known: bool = False, other: bool = False, sent: bool = False
) -> str:
    form.token.data = event_token(event.code)
    return render_template(
        "checkins/check_in.html",
        event=_words(event, clock.now()),
        form=form,
        known=known,
        other=other,
        sent=sent,
        post_to=url_for("checkins.check_in_now", code=event.code),
        drill=event.action.drill,
    )


def _words(event: Event, now: datetime) -> EventWords:
    campaign, reads = event.action.campaign, language()
    demands = (campaign.demands_es if reads == "es" else campaign.demands_en) if campaign else ""
    return EventWords(
        action_name=event.action.name_in(reads),
        place=event.place,
        when=say_when(event.starts_at, event.ends_at, event.tz),
        demands=[line.strip() for line in demands.splitlines() if line.strip()],
        meet_at=event.meet_at,
        state=_state(event, now),
        opens=say_time(event.starts_at - EARLY, event.tz),
    )


def _state(event: Event, now: datetime) -> str:
    if event.is_called_off:
        return "called_off"
    if now < event.starts_at - EARLY:
        return "early"
    return "over" if now > event.ends_at + LATE else "open"


def _unknown(typed: str) -> tuple[str, int]:
    error = _("We know no action with this code. Compare it with the poster, letter by letter.")
    return render_template("public/front.html", typed=read_code(typed), error=error), 404
