"""What arrives twice at the same moment is done once: tries, codes, links, and looks at requests."""

import json
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import func, select

from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import CodeRequest, LinkKind, Person, RoleName, SignedInSession
from mobilize.accounts.people.operations import Invitation, invite
from mobilize.accounts.sign_in.one_time_codes import ask_for_code
from mobilize.accounts.sign_in.one_time_links import make_link, spend_link
from mobilize.accounts.sign_in.operations import enter_code, send_codes
from mobilize.database import db
from mobilize.texts.models import OutboxText
from tests.at_once import all_at_once

NOW = datetime(2026, 3, 3, 14, 45, tzinfo=UTC)
CARMEN = "+12135550101"


def ask_and_send(browsers: int = 1) -> str:
    for n in range(browsers):
        ask_for_code(CARMEN, f"browser {n}", language="en", now=NOW)
    send_codes(now=NOW)
    texts = db.session.scalars(select(OutboxText).order_by(OutboxText.id)).all()
    return str(json.loads(texts[-1].merge_fields)["code"])


def how_many(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_a_code_signs_in_once(app: Flask, carmen: Person) -> None:
    code = ask_and_send()
    came = all_at_once(app, *[lambda: enter_code(code, "browser 0", now=NOW)] * 5)
    assert came.count("wrong_code") == 4 and how_many(SignedInSession) == 1


def test_a_code_that_browsers_share_signs_in_once(app: Flask, carmen: Person) -> None:
    code = ask_and_send(browsers=8)
    browsers = iter([f"browser {n}" for n in range(4, 8)])
    came = all_at_once(app, *[lambda: enter_code(code, next(browsers), now=NOW)] * 4)
    assert came.count("wrong_code") == 3 and how_many(SignedInSession) == 1


def test_twenty_guesses_at_once_are_five_tries(app: Flask, carmen: Person) -> None:
    code = ask_and_send()
    guess = f"{(int(code) + 1) % 100_000_000:08d}"
    assert set(all_at_once(app, *[lambda: enter_code(guess, "browser 0", now=NOW)] * 20)) == {"wrong_code"}
    assert db.session.scalars(select(CodeRequest.tries)).one() == 5
    assert all_at_once(app, lambda: enter_code(code, "browser 0", now=NOW)) == ["wrong_code"]


def test_two_workers_text_one_code(app: Flask, carmen: Person) -> None:
    ask_for_code(CARMEN, "own", language="en", now=NOW)
    assert sum(map(int, map(str, all_at_once(app, *[lambda: send_codes(now=NOW)] * 4)))) == 1
    assert how_many(OutboxText) == 1


def test_a_link_signs_in_once(app: Flask, carmen: Person) -> None:
    token = make_link(carmen, "shell", kind=LinkKind.SHELL, now=NOW)
    came = all_at_once(app, *[lambda: spend_link(token, now=NOW)] * 4)
    assert came.count("link_spent") == 3 and how_many(SignedInSession) == 1


def test_a_double_tap_on_invite_makes_one_person(app: Flask) -> None:
    invitation = Invitation("Ada Stone", "+12135550130", RoleName.ADMIN)
    all_at_once(app, *[lambda: invite(invitation, scope=THE_OFFICE, actor="shell", now=NOW).token] * 3)
    assert how_many(Person) == 1
