"""A confirmed text to many: stopped while it waits, over several days, and the first to a number."""

import dataclasses
from datetime import datetime, time, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.errors import Refused
from mobilize.languages import Translated
from mobilize.reminders.broadcasts.estimates import BroadcastOutcome, estimate_broadcast, outcome_of
from mobilize.reminders.broadcasts.operations import (
    call_back_broadcast,
    queue_broadcasts,
)
from mobilize.reminders.models import Broadcast
from mobilize.texts.sending.claiming import claim
from mobilize.texts.sending.spending import limit_cents
from tests.reminders.broadcasts import DAY, ZONES, an_action, enter, sent, written


def test_what_has_not_left_is_called_back_and_what_is_out_stays_out(app: Flask) -> None:
    broadcast = written(an_action())
    limit = limit_cents(clock.now())
    sent(broadcast)
    assert len(claim(1, by="a", now=DAY, zones=ZONES)) == 1
    assert call_back(broadcast) == 1
    assert claim(10, by="a", now=DAY, zones=ZONES) == []
    assert outcome_of(broadcast) == BroadcastOutcome(left=1, waiting=0, called_back=1)
    assert limit_cents(clock.now()) == limit + 2, "only what left was spent"
    assert call_back(broadcast) == 0


def test_one_called_back_while_it_is_queued_is_queued_no_further(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mobilize.reminders.broadcasts import operations as broadcasts

    monkeypatch.setattr(broadcasts, "MEMBERS_AT_ONCE", 1)
    broadcast = written(an_action())
    pages = broadcasts._page

    def called_back_after_the_first(broadcast: Broadcast, after: object, now: datetime) -> object:
        assert after is None, "a second page was queued"
        return pages(broadcast, None, now)

    monkeypatch.setattr(broadcasts, "_page", called_back_after_the_first)
    with pytest.raises(AssertionError):
        sent(broadcast)
    assert call_back(broadcast) == 1
    assert queue_broadcasts(clock.now()) == 0


def test_only_its_author_or_an_organizer_calls_it_back(app: Flask) -> None:
    broadcast = written(an_action())
    with pytest.raises(Refused, match="not_confirmed"):
        call_back(broadcast)
    sent(broadcast)
    with pytest.raises(Refused, match="not_yours"):
        call_back_broadcast(broadcast.id, actor="person:other", now=clock.now())
    assert call_back_broadcast(broadcast.id, any_author=True, actor="person:other", now=clock.now()) == 2


def test_the_page_has_a_button_while_texts_wait(app: Flask, client: FlaskClient) -> None:
    broadcast = written(an_action(), actor=f"person:{enter(client).id}")
    address = f"/broadcasts/{broadcast.id}"
    assert "Stop sending it" not in client.get(address).text
    sent(broadcast)
    assert "Stop sending it" in client.get(address).text
    assert client.post(f"{address}/call-back").status_code == 303
    page = client.get(address).text
    assert "Stopped. 2 texts will not go out." in page and "Stop sending it" not in page


def test_more_than_a_day_takes_is_through_on_a_later_day(app: Flask) -> None:
    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], segments_a_day=1)
    broadcast = written(an_action())
    size = estimate_broadcast(broadcast, DAY)
    tomorrow = clock.on_local_day(DAY, "America/Los_Angeles", 1, time(9))
    assert tomorrow < size.done_at < tomorrow + timedelta(minutes=1) and size.cut_off
    sent(broadcast)
    assert len(claim(10, by="a", now=DAY, zones=ZONES)) == 1
    assert claim(10, by="a", now=DAY + timedelta(minutes=5), zones=ZONES) == []
    assert len(claim(10, by="a", now=tomorrow, zones=ZONES)) == 1


def test_the_first_text_to_a_number_says_how_to_stop_them(app: Flask) -> None:
    action = an_action()
    sent(written(action))
    first = claim(10, by="a", now=DAY, zones=ZONES)
    assert sorted(text.body for text in first) == [
        "Test Local 100: bring a coat to Elm Street School. STOP ends texts.",
        "Test Local 100: trae abrigo a Elm Street School. STOP = sin textos.",
    ]
    sent(written(action))
    second = claim(10, by="a", now=DAY, zones=ZONES)
    assert sorted(text.body for text in second)[0] == "Test Local 100: bring a coat to Elm Street School."


def test_the_composer_says_when_a_first_text_costs_more(app: Flask) -> None:
    long = "{union}: " + "x" * 140
    size = estimate_broadcast(written(an_action(), Translated(en=long, es=long)), clock.now())
    assert any("2 segments instead of 1" in warning for warning in size.warnings)


def call_back(broadcast: Broadcast) -> int:
    return call_back_broadcast(broadcast.id, actor=broadcast.made_by, now=clock.now())
