"""The pages a member sees: the check-in form and the receipt, from what is cached of an event."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from flask import render_template, request, url_for
from flask_babel import format_decimal
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.actions.queries import EARLY, LATE
from mobilize.checkins.forms import CheckInForm, event_token
from mobilize.checkins.line.queries import LastCount, last_count
from mobilize.checkins.member.event_cache import (
    ADDRESS,
    CODE,
    TIME,
    TOKEN,
    CachedEvent,
    cached_page,
    rendered_for_all_sites,
    requested_address,
)
from mobilize.checkins.member.offline_queue import is_too_late
from mobilize.checkins.member.receipt import NextEvent, next_in_words
from mobilize.checkins.record.phone_clocks import Span, TapTime
from mobilize.fast.page_cache import CachedPage
from mobilize.keys.tokens import make_code, read_code
from mobilize.languages import _, language, ngettext, say_time, say_when


@dataclass(frozen=True)
class EventTexts:
    """The texts of an event in the reader's language, for the form and the receipt."""

    action_name: str
    place: str
    when: str
    demands: list[str]
    meet_at: str
    state: str
    opens: str
    # What a text says that checks its sender in; empty where no text reaches us, or that code leaked.
    text: str
    text_number: str


@dataclass(frozen=True)
class CheckInPage:
    """A cached page, and the values of its placeholders."""

    cached: CachedPage
    values: dict[str, str]

    @property
    def main(self) -> str:
        """Its content, for a page that has the frame already."""
        text = self.cached.filled(self.values)
        return text[text.index("<main") : text.index("</main>")] + "</main>"

    def answer(self, status: int = 200) -> Response:
        return self.cached.answer(self.values, status)


class _Receipt(NamedTuple):
    """What a receipt says beside its event; `letters` are those of a member's own link."""

    counted: LastCount | None
    left: bool
    letters: str


