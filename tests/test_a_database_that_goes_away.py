"""The database goes away in the middle of a request or an operation, as when a pooler is restarted."""

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from mobilize.accounts.access.permissions import anyone
from mobilize.database import atomic, db, inside_atomic
from mobilize.roster.models import Area
from tests.services.client import BareClient

BROKEN = OperationalError("SELECT 1", None, Exception("the pooler is gone"))


def cut(app: Flask) -> None:
    """End the connection on which this session has a transaction open; the session does not know it."""
    [pid] = db.session.execute(text("SELECT pg_backend_pid()")).one()
    with psycopg.connect(app.config["DATABASE_URL"], autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])


@pytest.mark.parametrize("own_app", ["postgres"], indirect=True)
def test_whoever_asks_meanwhile_is_told_to_try_again(own_app: Flask) -> None:
    @own_app.get("/cut")
    @anyone
    def in_the_middle() -> str:
        cut(own_app)
        raise BROKEN  # another of its connections was the first to notice

    answer = BareClient(own_app).get("/cut")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5")
    assert BareClient(own_app).get("/readyz").status_code == 200


@pytest.mark.parametrize("own_app", ["postgres"], indirect=True)
def test_whoever_has_their_answer_gets_it(own_app: Flask) -> None:
    @own_app.get("/cut")
    @anyone
    def at_the_end() -> str:
        cut(own_app)
        return "here it is"

    assert BareClient(own_app).get("/cut").get_data(as_text=True) == "here it is"


def test_an_operation_that_could_not_begin_leaves_the_next_one_to_be_stored(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BROKEN

    with monkeypatch.context() as away:
        away.setattr(type(db.session()), "connection", refuse)
        with pytest.raises(OperationalError), atomic():
            pytest.fail("nothing can be done without a connection")
    assert not inside_atomic()
    with atomic() as session:
        session.add(Area(name="North"))
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Area)) == 1
