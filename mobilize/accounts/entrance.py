"""Who may enter a view. Every view states it with one decorator; one that states nothing opens for nobody."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from flask import Flask, abort, after_this_request, g, redirect, request, url_for
from sqlalchemy import ColumnElement, exists, or_, select
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.grants import PHONES, UPLOADS_ARE_TAKEN, holds_a_role
from mobilize.accounts.models import LineGrant, Person, RoleName, SignedInSession
from mobilize.accounts.scope import NOBODY, Scope, scope_and_standing
from mobilize.accounts.sessions import cookie_name, current_session, is_fresh, is_half_in, is_over
from mobilize.accounts.step_up import step_up_page
from mobilize.database import Model, atomic, db
from mobilize.pages import wants_json
from mobilize.texts.carrier import is_from_carrier
from mobilize.tokens import hash_token, read_code

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Entrance:
    """`kind`: anyone, first_step, signed_in, grant, upload or carrier. `roles` and `step_up` count for
    signed_in; an admin always enters."""

    kind: str
    roles: frozenset[RoleName] = frozenset()
    step_up: bool = False


@dataclass(frozen=True)
class Visitor:
    """Who is there: a person with her scope, or nobody. Whoever is half in (the code was right, the second
    step stands out) is nobody as well, with a `session`."""

    person: Person | None = None
    scope: Scope = field(default=NOBODY)
    session: SignedInSession | None = None

    @property
    def half_in(self) -> bool:
        return self.session is not None and self.person is None

    @property
    def actor(self) -> str:
        """How the audit names her."""
        return f"person:{self.person.id}" if self.person else "nobody"


def anyone(view: View) -> View:
    """Open to the public."""
    return _with(view, Entrance("anyone"))


def signed_in(*roles: RoleName, step_up: bool = False) -> Callable[[View], View]:
    """Open to people who hold one of these roles today, and to admins; without roles, to all who hold any.

    `step_up` states that what is done here gives power, costs money or cannot be taken back: the view does
    it `after_step_up()`, or calls `require_step_up()`, once what came in was found valid. A view that states
    it and asks neither fails with its first success.
    """
    return lambda view: _with(view, Entrance("signed_in", frozenset(roles), step_up))


def first_step(view: View) -> View:
    """Open to whoever has given the code, or a link: for the pages of the second step."""
    return _with(view, Entrance("first_step"))


def line_grant(view: View) -> View:
    """Open to a phone that holds a running grant for the event whose code is in the address (`code`).

    The view finds it as `entrance.grant()`.
    """
    return _with(view, Entrance("grant"))


def line_upload(view: View) -> View:
    """Open to a phone that holds a grant for the event, or held one until 14 days ago, ended or taken back.

    The view finds it as `entrance.grant()`, and asks `was_taken_back()`.
    """
    return _with(view, Entrance("upload"))


def signed_by_carrier(view: View) -> View:
    """Open to requests the carrier has signed; anything else is a 403."""
    return _with(view, Entrance("carrier"))


def me() -> Visitor:
    """Who is asking. Read once per request."""
    if "visitor" not in g:
        g.visitor = _visitor()
    visitor: Visitor = g.visitor
    return visitor


def fresh_step_up() -> bool:
    """Has who is asking proved within ten minutes that it is she?"""
    running = me().session
    return running is not None and not me().half_in and is_fresh(running, now=clock.now())


@contextmanager
def after_step_up(*, needed: bool = True) -> Iterator[None]:
    """What is done inside stays only with a fresh step-up, in one transaction.

    It is tried first, so that whatever it refuses is answered without a proof, and by the one place that
    knows the rule. Then, without a fresh step-up, all of it is taken back and `require_step_up` answers:
    nothing is done twice. Not for what takes seconds, or several transactions: there `require_step_up()`.
    """
    g.step_up_considered = True  # also where what is inside is refused
    with atomic():
        yield
        require_step_up(needed=needed)


def require_step_up(*, needed: bool = True) -> None:
    """Unless `needed` is false: without a fresh step-up the request ends here, with the page that asks for
    it and then sends the same request once more, whole. A program hears 403 "step_up"."""
    g.step_up_considered = True
    if needed and not fresh_step_up():
        abort(step_up_page(me().session))


def grant() -> LineGrant:
    """The running grant of this request; only in a view marked `line_grant`."""
    held: LineGrant = g.grant
    return held


def was_taken_back() -> bool:
    """Was this phone's grant taken back, or has the role ended that it came with?"""
    held = grant()
    if held.revoked_at is not None:
        return True
    still = select(LineGrant.id).where(LineGrant.id == held.id, holds_a_role())
    return held.person_id is not None and db.session.scalar(still) is None


