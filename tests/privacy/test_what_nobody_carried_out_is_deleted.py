"""Lists that were read and texts that were written, and with which nobody went on, are deleted in time."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from mobilize import clock
from mobilize.database import db
from mobilize.privacy.retention.legal_holds import place_hold
from mobilize.privacy.retention.purge import purge
from mobilize.reminders.models import Broadcast
from mobilize.roster.imports.operations import dry_run_roster
from mobilize.roster.models import Import, ImportState, StagedMember
from tests.reminders.broadcasts import an_action, sent, written
from tests.roster.files import roster
from tests.roster.importing import JANUARY, MIA, OLGA, count, import_sites


def test_a_dry_run_is_dropped_after_a_day_though_no_other_follows(app: Flask) -> None:
    import_sites()
    dry_run_roster(roster(MIA), by=OLGA, now=JANUARY)
    assert purge(JANUARY + timedelta(hours=23))["dry_runs"] == 0 and count(StagedMember) > 0
    assert purge(JANUARY + timedelta(hours=25))["dry_runs"] == 1 and count(StagedMember) == 0
    assert count(Import, Import.state == ImportState.DROPPED) == 1


def test_a_dry_run_is_about_no_action_and_no_hold_keeps_it(app: Flask) -> None:
    import_sites()
    dry_run_roster(roster(MIA), by=OLGA, now=JANUARY)
    place_hold(None, "Case 12, by counsel", by="shell", now=JANUARY)
    assert purge(JANUARY + timedelta(hours=25))["dry_runs"] == 1


def test_a_text_to_many_that_nobody_confirmed_is_deleted_and_one_that_left_is_not(app: Flask) -> None:
    action, now = an_action(), clock.now()
    confirmed = written(action)
    sent(confirmed)
    written(action)
    assert purge(now + timedelta(hours=47))["drafts"] == 0
    assert purge(now + timedelta(hours=49))["drafts"] == 1
    assert db.session.scalars(select(Broadcast.id)).all() == [confirmed.id]
