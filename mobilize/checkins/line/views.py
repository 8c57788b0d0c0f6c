"""The line page: the phone of the chair or captain at the gate. It runs on a grant for one event."""

import uuid
from datetime import datetime

from flask import (
    Response,
    abort,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from markupsafe import Markup
from pydantic import ValidationError

from mobilize import audit, clock, settings
from mobilize.accounts.access.grants import line_phones, pass_on
from mobilize.accounts.access.permissions import (
    grant,
    held,
    line_grant,
    line_look,
    line_upload,
    was_taken_back,
)
from mobilize.accounts.models import GrantKind
from mobilize.accounts.sign_in.sessions import cookie_name
from mobilize.actions.forms import LabelForm, written
from mobilize.actions.models import ActionKind, Event
from mobilize.actions.queries import codes_of, event_by_code, lost_at
from mobilize.checkins.forms import MOST_ITEMS, LineBatch, duty_choices
from mobilize.checkins.line.forms import LineForm
from mobilize.checkins.line.list_signature import public_key, signature
from mobilize.checkins.line.queries import (
    ListedMember,
    gates_of,
    has_list,
    line_figures,
    the_list,
    who_is_in,
)
from mobilize.checkins.line.state import CachedState, cached_state, line_state, phones_text, rotating_address
from mobilize.checkins.line.sync import do_items
from mobilize.checkins.photos.queries import CountOfPhone, last_count_by
from mobilize.checkins.record.head_counts import usual_up_to
from mobilize.checkins.routes import line as bp
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.fast.versions import versions
from mobilize.keys.tokens import hash_token, read_code
from mobilize.languages import _, language, say_when
from mobilize.phones import format_phone
from mobilize.printing.qr import qr_svg
from mobilize.web.repeated_answers import Again, Current, repeat_current
from mobilize.web.rsgi import WAITS_FOR
from mobilize.web.security_headers import open_camera


@bp.get("/line/<code>")
@line_grant
def page(code: str) -> Response:
    """The whole page, readable and usable before any script runs. `?shell`: without names, to be kept for a
    time without a network; its names are kept apart, where they can be wiped."""
    return open_camera(make_response(_page(_event(code), read_code(code), shell="shell" in request.args)))


def _those_not_in_first(people: list[ListedMember] | None) -> list[ListedMember] | None:
    """Whoever is still to be ticked, by name; then who is in."""
    return people and sorted(people, key=lambda person: person.here is not None)


def _page(
    event: Event, code: str, *, shell: bool = False, sent: LineForm | None = None, why: str | None = None
) -> str:
    """`sent`: a form that was not taken, which keeps what was typed: `why`, or where there is none its head
    count is unusual, and the page asks whether it is right."""
    here = who_is_in(event.id)
    people = [] if shell and has_list(event.id) else _those_not_in_first(the_list(event.id))
    audit.note(f"grant:{grant().id}", "line.see", event.id, now=clock.now())
    return render_template(
        "line/page.html",
        event=event,
        code=code,
        codes=codes_of(event),
        action_name=event.action.name.in_(language()),
        when=say_when(event.starts_at, event.ends_at, event.tz),
        figures=line_figures(event.id, here),
        phones=_phones(event),
        people=people,
        list_key=public_key(event.id),
        signature=signature(event.id, people or []),
        shell=shell,
        gates=gates_of(event),
        ends_ms=int(grant().ends_at.timestamp() * 1000),
        nonce=uuid.uuid4().hex,
        usual_up_to=usual_up_to(event),
        unusual=sent.number if sent and not why else "",
        wrong={sent.kind: why} if sent and why else {},
        typed={sent.kind: sent.typed_in} if sent else {},
        chosen=(sent.member.data or sent.gate.data) if sent else None,
        photo_of=_photo_of(event),
        missing=_missing(event),
        uncertain=_uncertain(event),
        address=rotating_address(event),
        qr=Markup(qr_svg(event.check_in_address)),  # noqa: S704 - drawn by us, from our own address
        text_number=format_phone(settings().text_number),
        lost=lost_at(event),
        drill=event.action.drill,
        strike=_is_strike(event),
        duties=duty_choices(),
    )


def _phones(event: Event) -> str:
    now = clock.now()
    phones = line_phones(event.id, now=now, fresh=True)
    own = next((one for one in phones.grants.values() if one.id == grant().id), None)
    return phones_text(phones.beside(own, now) if own else [], event.tz)


@bp.get("/line/<code>/state")
@line_look
def state(code: str) -> Response:
    """The numbers and who is in, for the page to redraw; 304 when nothing changed. With `Prefer: wait` (RFC
    7240) that is held back for some seconds, in case something does."""
    now = clock.now()
    look = line_state(held(), now, fresh=not request.if_none_match)
    answer = Response(mimetype="application/json")
    answer.set_etag(look.etag)
    answer.headers |= _our_clock(now)
    if look.etag in request.if_none_match:
        answer.status_code = 304
        if "wait" in request.headers.get("Prefer", ""):
            answer.headers[WAITS_FOR] = _waits_for(held().event_id, look)
    else:
        answer.set_data(look.body)
    repeat_current(_again(held().event_id, request.cookies[cookie_name(f"line-{read_code(code)}")]))
    return answer


def _our_clock(now: datetime) -> dict[str, str]:
    """For phones whose own is wrong."""
    return {"X-Now": str(int(now.timestamp() * 1000))}


def _waits_for(event_id: uuid.UUID, look: CachedState) -> str:
    return f"{event_id.hex} {look.version}"


def _again(event_id: uuid.UUID, token: str) -> Again:
    """How a phone that has seen a state is given what it sees by then; whoever names none has just sent
    something, and wants what is stored now."""
    current, token_hash, in_their = versions(), hash_token(token), language()

    def again(etags: str) -> Current | None:
        now, version = clock.now(), current.cached(event_id) if etags else None
        look = None if version is None else cached_state(event_id, token_hash, in_their, version, now)
        if look is None:
            return None
        headers = _our_clock(now) | {"ETag": f'"{look.etag}"', "Content-Length": str(len(look.body))}
        return Current(headers | {"Content-Type": "application/json"}, look.body, _waits_for(event_id, look))

    return again


@bp.get("/line/<code>/manifest.json")
@line_grant
def manifest(code: str) -> Response:
    """For the home screen: this line's page as an app of its own."""
    event = _event(code)
    icons = [("icons/icon-192.png", "192x192"), ("icons/icon-512.png", "512x512")]
    return jsonify(
        name=_("Line: %(place)s", place=event.place),
        short_name=event.place[:12],
        start_url=url_for("line.page", code=read_code(code)),
        scope=url_for("line.page", code=read_code(code)),
        display="standalone",
        background_color="#faf6ed",
        theme_color=settings().union_colour,
        icons=[
            {"src": url_for("static", filename=file), "sizes": size, "type": "image/png"}
            for file, size in icons
        ],
    )


@bp.post("/line/<code>/items")
@line_upload
def items(code: str) -> Response:
    """Items from the page's queue. Each is answered by its nonce: stored, or unresolved and why."""
    # Without what a page says of it: most of what lines send is one tick.
    event = db.session.get_one(Event, grant().event_id)
    now, taken_back = clock.now(), was_taken_back()
    ended = now >= grant().ends_at or taken_back
    done = do_items(event, grant(), _batch(), now=now, taken_back=taken_back)
    return jsonify(items=done, ended=ended)


def _batch() -> LineBatch:
    if not request.is_json:
        abort(415)
    sent = request.get_json()
    items = sent.get("items") if isinstance(sent, dict) else None
    if isinstance(items, list) and len(items) > MOST_ITEMS:
        raise Refused("too_many_items", _("Send at most %(most)s entries at once.", most=MOST_ITEMS))
    try:
        return LineBatch.model_validate(sent)
    except (ValidationError, RecursionError):
        abort(422)


@bp.post("/line/<code>/do")
@line_grant
def do(code: str) -> Response | tuple[str, int]:
    """One item from a plain form, without JavaScript."""
    event, form, now = _event(code), LineForm(), clock.now()
    back = url_for("line.page", code=read_code(code))
    batch = LineBatch(items=[form.item(now)])
    answer = do_items(event, grant(), batch, now=now)[0]
    if answer.get("error") == "count_unusual":
        return _page(event, read_code(code), sent=form), 422
    if "why" in answer and not answer["stored"] and form.typed_in:
        return _page(event, read_code(code), sent=form, why=str(answer["why"])), 422
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


def _photo_of(event: Event) -> CountOfPhone | None:
    """What this phone's next photo goes with; None while there is nothing, or no photos are allowed."""
    return last_count_by(event.id, f"grant:{grant().id}") if event.action.photos_at else None


def _missing(event: Event) -> str | None:
    """The page that shows a chair who has not come yet, once signed in: phone numbers are on no line page."""
    if grant().kind is not GrantKind.CHAIR or event.site_id is None:
        return None
    return url_for(
        "turnout.chapter_report", action_id=event.action_id, site_id=event.site_id, _anchor="missing"
    )


def _uncertain(event: Event) -> str | None:
    """The page on which a chair, once signed in, decides about taps of uncertain time."""
    if grant().kind is not GrantKind.CHAIR:
        return None
    return url_for("checkins.unmatched_list", action_id=event.action_id, event=event.id)


def _is_strike(event: Event) -> bool:
    return event.action.kind is ActionKind.STRIKE


@bp.post("/line/<code>/hand-over")
@line_grant
def hand_over(code: str) -> Response:
    """The next phone's link, shown once. What this phone still has to send is accepted as before."""
    event, now = event_by_code(code), clock.now()
    if event is None:
        abort(404)
    address = f"{settings().public_base_url}/l/{_pass_on(now)}"
    page = render_template(
        "line/handed_over.html",
        event=event,
        codes=codes_of(event),
        qr=qr_svg(address, _("QR code of this link")),
        address=address,
    )
    return make_response(page)


def _pass_on(now: datetime) -> str:
    held = grant()
    label = written(LabelForm().label)[:80] or held.label or ""
    return pass_on(held, label, f"grant:{held.id}", now=now)[1]
