"""`flask texts`: calling a text to many back, what waits, what nobody knows of, and correcting a reading."""

import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.audit import AuditRow
from mobilize.database import atomic, db
from mobilize.reminders.broadcasts.estimates import outcome_of
from mobilize.reminders.models import Broadcast
from mobilize.texts.models import Inbound, Intent, OutboxText, TextState
from mobilize.texts.queries import is_opted_out
from tests.builders import make_member, make_person, make_site
from tests.reminders.broadcasts import an_action, sent, written
from tests.reminders.conftest import MIA, NATE, OLGA

STRANGER = "+12135550188"

Texts = Callable[[str, str, datetime], Inbound]


def texts(app: Flask, *args: object) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["texts", *map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def as_json(app: Flask, *args: object) -> dict[str, Any]:
    code, output = texts(app, *args, "--json")
    assert code == 0, output
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return answer


def earlier() -> datetime:
    return clock.now() - timedelta(minutes=5)


def test_a_text_to_many_is_found_and_called_back_twice_the_second_finds_nothing(app: Flask) -> None:
    assert "No text to many yet." in texts(app, "broadcasts")[1]
    broadcast = written(an_action())
    sent(broadcast)
    [row] = as_json(app, "broadcasts")["broadcasts"]
    assert (row["id"], row["waiting"], row["called_back"]) == (str(broadcast.id), 2, 0)
    assert [as_json(app, "call-back", row["id"])["stopped"] for _again in range(2)] == [2, 0]
    db.session.rollback()
    assert outcome_of(db.session.get_one(Broadcast, broadcast.id)).called_back == 2
    assert "0 waiting, 2 stopped" in texts(app, "broadcasts")[1]


def test_a_text_to_many_that_is_not_there_or_was_not_sent_is_one_line(app: Flask) -> None:
    for wrong in (uuid.uuid4(), "nothing", written(an_action()).id):
        code, output = texts(app, "call-back", wrong)
        assert code == 1 and output.count("\n") == 1, output


def test_what_waits_is_counted(app: Flask, texts_us: Texts) -> None:
    sent(written(an_action()))
    make_member(site=make_site(), phone=OLGA)
    texts_us(OLGA, "can I bring my kids?", earlier())
    texts_us(STRANGER, "which union is that", earlier())
    report = as_json(app, "waiting")
    assert (report["inbox"], report["unknown_numbers"]) == (1, 1)
    assert report["waiting"] >= sum(one["texts"] for one in report["due"])
    assert "1  in the inbox, for a person" in texts(app, "waiting")[1]


def test_what_nobody_knows_of_is_listed_without_whom_it_was_for(app: Flask) -> None:
    assert "every text is accounted for" in texts(app, "unknown")[1]
    sent(written(an_action()))
    with atomic() as session:
        session.execute(update(OutboxText).values(state=TextState.UNKNOWN))
    rows = as_json(app, "unknown")["texts"]
    assert [row["state"] for row in rows] == ["unknown", "unknown"]
    assert "+1213" not in texts(app, "unknown")[1]


def test_the_inbox_is_listed_and_its_words_only_when_asked_for_which_is_noted(
    app: Flask, texts_us: Texts
) -> None:
    make_member(site=make_site("Elm Street School"), phone=MIA)
    inbound = texts_us(MIA, "can I\x1b[2J bring\nmy kids?", earlier())
    code, output = texts(app, "inbox")
    assert code == 0 and str(inbound.id) in output and "Elm Street School" in output
    assert "kids" not in output and "Mia" not in output and audited("inbox.see") == 0
    assert "can I [2J bring my kids?" in texts(app, "inbox", "--words")[1]
    assert audited("inbox.see") == 1
    texts_us(NATE, "which union is that", earlier())
    [row] = as_json(app, "inbox", "--unknown-numbers")["texts"]
    assert row["site"] == "no site" and "words" not in row


def audited(verb: str) -> int:
    db.session.rollback()
    return len(db.session.scalars(select(AuditRow).where(AuditRow.verb == verb)).all())


def test_a_reading_is_corrected_and_no_command_lifts_a_stop(app: Flask, texts_us: Texts) -> None:
    make_member(site=make_site(), phone=MIA)
    make_person("Ada Stone", role=RoleName.ADMIN)
    inbound = texts_us(MIA, "can I bring my kids?", earlier())
    inbound_id = inbound.id
    for _again in range(2):
        assert as_json(app, "correct", inbound_id, "emergency")["reading"] == "emergency"
    db.session.rollback()
    assert db.session.get_one(Inbound, inbound_id).intent is Intent.ALARM
    assert texts(app, "correct", inbound_id, "stop")[0] == 0 and is_opted_out(MIA)
    code, output = texts(app, "correct", inbound_id, "coming")
    assert code == 1 and "Only START undoes a STOP" in output and is_opted_out(MIA)


def test_a_text_or_reading_that_is_not_there_is_one_line(app: Flask) -> None:
    for args in ((uuid.uuid4(), "coming"), ("nothing", "coming"), (uuid.uuid4(), "perhaps")):
        code, output = texts(app, "correct", *args)
        assert code == 1 and output.count("\n") == 1, output
