"""The line page: the phone of the chair or captain at the gate. It runs on a grant for one event."""

import hashlib
import uuid
from collections import Counter
from datetime import datetime

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from markupsafe import Markup
from pydantic import ValidationError

from mobilize import audit, clock, settings
from mobilize.accounts.entrance import grant, line_grant, line_upload, was_taken_back
from mobilize.accounts.grants import phones_beside
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import ActionKind, Event
from mobilize.actions.queries import check_in_address, codes_of, event_by_code
from mobilize.checkins.counts import usual_up_to
from mobilize.checkins.duties import duty_choices
from mobilize.checkins.forms import MOST_ITEMS, LineBatch, plain_item
from mobilize.checkins.gates import gates_of
from mobilize.checkins.line import do_items
from mobilize.checkins.queries import Here, has_list, line_figures, the_list, uncertain_times, who_is_in
from mobilize.checkins.rotating import rotating_key
from mobilize.checkins.signed_lists import public_key, signature
from mobilize.errors import Refused
from mobilize.languages import _, language, say_time, say_when
from mobilize.phones import shown
from mobilize.qr import qr_address, qr_svg
from mobilize.tokens import read_code

bp = Blueprint("line", __name__)


@bp.get("/line/<code>")
@line_grant
def page(code: str) -> str:
    """The whole page, readable and usable before any script runs. `?shell`: without names, to be kept for a
    time without a network; its names are kept apart, where they can be wiped."""
    return _page(_event(code), read_code(code), shell="shell" in request.args)


def _page(event: Event, code: str, *, shell: bool = False, unusual: str = "") -> str:
    """`unusual`: a head count that was typed, about which the page asks whether it is right."""
    here = who_is_in(event.id)
    people = [] if shell and has_list(event.id) else the_list(event.id)
    audit.note(f"grant:{grant().id}", "line.see", event.id, now=clock.now())
    return render_template(
        "line/page.html",
        event=event,
        code=code,
        codes=codes_of(event),
        action_name=event.action.name_in(language()),
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
        unusual=unusual,
        missing=_missing(event),
        uncertain=_uncertain(event),
        address=_address(event),
        qr=Markup(qr_svg(check_in_address(event))),  # noqa: S704 - drawn by us, from our own address
        text_number=shown(settings().text_number),
        drill=event.action.drill,
        strike=_is_strike(event),
        duties=duty_choices(),
    )


@bp.get("/line/<code>/state")
@line_grant
def state(code: str) -> Response:
    """The numbers and who is in, for the page to redraw; 304 when nothing changed."""
    event = _event(code)
    answer = jsonify(_state(event))
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:32])
    _tell_the_time(answer)
    return answer.make_conditional(request)  # type: ignore[return-value]


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
    """Deeds from the page's queue. Each is answered by its nonce: stored, or unresolved and why."""
    event = _event(code)
    done = do_items(event, grant(), _batch(), now=clock.now(), taken_back=was_taken_back())
    return jsonify(items=done, ended=clock.now() >= grant().ends_at or was_taken_back())


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
    """The same from a plain form."""
    event, now = _event(code), clock.now()
    back = url_for("line.page", code=read_code(code))
    batch = LineBatch(items=[plain_item(request.form, now)])
    answer = do_items(event, grant(), batch, now=now)[0]
    if answer.get("error") == "count_unusual":
        return _page(event, read_code(code), unusual=request.form.get("n", "").strip()), 422
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


def _missing(event: Event) -> str | None:
    """Where the chair sees who has not come yet, signed in as herself: phones are on no line page."""
    if grant().kind is not GrantKind.CHAIR or event.site_id is None:
        return None
    return url_for(
        "turnout.chapter_report", action_id=event.action_id, site_id=event.site_id, _anchor="missing"
    )


def _uncertain(event: Event) -> str | None:
    """Where the chair says of taps of uncertain time whether somebody was there, signed in as themselves."""
    if grant().kind is not GrantKind.CHAIR:
        return None
    return url_for("checkins.unmatched_list", action_id=event.action_id, event=event.id)


def _for_the_chair(event: Event) -> dict[str, object]:
    """How many taps wait for that word; a captain is not told."""
    return {"uncertain": uncertain_times(event.id)} if grant().kind is GrantKind.CHAIR else {}


def _is_strike(event: Event) -> bool:
    return event.action.kind is ActionKind.STRIKE


def _phones(event: Event) -> str:
    """When each phone was opened by this phone's link, where that was more than one: no copy goes unseen."""
    phones = phones_beside(grant(), now=clock.now())
    if len(phones) < 2:
        return ""
    times = ", ".join(say_time(phone.made_at, event.tz) for phone in phones)
    return _("Your link is open on %(count)s phones (%(times)s). If one is not yours, tell the chair.",
             count=len(phones), times=times)  # fmt: skip


def _address(event: Event) -> str:
    """What the changing code is put behind, as it stands in the QR code."""
    return qr_address(check_in_address(event) + "/")


def _tell_the_time(answer: Response) -> None:
    """A phone's clock may be wrong: it learns ours."""
    answer.headers["X-Now"] = str(int(clock.now().timestamp() * 1000))


def _state(event: Event) -> dict[str, object]:
    here = who_is_in(event.id)
    figures, key = line_figures(event.id, here), rotating_key(event, clock.now())
    elsewhere = Counter(one.duty for one in here.values() if one.is_elsewhere)
    return _for_the_chair(event) | {
        "address": _address(event),
        "key": key.hex() if key else None,
        "phones": _phones(event),
        "named": figures.named,
        "others": figures.others,
        "head_count": figures.head_count,
        "head_count_at": _clock(figures.head_count_at, event),
        "supporters": figures.supporters,
        "duties": elsewhere,
        "in": {str(member): _says(one, event) for member, one in here.items()},
    }


def _says(here: Here, event: Event) -> dict[str, object]:
    said: dict[str, object] = {"at": _clock(here.first_at, event), "ticked": here.ticked}
    more = {"out": _clock(here.out_at, event), "duty": here.duty}
    return said | {name: value for name, value in more.items() if value}


def _clock(moment: datetime | None, event: Event) -> str | None:
    return say_time(moment, event.tz) if moment else None
