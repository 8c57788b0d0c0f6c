"""What each observer may look at without signing in: every public route, and all behind a line's link.

`ROUTES` has an entry for each of them, or a test fails: the looks at it, or in words why there is nothing to
look at. Of a file what it says is compared.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator

from openpyxl import load_workbook
from sqlalchemy import select
from werkzeug.test import TestResponse

from mobilize.database import db
from mobilize.texts.models import OutboxText
from mobilize.texts.templates import render
from tests.security.two_worlds.facts import TIA, World
from tests.security.two_worlds.steps import (
    CAPTAIN,
    OTHER_CAPTAIN,
    OUTSIDER,
    PROGRAM,
    captain_of,
    event_token,
)
from tests.services.client import Client
from tests.turnout.conftest import text_of

# Who looks, at what, and the answer; an answer may also be text that was read out of a file.
Look = tuple[str, str, TestResponse | str]
Looks = Callable[[World], Iterator[Look]]

NOBODYS_FIGURE = "says nothing of any action"
OWN_SESSION = (
    "opens by a code on the member's own phone, or by a session: see the test of what it says without"
)
OWN_LINK = "opens by a link that only the member's own phone was sent; its letters are an HMAC of 50 bits"
A_STEP = "is played as a step, and its answers are compared there"


def _check_in(world: World) -> Iterator[Look]:
    phone = Client(world.app, use_cookies=True)
    for code in sorted({world.here.code, *world.captains}):
        yield OUTSIDER, f"form {code}", phone.get(f"/c/{code}")


def _receipt(world: World) -> Iterator[Look]:
    """Somebody else's receipt, who is known to nobody: each look has a number of its own."""
    for language in ("en", "es"):
        phone = Client(world.app, use_cookies=True)
        phone.set_cookie("language", language, domain="localhost")
        form = {"token": event_token(world.here.code), "typed": "2135550188"}
        yield OUTSIDER, f"receipt {language}", phone.post(f"/c/{world.here.code}", data=form)


def _calendar(world: World) -> Iterator[Look]:
    yield OUTSIDER, "calendar", Client(world.app, use_cookies=True).get(f"/c/{world.here.code}/next.ics")


def _find(world: World) -> Iterator[Look]:
    yield OUTSIDER, "find", Client(world.app, use_cookies=True).get(f"/c?code={world.here.code}")


def _wall(world: World) -> Iterator[Look]:
    phone = Client(world.app, use_cookies=True)
    for n, token in enumerate(world.walls):
        yield OUTSIDER, f"wall {n}", phone.get(f"/wall/{token}")


def _wall_figures(world: World) -> Iterator[Look]:
    phone = Client(world.app, use_cookies=True)
    for n, token in enumerate(world.walls):
        response = phone.get(f"/wall/{token}/board.json")
        yield OUTSIDER, f"board {n}", response
        etag = {"If-None-Match": response.headers.get("ETag", "")}
        yield OUTSIDER, f"board {n} again", phone.get(f"/wall/{token}/board.json", headers=etag)


def _public_statement(world: World) -> Iterator[Look]:
    phone = Client(world.app, use_cookies=True)
    yield OUTSIDER, "noon", phone.get(f"/noon/{world.noon}")
    at = f"/noon/{world.noon}/{world.versions}"
    yield OUTSIDER, "noon 1", phone.get(f"/noon/{world.noon}/1")
    yield OUTSIDER, "noon es", phone.get(f"{at}?lang=es")
    yield OUTSIDER, "noon table", _cells(phone.get(f"{at}.csv"))
    yield OUTSIDER, "noon workbook", _sheets(phone.get(f"{at}.xlsx"))
    yield OUTSIDER, "noon paper", _paper(phone.get(f"{at}.pdf"))


def _front(world: World) -> Iterator[Look]:
    yield OUTSIDER, "front", Client(world.app, use_cookies=True).get("/")


