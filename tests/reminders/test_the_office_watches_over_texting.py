"""How texting is doing: failures with their remedy, numbers to fix, and what stands still."""

import dataclasses
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Event
from mobilize.backup import gaps
from mobilize.database import atomic, db, new_id
from mobilize.operating import command
from mobilize.privacy import replay
from mobilize.reminders.monitoring.delivery_monitoring import pause_campaign, resume_campaign, watch_campaigns
from mobilize.reminders.monitoring.health import Remedy, failures_by_code, remedy_for
from mobilize.texts import recovery
from mobilize.texts.carriers.base import SendResult
from mobilize.texts.consent.suppressions import note_bad_number
from mobilize.texts.models import AttemptOutcome, OutboxText, TextClass, TextState
from mobilize.texts.operations import PlannedText, queue_text, queue_texts
from mobilize.texts.sending import lanes
from mobilize.texts.sending.claiming import claim
from mobilize.texts.sending.pauses import pause_sending, paused_refs
from mobilize.texts.sending.senders import note_calls
from tests.builders import (
    make_action,
    make_area,
    make_campaign,
    make_event,
    make_member,
    make_person,
    make_site,
    sign_in,
)
from tests.reminders.conftest import MIA


def test_a_used_up_budget_of_emergencies_is_seen_with_what_to_do(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Olga Reed", role=RoleName.ORGANIZER, area=make_area("North")))
    assert "used up" not in client.get("/texts/health").text
    for n in range(lanes.ALARMS.in_all):
        lanes.priority_in(lanes.ALARMS, n.to_bytes(16), now=clock.now())
    page = client.get("/texts/health").text
    assert "budget is used up until" in page and 'href="/inbox">Inbox' in page
    printed = app.test_cli_runner().invoke(args=["texts", "status"]).output
    assert "emergencies: the hour's budget is used up until" in printed
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False):
        assert "used up" not in client.get("/texts/health").text


def an_event(**values: object) -> Event:
    action = make_action(starts_at=clock.now() + timedelta(days=1), **values)
    return make_event(make_site("Elm Street School"), action=action)


def planned(event: Event, n: int, **values: object) -> PlannedText:
    now = clock.now()
    values = {"text_class": TextClass.MEMBER, "urgent": True, **values}
    return PlannedText(
        purpose=f"test:{event.id}:{n}",
        phone=f"+1213555{100 + n:04d}",
        wording="as_written",
        language="en",
        tz="America/Los_Angeles",
        due_at=now,
        expires_at=now + timedelta(hours=2),
        merge_fields={"body": "Hello"},
        event_id=event.id,
        **values,  # type: ignore[arg-type]
    )


def became(event: Event, delivered: int, filtered: int) -> None:
    """So many texts about it arrived, and so many were filtered."""
    queue_texts([planned(event, n) for n in range(delivered + filtered)], now=clock.now())
    with atomic() as session:
        for n, text in enumerate(session.query(OutboxText)):
            text.state = TextState.FAILED if n < filtered else TextState.DELIVERED
            text.error_code, text.settled_at = (30007 if n < filtered else None), clock.now()


def test_a_paused_campaign_holds_its_members_texts_and_nothing_else(app: Flask) -> None:
    campaign, other = make_campaign(), an_event()
    event = an_event(campaign_id=campaign.id)
    pause_campaign(campaign.id, "rain", by="shell", now=clock.now())
    held = queue_text(planned(event, 1), now=clock.now())
    notice = queue_text(planned(event, 2, text_class=TextClass.NOTICE), now=clock.now())
    elsewhere = queue_text(planned(other, 3), now=clock.now())
    assert {one.id for one in claim(50, by="a", now=clock.now())} == {notice.id, elsewhere.id}
    resume_campaign(campaign.id, by="shell", now=clock.now())
    assert [one.id for one in claim(50, by="a", now=clock.now() + timedelta(seconds=5))] == [held.id]


def test_an_action_made_later_in_a_paused_campaign_is_held_too(app: Flask) -> None:
    campaign = make_campaign()
    pause_campaign(campaign.id, "rain", by="shell", now=clock.now())
    queue_text(planned(an_event(campaign_id=campaign.id), 1), now=clock.now())
    watch_campaigns(clock.now())
    assert claim(50, by="a", now=clock.now()) == []


