"""Permissions of views. Every view states its own with one decorator; a view without one answers 403."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from cachetools import LRUCache
from flask import Flask, abort, after_this_request, current_app, g, redirect, request, url_for
from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.grants import PHONES, UPLOADS_ARE_TAKEN, HeldGrant, holds_a_role, line_phones
from mobilize.accounts.access.scope import NOBODY, Scope, scope_and_authority
from mobilize.accounts.higher_rooms import higher_rooms
from mobilize.accounts.models import LineGrant, Person, RoleName, SignedInSession
from mobilize.accounts.second_factor.step_up import step_up_page
from mobilize.accounts.sign_in.sessions import cookie_name, current_session, is_fresh, is_half_in, is_over
from mobilize.accounts.sign_in.watched_sessions import watched_sessions
from mobilize.accounts.tokens.access import TokenAccess, token_access
from mobilize.accounts.tokens.models import ApiScope
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.tokens import hash_token, read_code
from mobilize.languages import _
from mobilize.texts.carriers import CARRIERS
from mobilize.texts.receiving import callbacks
from mobilize.web.error_pages import wants_json

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Permission:
    """The permission of a view. `kind`: anyone, first_step, signed_in, grant, look, upload, carrier or
    token. `roles`, `step_up` and `poll` count for signed_in; admins always may. `carrier`: whose signature it
    wants. `scopes`: those a token needs all of."""

    kind: str
    roles: frozenset[RoleName] = frozenset()
    step_up: bool = False
    poll: bool = False
    carrier: str = ""
    scopes: frozenset[ApiScope] = frozenset()


@dataclass(frozen=True)
class Requester:
    """The person who makes a request, with their scope; or nobody. Whoever has entered the code and not yet
    the second factor (`half_in`) is nobody as well, with a `session`. `checked_at`: seconds of the monotonic
    clock."""

    person: Person | None = None
    scope: Scope = field(default=NOBODY)
    session: SignedInSession | None = None
    checked_at: float = 0.0

    @property
    def half_in(self) -> bool:
        return self.session is not None and self.person is None

    @property
    def actor(self) -> str:
        """The person's name in the audit."""
        return f"person:{self.person.id}" if self.person else "nobody"


def anyone(view: View) -> View:
    """Open to the public."""
    return _with(view, Permission("anyone"))


def signed_in(*roles: RoleName, step_up: bool = False, poll: bool = False) -> Callable[[View], View]:
    """Open to people who hold one of these roles today, and to admins; without roles, to all who hold any.

    `step_up` states that the view's operation gives power, costs money or cannot be undone: the view runs it
    inside `after_step_up()`, or calls `require_step_up()`, once its input is valid. A view that states it and
    does neither fails with its first success. `poll` states that an open page asks it by itself: whoever has
    gone away is signed out all the same.
    """
    return lambda view: _with(view, Permission("signed_in", frozenset(roles), step_up, poll))


def first_step(view: View) -> View:
    """Open to whoever has entered the code, or opened a link: for the pages of the second factor."""
    return _with(view, Permission("first_step"))


def line_grant(view: View) -> View:
    """Open to a phone that holds a running grant for the event whose code is in the address (`code`).

    The view finds it as `permissions.grant()`.
    """
    return _with(view, Permission("grant"))


def line_look(view: View) -> View:
    """The same for what a phone asks for all morning: its grant is kept while nothing about the line changes,
    and is found as `permissions.held()`."""
    return _with(view, Permission("look"))


def line_upload(view: View) -> View:
    """Open to a phone that holds a grant for the event, or held one until 14 days ago, ended or revoked.

    The view finds it as `permissions.grant()`, and asks `was_taken_back()`.
    """
    return _with(view, Permission("upload"))


def signed_by_carrier(name: str) -> Callable[[View], View]:
    """Open to requests the carrier of this name has signed; anything else is a 403."""
    return lambda view: _with(view, Permission("carrier", carrier=name))


def by_token(*scopes: ApiScope) -> Callable[[View], View]:
    """Open to a program whose token has all of these scopes; cookies count for nothing.

    The view finds what the token opens as `permissions.program()`.
    """
    return lambda view: _with(view, Permission("token", scopes=frozenset(scopes)))


def program() -> TokenAccess:
    """What the token of this request opens; only in a view marked `by_token`."""
    access: TokenAccess = g.program
    return access


