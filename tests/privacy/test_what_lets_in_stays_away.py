"""What was given up in minutes that a restore has lost lets nobody in; what was given back since stays."""

from dataclasses import replace as changed
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask

from mobilize import clock
from mobilize.accounts.access.scope import scope_of, today
from mobilize.accounts.models import Person, RoleName
from mobilize.accounts.second_factor.recovery_codes import new_recovery_codes, use_recovery_code
from mobilize.accounts.sign_in.role_links import restart
from mobilize.backup import gaps
from mobilize.checkins.calendar.feeds import addresses_of, end_addresses, open_feed
from mobilize.database import atomic, db, new_id
from mobilize.keys.crypto import blind_index
from mobilize.privacy.replay import replay
from mobilize.reminders.inbox.wrong_numbers import list_wrong_number, settle_wrong_number, wrong_numbers
from mobilize.roster.models import Member
from mobilize.texts.models import Inbound, Intent
from mobilize.webhooks.endpoints import operations as webhooks
from mobilize.webhooks.models import Webhook
from tests.backup.copies import copy_of_everything, put_back
from tests.builders import make_member, make_person

OLD, NEW = "+12135550101", "+12135550102"


@pytest.fixture(autouse=True)
def folder(app: Flask, tmp_path: Path) -> None:
    app.config["MOBILIZE"] = changed(app.config["MOBILIZE"], journal_folder=str(tmp_path / "journal"))
    gaps.look()


def again() -> int:
    """The gap is noticed, and the journal replayed; how many lines."""
    gaps.look()
    count = replay(now=clock.now()).replayed
    db.session.expire_all()
    return count


def test_a_number_that_somebody_gave_up_signs_in_no_more(app: Flask) -> None:
    now = clock.now()
    olga = make_person("Olga", role=RoleName.ADMIN, phone=OLD)
    copy = copy_of_everything()
    restart(olga, "shell", now=now, phone=NEW)
    put_back(copy)
    assert db.session.get_one(Person, olga.id).phone == OLD
    assert again() == 3, "and what they had set up, and their sessions"
    person = db.session.get_one(Person, olga.id)
    assert (person.phone, person.phone_index) == (None, None)
    assert again() == 0


def test_a_number_that_somebody_has_again_stays(app: Flask) -> None:
    """Nothing was lost: the workers stood still."""
    now = clock.now()
    olga = make_person("Olga", role=RoleName.ADMIN, phone=OLD)
    restart(olga, "shell", now=now, phone=NEW)
    restart(olga, "shell", now=now + timedelta(seconds=1), phone=OLD)
    put_back(copy_of_everything())
    assert again() == 6
    assert db.session.get_one(Person, olga.id).phone == OLD


def test_a_recovery_code_that_was_used_and_a_sheet_that_was_replaced(app: Flask) -> None:
    now = clock.now()
    olga, rosa = make_person("Olga", role=RoleName.ADMIN), make_person("Rosa", role=RoleName.ADMIN)
    code, *_rest = new_recovery_codes(olga, now=now)
    old, *_rest = new_recovery_codes(rosa, now=now)
    later = now + timedelta(seconds=1)
    copy = copy_of_everything()
    assert use_recovery_code(olga, code, now=later)
    new_recovery_codes(rosa, now=later)
    put_back(copy)
    again()
    assert not use_recovery_code(olga, code, now=later)
    assert not use_recovery_code(rosa, old, now=later)
    assert again() == 0


def test_calendar_addresses_that_were_ended(app: Flask) -> None:
    now = clock.now()
    olga = make_person("Olga", role=RoleName.ADMIN)
    address = _address(olga, now)
    copy = copy_of_everything()
    end_addresses(olga, actor="shell", now=now)
    fresh = _address(olga, now)
    put_back(copy)
    assert open_feed(address, "en", now)
    assert again() == 1
    assert open_feed(address, "en", now) is None and open_feed(fresh, "en", now)


def _address(person: Person, now: datetime) -> str:
    feed = addresses_of(person, scope_of(person, today(now)))[0]
    return urlsplit(feed.address).path.rpartition("/")[2].removesuffix(".ics")


def test_a_wrong_number_is_taken_off_again_and_listed_until_somebody_gives_it_back(app: Flask) -> None:
    now = clock.now()
    mia, inbound = make_member("Reyes", "Mia", phone=OLD), _text(now)
    copy = copy_of_everything()
    assert list_wrong_number(inbound, by="shell", now=now)
    put_back(copy)
    assert db.session.get_one(Member, mia.id).phone == OLD
    assert again() == 1
    assert db.session.get_one(Member, mia.id).phone is None
    [item] = wrong_numbers()
    assert item.row.phone == OLD
    settle_wrong_number(item.row.id, give_back=True, actor="shell", now=now)
    put_back(copy_of_everything())
    assert again() == 0
    assert db.session.get_one(Member, mia.id).phone == OLD


def _text(now: datetime) -> Inbound:
    with atomic() as session:
        inbound = Inbound(id=new_id(), sid="SM1", intent=Intent.WRONG_NUMBER, received_at=now)
        inbound.sender, inbound.body = OLD, "wrong number"
        inbound.phone_index = blind_index("phone", OLD)
        session.add(inbound)
    return inbound


def test_a_webhook_that_was_switched_off_removed_or_lost_its_names_or_its_secret(app: Flask) -> None:
    now = clock.now()
    off, removed, named, secret = (_webhook(name, now) for name in ("off", "removed", "named", "secret"))
    webhooks.allow_names(named, "the board in the hall", actor="shell", now=now)
    copy = copy_of_everything()
    ids = off.id, removed.id, named.id, secret.id
    webhooks.switch(off, False, actor="shell", now=now)
    webhooks.remove(removed.id, actor="shell", now=now)
    webhooks.take_names_away(named, actor="shell", now=now)
    webhooks.change_secret(secret, actor="shell", now=now)
    put_back(copy)
    assert again() == 4
    was_off, gone, without, its_secret = (db.session.get(Webhook, id, populate_existing=True) for id in ids)
    assert was_off and was_off.off_reason == "by_hand"
    assert gone is None
    assert without and not without.names and without.off_at is None
    assert its_secret and its_secret.off_reason == "secret_lost"
    assert again() == 0


def test_a_webhook_that_was_switched_on_again_stays_on(app: Flask) -> None:
    """Nothing was lost: the workers stood still."""
    now = clock.now()
    webhook = _webhook("Map", now)
    webhooks.switch(webhook, False, actor="shell", now=now)
    webhooks.switch(webhook, True, actor="shell", now=now + timedelta(seconds=1))
    put_back(copy_of_everything())
    again()
    assert db.session.get_one(Webhook, webhook.id, populate_existing=True).off_at is None


def _webhook(name: str, now: datetime) -> Webhook:
    return webhooks.make_webhook(name, "http://localhost", ["event.moved"], actor="shell", now=now)[0]