def receipt_page(
    event: CachedEvent, now: datetime, *, left: bool = False, span: Span | None = None
) -> CheckInPage:
    """The page after a check-in: the receipt, or outside the hours what to do instead. With `left` the one of
    somebody who goes home. `span` as in `CheckInRequest`."""
    if _state(event, now) != "open":
        if span and _may_be_open(event, *span):
            return _uncertain_page(event)
        return form_page(event, sent=True, at=now)
    counted = None if left else last_count(event.id)
    # A member's own link has letters of its own, and is pressed once: its receipt is nobody else's.
    letters = read_code((request.view_args or {}).get("letters", ""))
    page = cached_page(
        event,
        ("receipt", counted, left),
        lambda: _render_receipt(event, now, _Receipt(counted, left, letters)),
        cached=not letters,
    )
    values = {TIME: _time(int(now.timestamp() // 60), event.tz, language()), CODE: make_code(6)}
    values[ADDRESS] = requested_address()
    if event.has_check_out:
        values[TOKEN] = event_token(event.code)
    return CheckInPage(page, values)


def receipt_of_saved(event: CachedEvent, when: TapTime, now: datetime, *, left: bool) -> CheckInPage:
    """The receipt of a tap that waited on the phone, with its own time. One whose time is uncertain has a
    receipt too, which says who decides where that matters."""
    if is_too_late(event, now):
        return receipt_page(event, now, left=left)
    return receipt_page(event, when.at, left=left, span=when.span)


def _may_be_open(event: CachedEvent, earliest: datetime, latest: datetime) -> bool:
    """Whether check-in was open at any moment of this span."""
    first = max(earliest, event.starts_at - EARLY)
    return first <= latest and _state(event, first) == "open"


def _uncertain_page(event: CachedEvent) -> CheckInPage:
    page = cached_page(
        event, "uncertain", lambda: rendered_for_all_sites(event, "uncertain", _render_uncertain)
    )
    return CheckInPage(page, {CODE: make_code(6)})


def _render_uncertain(event: CachedEvent, _count: str) -> str:
    return render_template(
        "checkins/time_uncertain.html",
        event=event_words(event, event.starts_at),
        receipt_code=CODE,
        drill=event.drill,
    )


@lru_cache(1000)
def _time(minute: int, zone: str, _language: str) -> str:
    return say_time(datetime.fromtimestamp(minute * 60, UTC), zone)


def _render_receipt(event: CachedEvent, now: datetime, of: _Receipt) -> str:
    coming, count = next_in_words(event), _count_words(of.counted, event.tz) if of.counted else ""
    if of.letters:
        return _draw_receipt(event, now, of, coming, count)
    # Mostly the next one is at the same place, whichever that is.
    here = coming is not None and coming.place == event.place
    elsewhere = coming._replace(place="") if coming and here else coming

    def draw(marked: CachedEvent, count: str) -> str:
        replaced = coming._replace(place=marked.place) if coming and here else coming
        return _draw_receipt(marked, now, of, replaced, count)

    kind = "receipt", of.left, _state(event, now), elsewhere
    return rendered_for_all_sites(event, kind, draw, count)


def _count_words(counted: LastCount, tz: str) -> str:
    return ngettext(
        "%(count)s person counted here at %(time)s",
        "%(count)s people counted here at %(time)s",
        counted.n,
        count=format_decimal(counted.n),
        time=say_time(counted.at, tz),
    )


def _draw_receipt(
    event: CachedEvent, now: datetime, of: _Receipt, coming: NextEvent | None, count: str
) -> str:
    _counted, left, letters = of
    own_link = url_for("checkins.personal_now", code=event.code, letters=letters) if letters else None
    return render_template(
        "checkins/left.html" if left else "checkins/receipt.html",
        event=event_words(event, now),
        receipt={"time": TIME, "code": CODE},
        count=count,
        drill=event.drill,
        code=event.code,
        next=coming,
        letters=letters or None,
        post_to=own_link or url_for("checkins.check_in_now", code=event.code),
        other_url=url_for("checkins.check_in", code=event.code, other=1),
        token=TOKEN if event.has_check_out else None,
    )


def form_page(
    event: CachedEvent,
    form: CheckInForm | None = None,
    *,
    remembered: bool = False,
    other: bool = False,
    sent: bool = False,
    undone: bool = False,
    at: datetime | None = None,
) -> CheckInPage:
    """The check-in page, with a token of its own. With a `form` that was sent, also what is wrong with it.
    It shows the state now, or `at` the moment of a tap."""
    how = {"remembered": remembered, "other": other, "sent": sent, "undone": undone}
    moment = at or clock.now()
    if form:
        page = CachedPage(_render_form(event, form, moment, **how), for_all=False)
    else:
        kind = "form", _state(event, moment), *how.values()
        page = cached_page(
            event,
            kind,
            lambda: rendered_for_all_sites(
                event, kind, lambda marked, _count: _render_form(marked, CheckInForm(), moment, **how)
            ),
        )
    return CheckInPage(page, {TOKEN: event_token(event.code), ADDRESS: requested_address()})


def _render_form(event: CachedEvent, form: CheckInForm, at: datetime, **how: bool) -> str:
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


def event_words(event: CachedEvent, now: datetime) -> EventTexts:
    reads, state = language(), _state(event, now)
    texts = settings().text_number and state in ("open", "early")
    return EventTexts(
        action_name=event.name.in_(reads),
        place=event.place,
        when=say_when(event.starts_at, event.ends_at, event.tz),
        demands=event.demands_in(reads),
        meet_at=event.meet_at,
        state=state,
        opens=say_time(event.starts_at - EARLY, event.tz),
        text=_("HERE %(code)s", code=event.text_code) if texts else "",
        text_number=settings().text_number if texts else "",
    )


def opens_ms(event: CachedEvent) -> int:
    """The opening of check-in, in ms as a browser counts them."""
    return int((event.starts_at - EARLY).timestamp() * 1000)


def _state(event: CachedEvent, now: datetime) -> str:
    if event.is_called_off:
        return "called_off"
    if now > event.ends_at + LATE:
        return "over"
    if event.is_old_code(now):
        return "replaced"
    return "early" if now < event.starts_at - EARLY else "open"


def unknown_code(typed: str) -> tuple[str, int]:
    """The 404 page of a code that belongs to no event."""
    error = _("We know no action with this code. Compare it with the poster, letter by letter.")
    return render_template("public/front.html", typed=read_code(typed), error=error), 404