def test_more_than_two_percent_filtered_pauses_the_campaign(app: Flask) -> None:
    campaign = make_campaign()
    became(an_event(campaign_id=campaign.id), delivered=58, filtered=2)
    assert [watch_campaigns(clock.now()) for _again in range(2)] == [1, 0]
    assert paused_refs()[campaign.id].reason == "carrier_30007"
    resume_campaign(campaign.id, by="shell", now=clock.now())
    assert watch_campaigns(clock.now() + timedelta(seconds=1)) == 0


def test_a_few_filtered_texts_pause_nothing(app: Flask) -> None:
    became(an_event(), delivered=59, filtered=1)
    assert watch_campaigns(clock.now()) == 0


def test_each_failure_has_a_remedy(app: Flask) -> None:
    became(an_event(), delivered=3, filtered=1)
    left, [result] = failures_by_code(clock.now())
    assert (left, result.code, result.texts, result.share) == (4, 30007, 1, 0.25)
    remedies = {21610: "stopped", 30005: "fix_number", 20003: "sender", 30003: "unreached", 99999: "other"}
    assert {code: remedy_for(code) for code in remedies} == {c: Remedy(r) for c, r in remedies.items()}


def test_with_two_carriers_the_page_says_how_each_does_and_lets_both_be_tried_again(
    app: Flask, client: FlaskClient
) -> None:
    now = clock.now()
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    claim(1, by="worker", now=now)
    assert "Telnyx" not in client.get("/texts/health").text, "with one there is nothing to say"
    app.config["MOBILIZE"] = dataclasses.replace(
        app.config["MOBILIZE"], telnyx_api_key="KEY1", telnyx_numbers=("+12135550150",)
    )
    note_calls([("telnyx", SendResult(AttemptOutcome.UNKNOWN))] * 5, now=now)
    pause_sending("carrier_20003", now=now)
    page = client.get("/texts/health").text
    assert "Refuses our texts" in page and "code 20003" in page and "Does not answer" in page
    assert "Only codes are going out" not in page, "the other is tried"
    client.post("/texts/health/resume")
    page = client.get("/texts/health").text
    assert page.count("<dd>Works</dd>") == 2 and "Does not answer" not in page


@pytest.mark.parametrize(
    ("trouble", "without"), [(recovery.UNREADABLE, "log"), (replay.UNREADABLE, "journal")]
)
def test_what_a_restore_waits_for_is_told_with_the_way_out(
    app: Flask, client: FlaskClient, trouble: str, without: str
) -> None:
    sign_in(client, make_person("Olga Reed", role=RoleName.ORGANIZER, area=make_area()))
    gap_id = gaps.mark_restored(clock.now() - timedelta(minutes=5))
    assert "Texts wait" in (page := client.get("/texts/health").text) and "go-on" not in page
    gaps.note_trouble(gap_id, trouble)
    page = client.get("/texts/health").text
    way_out = f"backup go-on --without {without}"
    assert command(way_out) in page and page.count("go-on") == 1
    done = app.test_cli_runner().invoke(args=[*way_out.split(), "--yes"])
    assert done.exit_code == 0, done.output
    assert "go-on" not in client.get("/texts/health").text


def test_the_page_says_it_and_only_the_office_pauses(app: Flask, client: FlaskClient) -> None:
    area, campaign = make_area(), make_campaign()
    event = an_event(campaign_id=campaign.id)
    make_member(site=event.site, phone=MIA)
    note_bad_number(MIA, 30005, now=clock.now())
    became(event, delivered=3, filtered=1)
    sign_in(client, make_person("Olga Reed", role=RoleName.ORGANIZER, area=area))
    page = client.get("/texts/health").text
    assert "took them for spam" in page and "Elm Street School" not in page
    assert client.post("/texts/health/pause").status_code == 403
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "Elm Street School" in client.get("/texts/health").text
    client.post("/texts/health/pause", data={"why": "storm"})
    assert "storm" in client.get("/texts/health").text
    client.post("/texts/health/resume")
    client.post(f"/campaigns/{campaign.id}/texts/pause", data={"why": "rain"})
    assert "Paused" in client.get("/texts/health").text
    client.post(f"/campaigns/{campaign.id}/texts/resume")
    db.session.rollback()
    assert paused_refs() == {}
    assert client.post(f"/campaigns/{new_id()}/texts/pause").status_code == 404
