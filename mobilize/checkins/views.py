"""Where members check in: the address of the poster's code, the form, and the receipt."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.entrance import anyone
from mobilize.accounts.sessions import cookie_name, give_cookie
from mobilize.actions.models import Event
from mobilize.actions.queries import EARLY, LATE, event_by_code
from mobilize.checkins.forms import CheckInForm, event_token, form_nonce, is_event_token
from mobilize.checkins.models import Method
from mobilize.checkins.operations import Proof, remember_phone
from mobilize.checkins.operations import check_in as count_in
from mobilize.checkins.queries import device_mark, line_snapshot, remembered
from mobilize.checkins.typed import Typed, read_typed
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
    form = CheckInForm(data={"token": event_token(event.code)})
    known = remembered(request.cookies.get(cookie_name("known"))) is not None
    return _form_page(event, form, known=known and "other" not in request.args)


@bp.post("/c/<code>")
@bp.post("/C/<code>")
@anyone
def check_in_now(code: str) -> Response | str | tuple[str, int]:
    """One tap. The answer is built from the event and this request alone: the same for member and stranger."""
    event = event_by_code(code)
    if event is None:
        return _unknown(code)
    form = CheckInForm(request.form)
    if not form.validate() or not is_event_token(form.token.data or "", event.code):
        abort(400)
    now, cookie = clock.now(), request.cookies.get(cookie_name("known"))
    try:
        typed = _typed(form, cookie)
    except Refused as refusal:
        form.typed.errors = [refusal.message]
        return _form_page(event, form, known=False), refusal.status
    count_in(_proof(event, form, typed, cookie, now), now=now)
    return _receipt(event, remember_phone(cookie, typed, now=now), now)


def _typed(form: CheckInForm, cookie: str | None) -> Typed:
    before = remembered(cookie) if request.form.get("known") else None
    return before[1] if before else read_typed(form.typed.data or "")


def _proof(event: Event, form: CheckInForm, typed: Typed, cookie: str | None, now: datetime) -> Proof:
    said = f"{typed.kind}:{typed.text}"
    return Proof(
        event_id=event.id,
        nonce=form_nonce(form.token.data or "", said),
        body=said.encode(),
        method=Method.POSTER,
        typed=typed,
        happened_at=now,
        device=device_mark(event.id, cookie),
    )


def _receipt(event: Event, cookie: str, now: datetime) -> Response:
    receipt = {"time": say_time(now, event.tz), "code": make_code(6), "line_count": line_snapshot(event.id)}
    page = render_template(
        "checkins/receipt.html",
        event=_words(event, now),
        receipt=receipt,
        drill=event.action.drill,
        other_url=url_for("checkins.check_in", code=event.code, other=1),
    )
    answer = make_response(page)
    give_cookie(answer, "known", cookie, lasts=PHONE_KNOWN)
    return answer


def _form_page(event: Event, form: CheckInForm, *, known: bool) -> str:
    words = _words(event, clock.now())
    post_to = url_for("checkins.check_in_now", code=event.code)
    return render_template(
        "checkins/check_in.html",
        event=words,
        form=form,
        known=known,
        post_to=post_to,
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
