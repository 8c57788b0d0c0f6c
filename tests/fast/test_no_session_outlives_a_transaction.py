"""PgBouncer in transaction mode gives each transaction another session: nothing may be left in one, nor
looked for in the next. `make cluster` runs whole tests through a real one."""

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, text

from mobilize import database
from mobilize.checkins.models import Method
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import check_in_by_poster
from mobilize.database import atomic, db
from mobilize.database.engines import has_pooler
from tests.builders import make_event, make_member, make_site
from tests.checkins.morning import OPEN, attendance, evidence

LEFT = """
SELECT (SELECT count(*) FROM pg_prepared_statements)
     + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
     + (SELECT count(*) FROM pg_listening_channels())
     + (SELECT count(*) FROM pg_class WHERE relpersistence = 't')
     + (SELECT count(*) FROM pg_cursors WHERE is_holdable),
  ARRAY(SELECT name FROM pg_settings WHERE source = 'session' AND name NOT IN
        ('application_name', 'client_encoding', 'DateStyle', 'TimeZone'))
"""


@pytest.fixture
def pooled(pg_app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application as behind a pooler; each connection is looked at and emptied when it is given back."""
    monkeypatch.setattr("mobilize.database.engines.has_pooler", lambda _connection: True)
    engines, looked = list(db.engines.values()), []

    def look(connection: Any, _record: Any) -> None:
        connection.rollback()
        was, connection.autocommit = connection.autocommit, True
        looked.append(connection.execute(LEFT, prepare=False).fetchone())
        connection.execute("DISCARD ALL", prepare=False)
        connection.autocommit = was

    for engine in engines:
        engine.dispose()
        event.listen(engine, "checkin", look)
    yield looked
    db.session.remove()
    for engine in engines:
        event.remove(engine, "checkin", look)
        engine.dispose()


def test_check_ins_leave_nothing_in_a_session_and_need_nothing_of_the_one_before(pooled: Any) -> None:
    site = make_site()
    make_member(site=site, phone="+12135550101")
    one = make_event(site)

    def scan(typed: str, page: str) -> str:
        done, _cookie = check_in_by_poster(one.id, read_typed(typed), page=page, cookie=None, now=OPEN)
        return done.outcome.value

    lines = [scan("2135550101", f"page {n}") for n in range(8)] + [scan("2135550142", "x")] * 2
    assert lines == ["counted", *["repeat"] * 7, "walkup", "walkup"]
    assert len(attendance(one)) == 1 and {row.method for row in evidence(one)} == {Method.POSTER}
    db.session.remove()
    assert len(pooled) > 10
    assert all(tuple(left) == (0, []) for left in pooled), pooled


def test_limits_hold_in_each_transaction_behind_a_pooler(pooled: Any) -> None:
    query = "SELECT current_setting('lock_timeout'), current_setting('jit'), current_setting('TimeZone')"
    for _ in range(2):
        with atomic() as session:
            assert tuple(session.execute(text(query)).one()) == ("10s", "off", "UTC")
        assert tuple(db.session.execute(text(query)).one()) == ("10s", "off", "UTC")
        db.session.remove()
    assert pooled


def test_limits_hold_on_both_pools_without_one(pg_app: Any) -> None:
    query = text("SELECT current_setting('lock_timeout'), current_setting('plan_cache_mode')")
    with database.autocommit_connection() as connection:
        assert connection is not None
        assert tuple(connection.execute(query).one()) == ("10s", "force_generic_plan")
    assert tuple(db.session.execute(query).one()) == ("10s", "auto")


@pytest.mark.parametrize(("named", "expected"), [(46, False), (1937, True)])
def test_a_pooler_names_another_process_than_the_one_that_answers(named: int, expected: bool) -> None:
    answer = SimpleNamespace(fetchone=lambda: (46,))
    connection = SimpleNamespace(execute=lambda _sql: answer, info=SimpleNamespace(backend_pid=named))
    assert has_pooler(connection) is expected
