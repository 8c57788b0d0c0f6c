"""Every door states who may enter, and what lies outside somebody's scope looks like what does not exist.

A new route needs nothing here, unless it is public: then it joins PUBLIC, on purpose.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock, settings
from mobilize.accounts.access.permissions import anyone, permission_of
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.database import atomic
from mobilize.observability import metrics
from mobilize.texts.carriers import CARRIERS, INBOUND_PATHS
from mobilize.web import request_checks
from tests.builders import make_person, sign_in
from tests.security.elsewhere import from_elsewhere
from tests.services.client import without_token
from tests.staged import LEFT_OUT, address_of, stage
from tests.world import SHARED, STAGED, World, absent, address, routes_and_methods, stating

PUBLIC = {
    # What other programs can ask for, described; nothing of this union.
    "api.openapi",
    "api.page",
    "accounts.ask",
    # There and back: nobody is in without an account that was linked (tests/accounts).
    "accounts.ask_provider",
    "accounts.back_from_provider",
    # What a passkey has to sign, the same for everybody, and its answer (tests/accounts).
    "accounts.ask_passkey",
    "accounts.enter_with_passkey",
    # Places and times alone, while the office shows them (tests/actions/test_anybody_finds_their_line.py).
    "actions.where",
    "actions.where_json",
    "accounts.enter",
    "accounts.enter_now",
    "accounts.enter_the_code",
    "accounts.sign_in",
    "accounts.sign_in_code",
    "accounts.sign_out",
    # By an address that is a person's or a member's own secret: times and places (tests/checkins).
    "checkins.calendar_feed",
    "checkins.check_in",
    "checkins.check_in_now",
    "checkins.find",
    "checkins.check_in_at_the_line",
    "checkins.personal",
    "checkins.next_in_calendar",
    "checkins.personal_now",
    "checkins.undo",
    "checkins.service_worker",
    "grants.open_line",
    "grants.open_line_now",
    # By a link with a token that ends: counts only (tests/turnout).
    "turnout.wall",
    "turnout.wall_figures",
    # By an address the office opens and closes: a signed statement, counts only (tests/turnout).
    "turnout.public_statement",
    # The member's page: what is theirs opens by a code on their phone (tests/privacy).
    "privacy.ask",
    "privacy.code",
    "privacy.delete",
    "privacy.delete_now",
    "privacy.export_mine",
    "privacy.gone",
    "privacy.held",
    "privacy.leave",
    "privacy.me",
    "privacy.open_page",
    "privacy.opt_in",
    "privacy.texting",
    "privacy.texting_done",
    "privacy.texting_privacy",
    "privacy.texting_terms",
    "privacy.which",
    "privacy.wish",
    # The first admin's address, from the server's terminal, once (tests/setup).
    "setup.make_admin",
    "setup.start",
    "public.colours",
    # Every part of a page in each state, of nobody; not in production (tests/look).
    "public.components",
    "public.front",
    # The same words wherever this runs; a captain has no account (tests/test_guides_are_true.py).
    "public.guide",
    "public.manual",
    "public.manual_example",
    "public.healthz",
    "public.language",
    "public.readyz",
}
BY_GRANT = {"line.page", "line.do", "line.hand_over", "line.manifest"}
BY_LOOK = {"line.state"}
BY_UPLOAD = {"line.add", "line.items"}
BY_FIRST_STEP = {
    "accounts.add_app",
    "accounts.add_passkey",
    "accounts.give_second_factor",
    "accounts.passkey_options",
    "accounts.second_factor",
    "accounts.set_up",
}
BY_CARRIER = {"texts.from_telnyx", "texts.inbound", "texts.receipt"}


def unstated(app: Flask) -> list[str]:
    return [name for name in app.view_functions if name != "static" and permission_of(app, name) is None]


def test_every_route_states_who_may_enter(sqlite_app: Flask) -> None:
    assert unstated(sqlite_app) == []


def test_a_route_that_states_nothing_is_found_and_opens_for_nobody(own_app: Flask) -> None:
    own_app.add_url_rule("/forgotten", "forgotten", lambda: "names")
    own_app.add_url_rule("/stated", "stated", anyone(lambda: "open"))
    assert unstated(own_app) == ["forgotten"]
    client = own_app.test_client()
    sign_in(client, make_person(role=RoleName.ADMIN))
    assert client.get("/forgotten").status_code == 403
    assert client.get("/stated").text == "open"


def test_what_is_public_is_so_on_purpose(sqlite_app: Flask) -> None:
    assert stating(sqlite_app, "anyone") == PUBLIC
    assert stating(sqlite_app, "grant") == BY_GRANT
    assert stating(sqlite_app, "look") == BY_LOOK
    assert stating(sqlite_app, "upload") == BY_UPLOAD
    assert stating(sqlite_app, "carrier") == BY_CARRIER
    assert stating(sqlite_app, "first_step") == BY_FIRST_STEP


def test_what_carriers_post_is_let_through_to_its_signature_and_counted_as_theirs(sqlite_app: Flask) -> None:
    rules = [rule for rule in sqlite_app.url_map.iter_rules() if rule.endpoint in BY_CARRIER]
    assert request_checks.SIGNED == BY_CARRIER
    assert {rule.endpoint: metrics.route_of("POST", rule.rule) for rule in rules} == dict.fromkeys(
        BY_CARRIER, "carrier"
    )
    assert INBOUND_PATHS.keys() == CARRIERS.keys()


def test_a_form_of_the_signed_in_needs_its_token(sqlite_app: Flask) -> None:
    client, world = sqlite_app.test_client(), World()
    sign_in(client, world.people[RoleName.ADMIN])
    answers = {
        rule.endpoint: client.post(address(sqlite_app, rule, world.own)).status_code
        for rule, method in chain(
            routes_and_methods(sqlite_app), routes_and_methods(sqlite_app, "first_step")
        )
        if method == "POST"
    }
    assert answers and {name: status for name, status in answers.items() if status != 400} == {}


def test_the_walk_knows_every_parameter(sqlite_app: Flask) -> None:
    names = set(chain.from_iterable(rule.arguments for rule, _method in routes_and_methods(sqlite_app)))
    assert names - set(World().own) - SHARED == set()


@dataclass(frozen=True)
class Answer:
    """The distinguishable parts: the status, where it leads, and the page but for its own address and
    token."""

    status: int
    location: str
    body: str


def ask(client: FlaskClient, method: str, path: str) -> Answer:
    answer = client.open(path, method=method, data={} if method == "POST" else None)
    body = without_token(answer.get_data(as_text=False).decode("latin-1"))
    same = body.replace(path, "ADDRESS")
    return Answer(answer.status_code, answer.headers.get("Location", ""), same)


@pytest.mark.parametrize("role", [RoleName.CHAIR, RoleName.ORGANIZER])
def test_anothers_looks_like_what_does_not_exist(app: Flask, client: FlaskClient, role: RoleName) -> None:
    world = World()
    sign_in(client, world.people[role])
    told_apart, walked = [], 0
    for rule, method in routes_and_methods(app):
        for name in sorted(rule.arguments & set(world.others)):
            another = ask(client, method, address(app, rule, {**world.own, name: world.others[name]}))
            nobodys = ask(client, method, address(app, rule, {**world.own, name: absent(name)}))
            walked += 1
            if another != nobodys:
                told_apart.append((rule.rule, method, name, another.status, nobodys.status))
    assert told_apart == []
    assert walked >= 30


OF_THE_WHOLE_UNION = {"roster.imports", "roster.show_import"}


@pytest.mark.parametrize("role", [RoleName.CHAIR, RoleName.ORGANIZER, RoleName.ADMIN])
def test_ones_own_pages_open(app: Flask, client: FlaskClient, role: RoleName) -> None:
    world = World()
    sign_in(client, world.people[role])
    closed, elsewhere, origin = [], [], settings().public_base_url
    for rule, method in routes_and_methods(app):
        stated = permission_of(app, rule.endpoint)
        allowed = not stated.roles or role in stated.roles or role is RoleName.ADMIN  # type: ignore[union-attr]
        if rule.endpoint in OF_THE_WHOLE_UNION:
            allowed = role is RoleName.ADMIN  # these organizers look after one area of several
        answer = ask(client, method, address(app, rule, world.own)) if method == "GET" else None
        if answer and from_elsewhere(answer.body, origin):
            elsewhere.append((rule.rule, from_elsewhere(answer.body, origin)))
        if answer and allowed and not rule.arguments & STAGED and answer.status != 200:
            closed.append((rule.rule, answer.status))
        if answer and not allowed and answer.status != 403:
            closed.append((rule.rule, answer.status))
    assert (closed, elsewhere) == ([], [])


def test_every_page_is_walked_or_left_out_in_words(sqlite_app: Flask) -> None:
    """A new page that somebody has to stage first joins `tests.staged`."""
    staged = {endpoint for endpoint, _values in stage(World())} | LEFT_OUT.keys()
    kinds = ("anyone", "signed_in", "grant", "first_step")
    walked = chain.from_iterable(routes_and_methods(sqlite_app, kind) for kind in kinds)
    pages = {rule.endpoint for rule, method in walked if method == "GET" and rule.arguments & STAGED}
    assert pages - staged == set()


@pytest.mark.parametrize("role", [RoleName.CHAIR, RoleName.ORGANIZER, RoleName.ADMIN])
def test_what_somebody_staged_opens_for_them_alone(app: Flask, client: FlaskClient, role: RoleName) -> None:
    world = World()
    inside = stating(app, "signed_in")
    pages = [address_of(app, page) for page in stage(world) if page[0] in inside]
    sign_in(client, world.people[role])
    answers = {path: client.get(path).status_code for path in pages}
    own = role is RoleName.ADMIN
    assert {path: status for path, status in answers.items() if (status == 200) is not own} == {}


def test_nobody_learns_anything_without_signing_in(app: Flask, client: FlaskClient) -> None:
    world = World()
    staged = {name: value for _endpoint, values in stage(world) for name, value in values.items()}
    for rule, method in routes_and_methods(app):
        for ids in (world.own, world.own | staged, {}):
            answer = ask(client, method, address(app, rule, ids))
            assert answer.status == (302 if method == "GET" else 401), rule.rule
            assert method != "GET" or answer.location.startswith("/sign-in?next=/")


def test_a_role_that_has_ended_opens_nothing(app: Flask, client: FlaskClient) -> None:
    world = World()
    person = make_person("Vera Lund", role=RoleName.ADMIN)
    sign_in(client, person)
    with atomic():
        person.roles[0].to_on = clock.now().date() - timedelta(days=1)
    for rule, method in routes_and_methods(app):
        assert ask(client, method, address(app, rule, world.own)).status == 403, rule.rule


def test_chairs_of_all_three_kinds_are_equal(sqlite_app: Flask) -> None:
    for name in stating(sqlite_app, "signed_in"):
        stated = permission_of(sqlite_app, name)
        assert stated and stated.roles & set(CHAIRS) in (set(), set(CHAIRS)), name