def me() -> Requester:
    """Whoever makes this request. Read once per request."""
    if "requester" not in g:
        g.requester = _requester()
    requester: Requester = g.requester
    return requester


def signed_in_person() -> Person:
    """The person who is signed in. 401 when nobody is."""
    person = me().person
    if person is None:
        abort(401)
    return person


def still_signed_in() -> Callable[[], bool] | None:
    """What tells for a minute, and without a question, whether this requester is still signed in, with the
    same roles: a second late at most. None where that cannot be told yet, or nobody is signed in."""
    requester = me()
    if requester.session is None or requester.person is None:
        return None
    return watched_sessions.still(requester.session.token_hash, requester.checked_at)


def fresh_step_up() -> bool:
    """Whether the requester has proved again within the last ten minutes who they are."""
    running = me().session
    return running is not None and not me().half_in and is_fresh(running, now=clock.now())


@contextmanager
def after_step_up(*, needed: bool = True) -> Iterator[None]:
    """A transaction that is committed only with a fresh step-up.

    The operation inside runs first, so that its refusals need no proof. Then, without a fresh step-up, it is
    rolled back and `require_step_up` answers: nothing is done twice. Operations that take seconds, or several
    transactions, call `require_step_up()` instead.
    """
    g.step_up_considered = True  # also where the operation inside is refused
    with atomic():
        yield
        require_step_up(needed=needed)


def require_step_up(*, needed: bool = True) -> None:
    """Without a fresh step-up the request ends here, with the page that asks for one and then sends the same
    request once more. A program gets 403 "step_up". With `needed=False` it does nothing."""
    g.step_up_considered = True
    if needed and not fresh_step_up():
        abort(step_up_page(me().session))


def grant() -> LineGrant:
    """The running grant of this request; only in a view marked `line_grant`."""
    phone_grant: LineGrant = g.grant
    return phone_grant


def held() -> HeldGrant:
    """The running grant of this request; only in a view marked `line_look`."""
    phone_grant: HeldGrant = g.held
    return phone_grant


def was_taken_back() -> bool:
    """Whether this phone's grant was revoked, or the role that it came with has ended."""
    phone_grant = grant()
    if phone_grant.revoked_at is not None:
        return True
    still = select(LineGrant.id).where(LineGrant.id == phone_grant.id, holds_a_role())
    return phone_grant.person_id is not None and db.session.scalar(still) is None


def held_grant(code: str) -> LineGrant | None:
    """The running grant this phone holds for the event with this code, or None.

    The cookie's name is the phone's to choose, so the event is compared as well: a grant for one line opens
    no other.
    """
    phone_grant = _grant_for(code, LineGrant.person_id.is_(None) | holds_a_role())
    return (
        phone_grant
        if phone_grant and not phone_grant.revoked_at and clock.now() < phone_grant.ends_at
        else None
    )


def init_app(app: Flask) -> None:
    """Check the permission before every request. Unknown addresses are left to the error page."""
    app.before_request(partial(_check_permission, app))


def permission_of(app: Flask, endpoint: str) -> Permission | None:
    """The permission of an endpoint; None when it states none."""
    stated: Permission | None = getattr(app.view_functions[endpoint], "permission", None)
    return stated


def _with(view: View, permission: Permission) -> View:
    view.permission = permission  # type: ignore[attr-defined]
    return view


def _grant_for(code: str, *but: ColumnElement[bool]) -> LineGrant | None:
    token = request.cookies.get(cookie_name(f"line-{code}"))
    if not token:
        return None
    # A phone stays at the address it has opened, also when the event's code has leaked and was replaced.
    same_event = LineGrant.event_id.in_(higher_rooms().event_ids_with_code(code))
    own = LineGrant.token_hash == hash_token(token), LineGrant.kind.in_(PHONES)
    return db.session.scalar(select(LineGrant).where(*own, same_event, *but))


def _is_poll() -> bool:
    stated = permission_of(current_app, request.endpoint) if request.endpoint else None
    return stated is not None and stated.poll


def _requester() -> Requester:
    now, checked_at = clock.now(), time.monotonic()
    running = current_session(now=now, by_itself=_is_poll())
    if running is None:
        return Requester()
    scope, authority = scope_and_authority(running.person, now)
    if scope.roles and is_over(running, authority):
        return Requester()
    if is_half_in(running, authority):
        return Requester(session=running)
    return Requester(running.person, scope, running, checked_at)


