"""Where members check in: the address of the poster's code, the form, and the receipt."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.entrance import anyone
from mobilize.accounts.sessions import cookie_name, give_cookie
from mobilize.actions.queries import EARLY, LATE
from mobilize.checkins.forms import CheckInForm, SavedCheckIn, event_token, is_event_token
from mobilize.checkins.known_phones import recall
from mobilize.checkins.models import Says
from mobilize.checkins.next_steps import next_event
from mobilize.checkins.operations import check_in_by_poster
from mobilize.checkins.phone_clocks import Span, TapTime
from mobilize.checkins.queries import LastCount, last_count
from mobilize.checkins.rotating import TICKET_LASTS, holds, is_current, is_rotating_code, ticket
from mobilize.checkins.saved import check_in_saved, is_too_late, tapped_at
from mobilize.checkins.shown import (
    ADDRESS,
    CODE,
    TIME,
    TOKEN,
    Shown,
    asked_address,
    shown_event,
    shown_page,
)
from mobilize.checkins.typed import read_typed
from mobilize.compressed import KeptPage
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
    event = shown_event(typed)
    if event is None:
        return unknown_code(typed)
    return redirect(url_for("checkins.check_in", code=event.code))


@bp.get("/c/<code>")
@bp.get("/C/<code>")
@anyone
def check_in(code: str) -> Response | str | tuple[str, int]:
    """The member's page. Opening it changes nothing, since messengers open links too."""
    event = shown_event(code)
    if event is None:
        return unknown_code(code)
    known = _is_known()
    asked = request.args
    return form_page(event, known=known, other="other" in asked, undone="undone" in asked).answer()


@bp.route("/c/<code>/<rotating>", methods=["GET", "POST"])
@bp.route("/C/<code>/<rotating>", methods=["GET", "POST"])
@anyone
def check_in_at_the_line(code: str, rotating: str) -> Response | str | tuple[str, int]:
    """The page behind the line's changing code. In time it gives this phone a ticket; nobody is counted yet,
    and a stale code is as good as the poster's."""
    event, now = shown_event(code), clock.now()
    if event is None or not is_rotating_code(rotating):
        return unknown_code(code)
    if request.method == "POST":
        return check_in_now(code)
    known, current = _is_known(), is_current(event.id, rotating, now)
    answer = form_page(event.as_if_new() if current else event, known=known).answer()
    if current:
        give_cookie(answer, _ticket_name(event), ticket(event.id, now), lasts=TICKET_LASTS)
    return answer


def _ticket_name(event: Shown) -> str:
    return f"here-{event.code}"


def _ticket(event: Shown, now: datetime) -> str | None:
    """The ticket in this phone's cookie, while it is good."""
    given = request.cookies.get(cookie_name(_ticket_name(event)))
    return given if holds(event.id, given, now) else None


@bp.post("/c/<code>")
@bp.post("/C/<code>")
@anyone
def check_in_now(code: str) -> Response | str | tuple[str, int]:
    """One tap. The answer is built from the event and this request alone, for member and stranger alike."""
    event = shown_event(code)
    if event is None:
        return unknown_code(code)
    now = clock.now()
    if event.replaced_at and _ticket(event, now):
        # Whoever read the line's changing code stands there, whatever poster's code it was put behind.
        event = event.as_if_new()
    if request.is_json:
        return _from_the_queue(event, now)
    # Both before anything is stored: what the answer says must not depend on what this check-in did.
    receipt = receipt_page(event, now, left="left" in request.form)
    try:
        cookie = _count_in(event, now)
    except Refused as refusal:
        form = CheckInForm(request.form)
        form.typed.errors = [refusal.message]
        return form_page(event, form).answer(refusal.status)
    answer = receipt.answer()
    give_cookie(answer, "known", cookie, lasts=PHONE_KNOWN)
    return answer


def _from_the_queue(event: Shown, now: datetime) -> Response:
    """One check-in the page has kept on the phone, answered by its nonce; `page` is what a form would get."""
    saved = read_saved()
    page = receipt_of_saved(event, tapped_at(saved, now), now, left=saved.left)
    cookie = request.cookies.get(cookie_name("known"))
    given = _ticket(event, now)
    _done, cookie = check_in_saved(event, saved, cookie=cookie, ticket=given, now=now)
    answer = jsonify(nonce=saved.nonce, stored=True, page=page.text)
    give_cookie(answer, "known", cookie, lasts=PHONE_KNOWN)
    return answer


def read_saved() -> SavedCheckIn:
    """What a page's queue has sent; whatever is none ends here, with 422."""
    try:
        return SavedCheckIn.model_validate(request.get_json())
    except (ValidationError, RecursionError):
        abort(422)


def _count_in(event: Shown, now: datetime) -> str:
    """The token for this phone's cookie."""
    token = request.form.get("token", "")
    if not is_event_token(token, event.code):
        raise Refused("stale_form", _("This page was too old. Send it once more."), status=400)
    typed = None if "known" in request.form else read_typed(request.form.get("typed", ""))
    cookie = request.cookies.get(cookie_name("known"))
    _done, cookie = check_in_by_poster(
        event.id,
        typed,
        page=token,
        cookie=cookie,
        ticket=_ticket(event, now),
        for_a_person=event.is_old_code(now),
        says=Says.LEFT if "left" in request.form else Says.HERE,
        now=now,
    )
    return cookie


@dataclass(frozen=True)
class Page:
    """A page and what stands at its marks."""

    kept: KeptPage
    says: dict[str, str]

    @property
    def text(self) -> str:
        return self.kept.filled(self.says)

    def answer(self, status: int = 200) -> Response:
        return self.kept.answer(self.says, status)