def _personal(world: World) -> Iterator[Look]:
    """Without the letters of a link: whatever is guessed, it is nobody's."""
    phone = Client(world.app, use_cookies=True)
    yield OUTSIDER, "personal", phone.get(f"/p/{world.here.code}/ABCDEFGHIJ")
    yield OUTSIDER, "personal tap", phone.post(f"/p/{world.here.code}/ABCDEFGHIJ", data={})


def _without_session(*addresses: str) -> Looks:
    def looks(world: World) -> Iterator[Look]:
        phone = Client(world.app, use_cookies=True)
        for address in addresses:
            yield OUTSIDER, address, phone.get(address)

    return looks


def _line(*ends: str) -> Looks:
    def looks(world: World) -> Iterator[Look]:
        for observer, event in ((CAPTAIN, world.here), (OTHER_CAPTAIN, world.elsewhere)):
            code = list(world.captains)[0 if observer is CAPTAIN else 1]
            for end in ends:
                yield observer, f"line{end}", captain_of(world, event).get(f"/line/{code}{end}")

    return looks


def _where(world: World) -> Iterator[Look]:
    """The page of places and times, which the office shows in every world."""
    phone = Client(world.app, use_cookies=True)
    for address in ("/where", "/where?q=lincoln", "/where?q=lincoln&lang=es", "/where.json"):
        yield OUTSIDER, address, phone.get(address)


ROUTES: dict[str, Looks | str] = {
    "actions.where": _where,
    "actions.where_json": "looked at with `actions.where`",
    "checkins.check_in": _check_in,
    "checkins.check_in_now": _receipt,
    "checkins.check_in_at_the_line": A_STEP,
    "checkins.next_in_calendar": _calendar,
    "checkins.calendar_feed": "opens by an address that stands on the member's or the chair's own page alone",
    "checkins.find": _find,
    "checkins.undo": A_STEP,
    "checkins.personal": _personal,
    "checkins.personal_now": OWN_LINK,
    "checkins.service_worker": NOBODYS_FIGURE,
    "turnout.wall": _wall,
    "turnout.wall_figures": _wall_figures,
    "turnout.public_statement": _public_statement,
    "line.page": _line("", "?shell=1"),
    "line.state": _line("/state"),
    "line.manifest": _line("/manifest.json"),
    "line.do": A_STEP,
    "line.items": A_STEP,
    "line.add": "takes a photo beside a head count, and answers about that alone",
    "line.hand_over": "gives the same link to another phone",
    "grants.open_line": "spends a link; what it opens is `line.page`",
    "grants.open_line_now": "spends a link; what it opens is `line.page`",
    "public.front": _front,
    "api.openapi": NOBODYS_FIGURE,
    "api.page": NOBODYS_FIGURE,
    "public.colours": NOBODYS_FIGURE,
    "public.components": NOBODYS_FIGURE,
    "public.guide": NOBODYS_FIGURE,
    "public.manual": NOBODYS_FIGURE,
    "public.manual_example": NOBODYS_FIGURE,
    "public.healthz": NOBODYS_FIGURE,
    "public.language": NOBODYS_FIGURE,
    "public.readyz": NOBODYS_FIGURE,
    "accounts.ask": A_STEP,
    "accounts.enter_the_code": A_STEP,
    "accounts.sign_in": _without_session("/sign-in"),
    "accounts.sign_in_code": A_STEP,
    "accounts.sign_out": NOBODYS_FIGURE,
    "accounts.ask_passkey": NOBODYS_FIGURE,
    "accounts.ask_provider": NOBODYS_FIGURE,
    "accounts.enter_with_passkey": "opens by a passkey that was set up before",
    "accounts.back_from_provider": "opens by an account at the identity provider that was linked before",
    "accounts.enter": OWN_LINK,
    "accounts.enter_now": OWN_LINK,
    "privacy.ask": A_STEP,
    "privacy.code": A_STEP,
    "privacy.open_page": A_STEP,
    "privacy.me": _without_session("/me", "/me/held", "/me/held.json", "/me/delete", "/me/gone"),
    "privacy.opt_in": A_STEP,
    "privacy.texting": NOBODYS_FIGURE,
    "privacy.texting_done": A_STEP,
    "privacy.texting_privacy": NOBODYS_FIGURE,
    "privacy.texting_terms": NOBODYS_FIGURE,
    "setup.make_admin": "opens by an address that only the server's terminal showed, while there is no admin",
    "setup.start": "opens by an address that only the server's terminal showed, while there is no admin",
    "privacy.held": OWN_SESSION,
    "privacy.export_mine": OWN_SESSION,
    "privacy.delete": OWN_SESSION,
    "privacy.delete_now": OWN_SESSION,
    "privacy.gone": OWN_SESSION,
    "privacy.leave": OWN_SESSION,
    "privacy.which": OWN_SESSION,
    "privacy.wish": OWN_SESSION,
}


