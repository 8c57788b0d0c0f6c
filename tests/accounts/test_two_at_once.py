"""What arrives twice at the same moment is done once: tries, codes, links, and looks at requests."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import func, select

from mobilize.accounts.code_requests import ask_for_code
from mobilize.accounts.codes import enter_code, send_codes
from mobilize.accounts.links import make_link, spend_link
from mobilize.accounts.models import CodeRequest, LinkKind, Person, RoleName, SignedInSession
from mobilize.accounts.people import Invitation, invite
from mobilize.accounts.scope import THE_OFFICE
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.texts.models import OutboxText
from tests.builders import make_person, make_site

NOW = datetime(2026, 3, 3, 14, 45, tzinfo=UTC)
CARMEN = "+12135550101"


@pytest.fixture
def carmen(app: Flask) -> Person:
    return make_person(phone=CARMEN, role=RoleName.CHAIR, site=make_site())


def at_once(app: Flask, times: int, deed: Callable[[], object]) -> list[object]:
    """What each of so many simultaneous calls came to: its result, or the code of its refusal."""

    def one(_n: int) -> object:
        with app.app_context():
            try:
                return deed()
            except Refused as refusal:
                return refusal.code
            finally:
                db.session.remove()

    db.session.rollback()
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def ask_and_send(browsers: int = 1) -> str:
    for n in range(browsers):
        ask_for_code(CARMEN, f"browser {n}", language="en", now=NOW)
    send_codes(now=NOW)
    texts = db.session.scalars(select(OutboxText).order_by(OutboxText.id)).all()
    return str(json.loads(texts[-1].blanks)["code"])


def how_many(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_a_code_signs_in_once(app: Flask, carmen: Person) -> None:
    code = ask_and_send()
    came = at_once(app, 5, lambda: enter_code(code, "browser 0", now=NOW))
    assert came.count("wrong_code") == 4 and how_many(SignedInSession) == 1


def test_a_code_that_browsers_share_signs_in_once(app: Flask, carmen: Person) -> None:
    code = ask_and_send(browsers=8)
    browsers = iter([f"browser {n}" for n in range(4, 8)])
    came = at_once(app, 4, lambda: enter_code(code, next(browsers), now=NOW))
    assert came.count("wrong_code") == 3 and how_many(SignedInSession) == 1


def test_twenty_guesses_at_once_are_five_tries(app: Flask, carmen: Person) -> None:
    code = ask_and_send()
    guess = f"{(int(code) + 1) % 100_000_000:08d}"
    assert set(at_once(app, 20, lambda: enter_code(guess, "browser 0", now=NOW))) == {"wrong_code"}
    assert db.session.scalars(select(CodeRequest.tries)).one() == 5
    assert at_once(app, 1, lambda: enter_code(code, "browser 0", now=NOW)) == ["wrong_code"]


def test_two_workers_text_one_code(app: Flask, carmen: Person) -> None:
    ask_for_code(CARMEN, "hers", language="en", now=NOW)
    assert sum(map(int, map(str, at_once(app, 4, lambda: send_codes(now=NOW))))) == 1
    assert how_many(OutboxText) == 1


def test_a_link_signs_in_once(app: Flask, carmen: Person) -> None:
    token = make_link(carmen, "shell", kind=LinkKind.SHELL, now=NOW)
    came = at_once(app, 4, lambda: spend_link(token, now=NOW))
    assert came.count("link_spent") == 3 and how_many(SignedInSession) == 1


def test_a_double_tap_on_invite_makes_one_person(app: Flask) -> None:
    invitation = Invitation("Ada Stone", "+12135550130", RoleName.ADMIN)
    at_once(app, 3, lambda: invite(invitation, scope=THE_OFFICE, actor="shell", now=NOW).token)
    assert how_many(Person) == 1