def receipt_page(event: Shown, now: datetime, *, left: bool = False, span: Span | None = None) -> Page:
    """What stands on the page afterwards: the receipt, or outside the hours what to do instead. With `left`
    the one of somebody who goes home. `span` as in `Proof`."""
    if _state(event, now) != "open":
        if span and _may_be_open(event, *span):
            return _uncertain_page(event)
        return form_page(event, sent=True, at=now)
    counted = None if left else last_count(event.id)
    # A member's own link has letters of its own, and is pressed once: its receipt is nobody else's.
    letters = read_code((request.view_args or {}).get("letters", ""))
    page = shown_page(
        event,
        ("receipt", counted, left),
        lambda: _render_receipt(event, now, counted, left, letters),
        cached=not letters,
    )
    says = {TIME: _time(int(now.timestamp() // 60), event.tz, language()), CODE: make_code(6)}
    says[ADDRESS] = asked_address()
    if event.has_check_out:
        says[TOKEN] = event_token(event.code)
    return Page(page, says)


def receipt_of_saved(event: Shown, when: TapTime, now: datetime, *, left: bool) -> Page:
    """The receipt of a tap that waited on the phone, with its own time. One whose time is uncertain has a
    receipt too, which says who decides where that matters."""
    if is_too_late(event, now):
        return receipt_page(event, now, left=left)
    return receipt_page(event, when.at, left=left, span=when.span)


def _may_be_open(event: Shown, earliest: datetime, latest: datetime) -> bool:
    """Was check-in open at any moment of this span?"""
    first = max(earliest, event.starts_at - EARLY)
    return first <= latest and _state(event, first) == "open"


def _uncertain_page(event: Shown) -> Page:
    page = shown_page(event, "uncertain", lambda: _render_uncertain(event))
    return Page(page, {CODE: make_code(6)})


def _render_uncertain(event: Shown) -> str:
    return render_template(
        "checkins/time_uncertain.html",
        event=event_words(event, event.starts_at),
        receipt_code=CODE,
        drill=event.drill,
    )


@lru_cache(1000)
def _time(minute: int, zone: str, _language: str) -> str:
    return say_time(datetime.fromtimestamp(minute * 60, UTC), zone)


def _render_receipt(event: Shown, now: datetime, counted: LastCount | None, left: bool, letters: str) -> str:
    own_link = url_for("checkins.personal_now", code=event.code, letters=letters) if letters else None
    return render_template(
        "checkins/left.html" if left else "checkins/receipt.html",
        event=event_words(event, now),
        receipt={"time": TIME, "code": CODE},
        counted=counted,
        tz=event.tz,
        drill=event.drill,
        code=event.code,
        next=next_event(event),
        letters=letters or None,
        post_to=own_link or url_for("checkins.check_in_now", code=event.code),
        other_url=url_for("checkins.check_in", code=event.code, other=1),
        token=TOKEN if event.has_check_out else None,
    )


def form_page(
    event: Shown,
    form: CheckInForm | None = None,
    *,
    known: bool = False,
    other: bool = False,
    sent: bool = False,
    undone: bool = False,
    at: datetime | None = None,
) -> Page:
    """The check-in page, with a token of its own. With a `form` that was sent, also what is wrong with it.
    It says what is so now, or what was so `at` the moment somebody tapped."""
    how = {"known": known, "other": other, "sent": sent, "undone": undone}
    moment = at or clock.now()
    if form:
        page = KeptPage(_render_form(event, form, moment, **how), for_all=False)
    else:
        kind = "form", _state(event, moment), *how.values()
        page = shown_page(event, kind, lambda: _render_form(event, CheckInForm(), moment, **how))
    return Page(page, {TOKEN: event_token(event.code), ADDRESS: asked_address()})


def _render_form(event: Shown, form: CheckInForm, at: datetime, **how: bool) -> str:
    form.token.data = TOKEN
    return render_template(
        "checkins/check_in.html",
        event=event_words(event, at),
        form=form,
        code=event.code,
        opens_ms=opens_ms(event),
        post_to=url_for("checkins.check_in_now", code=event.code),
        drill=event.drill,
        has_check_out=event.has_check_out,
        **how,
    )


def _is_known() -> bool:
    cookie = request.cookies.get(cookie_name("known"))
    return bool(cookie) and recall(str(cookie)) is not None


def event_words(event: Shown, now: datetime) -> EventWords:
    reads = language()
    return EventWords(
        action_name=event.name_in(reads),
        place=event.place,
        when=say_when(event.starts_at, event.ends_at, event.tz),
        demands=event.demands_in(reads),
        meet_at=event.meet_at,
        state=_state(event, now),
        opens=say_time(event.starts_at - EARLY, event.tz),
    )


def opens_ms(event: Shown) -> int:
    """When check-in opens, in ms as a browser counts them."""
    return int((event.starts_at - EARLY).timestamp() * 1000)


def _state(event: Shown, now: datetime) -> str:
    if event.is_called_off:
        return "called_off"
    if now > event.ends_at + LATE:
        return "over"
    if event.is_old_code(now):
        return "replaced"
    return "early" if now < event.starts_at - EARLY else "open"


def unknown_code(typed: str) -> tuple[str, int]:
    """The answer to an address that names nothing of ours."""
    error = _("We know no action with this code. Compare it with the poster, letter by letter.")
    return render_template("public/front.html", typed=read_code(typed), error=error), 404
