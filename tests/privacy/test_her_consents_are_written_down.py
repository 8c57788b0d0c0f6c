"""Mia agrees to texts and takes it back: each is written down with its words, and no file overrules her."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.database import db
from mobilize.privacy.wishes import agree_to_urgent, stop_texts
from mobilize.privacy.wording import version_on_page
from mobilize.roster import imports
from mobilize.roster.members import number_key
from mobilize.roster.models import Member
from mobilize.texts.consents import consents_of, version_of
from mobilize.texts.file_consents import note_file_consents
from mobilize.texts.inbound import take_inbound
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_text
from tests.roster.files import HEADER, member, roster, site_list

JANUARY = datetime(2026, 1, 10, 18, tzinfo=UTC)
MIA = "+12135550101"
WITH_URGENT = [*HEADER, "Urgent Texts"]


@pytest.fixture(autouse=True)
def sites(app: Flask) -> None:
    found = imports.dry_run_sites(site_list(), by="shell", now=JANUARY)
    imports.commit_import(found.id, by="shell", now=JANUARY)


def bring(now: datetime, urgent: str = "", out: str = "", last: str = "Reyes") -> bytes:
    """The office imports a roster that says this of Mia; the file's fingerprint."""
    data = roster([*member("101", last, out=out), urgent], header=WITH_URGENT)
    found = imports.dry_run_roster(data, by="shell", now=now)
    return imports.commit_import(found.id, by="shell", now=now).sha256


def mia() -> Member:
    db.session.expire_all()
    return db.session.scalars(select(Member).where(Member.number_bix == number_key("101"))).one()


def test_urgent_taken_back_on_her_page_stays_off_until_she_says_otherwise() -> None:
    bring(JANUARY, urgent="Yes")
    assert mia().urgent_ok_at == JANUARY
    agree_to_urgent(mia().id, False, now=JANUARY + timedelta(days=1))
    bring(JANUARY + timedelta(days=2), urgent="Yes", last="Reyes-Soto")
    assert mia().person.last == "Reyes-Soto" and mia().urgent_ok_at is None
    agree_to_urgent(mia().id, True, now=JANUARY + timedelta(days=3))
    agree_to_urgent(mia().id, False, now=JANUARY + timedelta(days=4))
    take_inbound("SM" + "1" * 32, MIA, "URGENT", now=JANUARY + timedelta(days=5))
    assert mia().urgent_ok_at == JANUARY + timedelta(days=5) and mia().urgent_off_at is None


def test_what_the_file_says_of_texts_is_written_down_once_with_the_file() -> None:
    sha = bring(JANUARY, urgent="Yes", out="Yes")
    assert note_file_consents(JANUARY) == 2
    assert note_file_consents(JANUARY + timedelta(days=1)) == 0
    found = {(c.kind, c.given, c.how, c.wording) for c in consents_of(MIA)}
    file = f"roster@{sha.hex()[:8]}"
    assert found == {("texts", False, "roster", file), ("urgent", True, "roster", file)}


def test_her_own_yes_is_not_written_down_again_as_the_files() -> None:
    bring(JANUARY)
    agree_to_urgent(mia().id, True, now=JANUARY)
    assert note_file_consents(JANUARY) == 0


def test_on_her_page_the_words_beside_the_button_are_noted() -> None:
    bring(JANUARY)
    for urgent in (True, False):
        agree_to_urgent(mia().id, urgent, now=JANUARY)
    for stop in (True, False):
        stop_texts(mia().id, stop, now=JANUARY)
    words = {c.wording for c in consents_of(MIA)}
    buttons = ("urgent_yes", "urgent_no", "texts_stop", "texts_start")
    assert words == {version_on_page(button) for button in buttons}
    assert all(word and word.startswith("page_") and len(word) <= 40 for word in words)


def test_stop_names_the_text_it_answers_and_start_the_answer_it_got() -> None:
    bring(JANUARY)
    planned = PlannedText(
        purpose="reminder:1",
        phone=MIA,
        wording="welcome",
        language="en",
        klass=TextClass.MEMBER,
        tz="America/Los_Angeles",
        due_at=JANUARY,
        useless_after=JANUARY + timedelta(hours=1),
    )
    queue_text(planned, now=JANUARY)
    for n, word in enumerate(("STOP", "START")):
        take_inbound(f"SM{n:032d}", MIA, word, now=JANUARY + timedelta(minutes=n))
    assert [c.wording for c in consents_of(MIA)] == [version_of("welcome"), version_of("back_in")]