# What the token of a program without names opens to read: the address of each.
READ_BY_A_PROGRAM: dict[str, str] = {
    "api.token": "/token",
    "api.areas": "/areas",
    "api.sites": "/sites",
    "api.site": "/sites/{site}",
    "api.campaigns": "/campaigns",
    "api.campaign": "/campaigns/{nothing}",
    "api.actions": "/actions",
    "api.action": "/actions/{action}",
    "api.events": "/events",
    "api.event": "/events/{event}",
    "api.shifts": "/events/{event}/shifts",
    "api.head_counts": "/events/{event}/head-counts",
    "api.supporters": "/events/{event}/supporters",
    "api.turnout": "/actions/{action}/turnout",
    "api.reminders": "/actions/{action}/reminders",
}
# An id that was drawn anew: those of the world begin with noughts.
_DRAWN_ID = re.compile(r"(?!0{8}-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CURSOR = re.compile(r'"next":"[^"]+"')


def look_at_everything(world: World) -> Iterator[Look]:
    """All looks of all observers, in the order of `ROUTES`; and what a member's phone was sent."""
    for route in ROUTES.values():
        if not isinstance(route, str):
            yield from route(world)
    yield from _by_a_program(world)
    yield OUTSIDER, "texts to a member", _texts()


def _by_a_program(world: World) -> Iterator[Look]:
    ids = {"site": world.here.site_id, "action": world.action.id, "event": world.here.id, "nothing": TIA}
    for address in READ_BY_A_PROGRAM.values():
        path = address.format(**ids)
        yield PROGRAM, path, _with_ids_in_order(world.program.get(path))
        if address.endswith("head-counts"):
            yield PROGRAM, f"{path} by pages", _with_ids_in_order(world.program.get(f"{path}?limit=1"))


def _with_ids_in_order(answer: TestResponse) -> str:
    """The whole answer, in which an id that was drawn is its place among them; the ETag and the cursor are
    made of them."""
    headers = [(name, "" if name == "ETag" else value) for name, value in answer.headers]
    body = _CURSOR.sub('"next":"more"', answer.text)
    text = f"{answer.status}\n{headers}\n\n{body}"
    drawn = list(dict.fromkeys(_DRAWN_ID.findall(text)))
    return _DRAWN_ID.sub(lambda match: f"id {drawn.index(match[0])}", text)


def _texts() -> str:
    """All that somebody of the chapter was texted, who did nothing: many get the same, and pass it on."""
    sent = db.session.scalars(select(OutboxText).where(OutboxText.member_id == TIA).order_by(OutboxText.id))
    return "\n".join(render(one.wording, "en", json.loads(one.merge_fields)) for one in sent)


def _cells(answer: TestResponse) -> str:
    return repr(list(csv.reader(io.StringIO(answer.get_data(as_text=True)))))


def _sheets(answer: TestResponse) -> str:
    book = load_workbook(io.BytesIO(answer.data))
    return repr([(sheet.title, list(sheet.values)) for sheet in book])


def _paper(answer: TestResponse) -> str:
    return text_of(answer.data)
