"""A backup is put back in mid-morning: the phones of a line send again what they hold, and it counts once."""

import re
from dataclasses import replace

from playwright.sync_api import expect

from mobilize import clock
from mobilize.backup import gaps
from mobilize.checkins.record.operations import void
from mobilize.privacy.replay import replay
from tests.backup.copies import copy_of_everything, put_back
from tests.checkins.morning import attendance, evidence
from tests.journeys.phones import SOON, eventually, inside, until
from tests.journeys.test_the_line_works_without_a_network import line_phone

SENT = inside("storage.all('lines').then((all) => all.filter(({ code }) => code.includes('/sent/')).length)")


def tick_and_send(page, n):
    page.get_by_role("button", name=f"Here: First{n} L.").click()
    expect(page.locator("#names li", has_text=f"First{n} L.").locator(".state")).to_have_text(
        re.compile("^Came at"), timeout=SOON
    )


def test_what_was_acknowledged_and_lost_comes_again_by_itself(gate, phone_of):
    gaps.look()
    rosa = line_phone(gate, phone_of, "rosa")
    tick_and_send(rosa.page, 0)
    copy = copy_of_everything()
    for n in (1, 2, 3):
        tick_and_send(rosa.page, n)
    rosa.page.get_by_label("How many people stand here now?").fill("17")
    rosa.page.get_by_role("button", name="Report head count").click()
    until(rosa.page, f"{SENT}.then((n) => n === 5)")
    before = {one.nonce for one in evidence(gate.event)}
    put_back(copy)
    assert len(evidence(gate.event)) == 1
    gaps.mark_restored(clock.now())
    eventually(lambda: {one.nonce for one in evidence(gate.event)}, before)
    eventually(lambda: len(attendance(gate.event)), 4)
    gaps.mark_restored(clock.now())
    rosa.page.wait_for_timeout(3000)
    assert (len(evidence(gate.event)), len(attendance(gate.event))) == (4, 4)


def test_what_was_taken_back_meanwhile_does_not_come_again(gate, phone_of, pg_app, tmp_path):
    pg_app.config["MOBILIZE"] = replace(pg_app.config["MOBILIZE"], journal_folder=str(tmp_path / "journal"))
    gaps.look()
    rosa = line_phone(gate, phone_of, "rosa")
    tick_and_send(rosa.page, 0)
    copy = copy_of_everything()
    tick_and_send(rosa.page, 1)
    [last] = [one for one in evidence(gate.event) if one.member_id == gate.members[1].id]
    void(last.id, "somebody else", actor="shell", now=clock.now())
    put_back(copy)
    gaps.mark_restored(clock.now())
    replay(now=clock.now())
    eventually(lambda: len(evidence(gate.event)), 2)
    replay(now=clock.now())
    assert [one.member_id for one in attendance(gate.event)] == [gate.members[0].id]


def test_a_phone_that_was_off_meanwhile_sends_it_when_it_is_back(gate, phone_of):
    gaps.look()
    rosa = line_phone(gate, phone_of, "rosa")
    copy = copy_of_everything()
    tick_and_send(rosa.page, 1)
    until(rosa.page, f"{SENT}.then((n) => n === 1)")
    rosa.page.goto("about:blank")
    put_back(copy)
    gaps.mark_restored(clock.now())
    assert evidence(gate.event) == []
    rosa.page.goto(gate.line)
    eventually(lambda: len(attendance(gate.event)), 1)