def _check_permission(app: Flask) -> Response | None:
    endpoint = request.endpoint
    if endpoint is None or endpoint == "static":
        return None
    permission = permission_of(app, endpoint)
    if permission is None:
        abort(403)
    _refuse_other_origins()
    return _CHECKS[permission.kind](permission)


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


def _open(_permission: Permission) -> None:
    return None


def _for_people(permission: Permission) -> Response | None:
    requester = me()
    if requester.person is None:
        if request.method not in {"GET", "HEAD"} or wants_json():
            abort(401)
        endpoint = "accounts.second_factor" if requester.half_in else "accounts.sign_in"
        return redirect(url_for(endpoint, next=request.full_path.rstrip("?")))
    allowed = permission.roles | {RoleName.ADMIN}
    if not requester.scope.roles or (permission.roles and not requester.scope.roles & allowed):
        abort(403)
    if permission.step_up and request.method not in {"GET", "HEAD"}:
        after_this_request(_refuse_without_step_up)
    return None


def _refuse_without_step_up(response: Response) -> Response:
    """Fail a view that states a step-up and succeeded without asking for it."""
    if response.status_code < 400 and "step_up_considered" not in g:
        raise RuntimeError(f"{request.endpoint} states a step-up and did not ask for it")
    return response


def _for_first_steps(_permission: Permission) -> Response | None:
    if me().session is not None:
        return None
    if request.method not in {"GET", "HEAD"} or wants_json():
        abort(401)
    return redirect(url_for("accounts.sign_in"))


def _for_grants(_permission: Permission) -> None:
    g.grant = held_grant(_code_in_address())
    if g.grant is None:
        abort(403)


def _for_looks(_permission: Permission) -> None:
    code = _code_in_address()
    phone_grant = _looking_phone(code, request.cookies.get(cookie_name(f"line-{code}")) or "")
    if phone_grant is None:
        abort(403)
    g.held = phone_grant


def _looking_phone(code: str, token: str) -> HeldGrant | None:
    """The running grant of a phone, from what is read once for all phones of a line. Which event a code is,
    or was, the code of never changes."""
    with _opened_lock:
        event_id = _opened.get((code, token))
    if event_id is None:
        opened = held_grant(code)
        if opened is None:
            return None
        event_id = opened.event_id
        with _opened_lock:
            _opened[code, token] = event_id
    now = clock.now()
    phone_grant = line_phones(event_id, now=now).grants.get(hash_token(token))
    return phone_grant if phone_grant and now < phone_grant.ends_at else None


def _for_uploads(_permission: Permission) -> None:
    g.grant = _grant_for(_code_in_address())
    if g.grant is None or clock.now() > g.grant.ends_at + UPLOADS_ARE_TAKEN:
        abort(403)


def _code_in_address() -> str:
    return read_code(str((request.view_args or {}).get("code", "")))


def _for_carrier(permission: Permission) -> None:
    carrier = CARRIERS[permission.carrier]
    if carrier.is_from_carrier(request):
        return
    with suppress(SQLAlchemyError):  # a 403 it is, whether the database is there or not
        callbacks.note_refused(carrier.NAME, carrier.why_refused(request), now=clock.now())
    abort(403)


def _for_tokens(permission: Permission) -> None:
    """401 without a token that opens something, 403 for one without the view's scopes."""
    kind, _space, token = request.headers.get("Authorization", "").partition(" ")
    access = token_access(token.strip(), now=clock.now()) if kind.lower() == "bearer" and token else None
    if access is None:
        message = _("Send a token: Authorization: Bearer ... One that has ended opens nothing.")
        raise Refused("no_token", message, status=401)
    g.program = access
    missing = permission.scopes - access.scopes
    if missing:
        message = _("This token was made without: %(scopes)s.", scopes=", ".join(sorted(missing)))
        raise Refused("scope", message, status=403)


# In each process: the event whose line a phone's token opens at an address.
_opened: LRUCache[tuple[str, str], uuid.UUID] = LRUCache(5000)
_opened_lock = Lock()
_CHECKS: dict[str, Callable[[Permission], Response | None]] = {
    "anyone": _open,
    "first_step": _for_first_steps,
    "signed_in": _for_people,
    "grant": _for_grants,
    "look": _for_looks,
    "upload": _for_uploads,
    "carrier": _for_carrier,
    "token": _for_tokens,
}