def held_grant(code: str) -> LineGrant | None:
    """The running grant this phone holds for the event with this code, or None.

    The cookie's name is the phone's to choose, so the event is compared as well: a grant for one line opens
    no other.
    """
    held = _grant_for(code, LineGrant.person_id.is_(None) | holds_a_role())
    return held if held and not held.revoked_at and clock.now() < held.ends_at else None


def init_app(app: Flask) -> None:
    """Ask at every door. What is neither an endpoint nor a file is left to the error page."""
    app.before_request(partial(_ask_at_the_door, app))


def entrance_of(app: Flask, endpoint: str) -> Entrance | None:
    """What an endpoint states; None when it states nothing."""
    stated: Entrance | None = getattr(app.view_functions[endpoint], "entrance", None)
    return stated


def _with(view: View, entrance: Entrance) -> View:
    view.entrance = entrance  # type: ignore[attr-defined]
    return view


def _grant_for(code: str, *but: ColumnElement[bool]) -> LineGrant | None:
    token = request.cookies.get(cookie_name(f"line-{code}"))
    if not token:
        return None
    events, old = Model.metadata.tables["events"], Model.metadata.tables["old_codes"]
    # A phone stays at the address it has opened, also when the event's code has leaked and was replaced.
    had = exists().where(old.c.event_id == events.c.id, old.c.code == code)
    return db.session.scalar(
        select(LineGrant)
        .join(events, events.c.id == LineGrant.event_id)
        .where(LineGrant.token_hash == hash_token(token), or_(events.c.code == code, had), *but)
        .where(LineGrant.kind.in_(PHONES))
    )


def _visitor() -> Visitor:
    now = clock.now()
    running = current_session(now=now)
    if running is None:
        return Visitor()
    scope, standing = scope_and_standing(running.person, now)
    if scope.roles and is_over(running, standing):
        return Visitor()
    if is_half_in(running, standing):
        return Visitor(session=running)
    return Visitor(running.person, scope, running)


def _ask_at_the_door(app: Flask) -> Response | None:
    endpoint = request.endpoint
    if endpoint is None or endpoint == "static":
        return None
    entrance = entrance_of(app, endpoint)
    if entrance is None:
        abort(403)
    _refuse_other_origins()
    return _DOORS[entrance.kind](entrance)


def _refuse_other_origins() -> None:
    """A form on somebody else's page cannot act here: browsers say where every POST comes from.

    Since our pages send no referrer, browsers write `Origin: null` on our own forms too (Fetch standard,
    "append a request Origin header"); then `Sec-Fetch-Site` tells. Browsers too old for that one are held
    by SameSite cookies and the form's token.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        abort(403)
    origin = request.headers.get("Origin", "null")
    chosen = settings()
    if origin in ("null", chosen.public_base_url):
        return
    # A demo is opened under whatever address a phone can reach; in production a host is not believed.
    if chosen.is_production or origin != request.host_url.rstrip("/"):
        abort(403)


def _open(_entrance: Entrance) -> None:
    return None


def _for_people(entrance: Entrance) -> Response | None:
    visitor = me()
    if visitor.person is None:
        if request.method not in {"GET", "HEAD"} or wants_json():
            abort(401)
        door = "accounts.second_step" if visitor.half_in else "accounts.sign_in"
        return redirect(url_for(door, next=request.full_path.rstrip("?")))
    allowed = entrance.roles | {RoleName.ADMIN}
    if not visitor.scope.roles or (entrance.roles and not visitor.scope.roles & allowed):
        abort(403)
    if entrance.step_up and request.method not in {"GET", "HEAD"}:
        after_this_request(_refuse_unasked)
    return None


def _refuse_unasked(answer: Response) -> Response:
    """The guard of what `signed_in(step_up=True)` states."""
    if answer.status_code < 400 and "step_up_considered" not in g:
        raise RuntimeError(f"{request.endpoint} states a step-up and did not ask for it")
    return answer


def _for_first_steps(_entrance: Entrance) -> Response | None:
    if me().session is not None:
        return None
    if request.method not in {"GET", "HEAD"} or wants_json():
        abort(401)
    return redirect(url_for("accounts.sign_in"))


def _for_grants(_entrance: Entrance) -> None:
    g.grant = held_grant(_code_asked_for())
    if g.grant is None:
        abort(403)


def _for_uploads(_entrance: Entrance) -> None:
    g.grant = _grant_for(_code_asked_for())
    if g.grant is None or clock.now() > g.grant.ends_at + UPLOADS_ARE_TAKEN:
        abort(403)


def _code_asked_for() -> str:
    return read_code(str((request.view_args or {}).get("code", "")))


def _for_carrier(_entrance: Entrance) -> None:
    if not is_from_carrier(request):
        abort(403)


_DOORS: dict[str, Callable[[Entrance], Response | None]] = {
    "anyone": _open,
    "first_step": _for_first_steps,
    "signed_in": _for_people,
    "grant": _for_grants,
    "upload": _for_uploads,
    "carrier": _for_carrier,
}
