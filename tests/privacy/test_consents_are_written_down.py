"""Mia agrees to texts and takes it back: each is written down with its words, and no file overrules that."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from mobilize.privacy.labels import version_on_page
from mobilize.privacy.member_page.preferences import agree_to_urgent, stop_texts
from mobilize.roster.imports import operations as imports
from mobilize.roster.models import Member
from mobilize.texts.consent.consents import consents_of, version_of
from mobilize.texts.consent.roster_consents import note_file_consents
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_text
from mobilize.texts.receiving.inbound import take_inbound
from tests.roster.files import HEADER, member, roster
from tests.roster.importing import JANUARY, import_sites, who

MIA = "+12135550101"
WITH_URGENT = [*HEADER, "Urgent Texts"]


@pytest.fixture(autouse=True)
def sites(app: Flask) -> None:
    import_sites()


def bring(now: datetime, urgent: str = "", out: str = "", last: str = "Reyes") -> bytes:
    """The office imports a roster that says this of Mia; the file's fingerprint."""
    data = roster([*member("101", last, out=out), urgent], header=WITH_URGENT)
    staged = imports.dry_run_roster(data, by="shell", now=now)
    return imports.commit_import(staged.id, by="shell", now=now).sha256


def mia() -> Member:
    return who("101")


def test_urgent_taken_back_on_their_page_stays_off_until_they_say_otherwise() -> None:
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
    results = {(c.kind, c.granted, c.how, c.wording) for c in consents_of(MIA)}
    file = f"roster@{sha.hex()[:8]}"
    assert results == {("texts", False, "roster", file), ("urgent", True, "roster", file)}


def test_their_own_yes_is_not_written_down_again_as_the_files() -> None:
    bring(JANUARY)
    agree_to_urgent(mia().id, True, now=JANUARY)
    assert note_file_consents(JANUARY) == 0


def test_on_their_page_the_words_beside_the_button_are_noted() -> None:
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
        wording="who",
        language="en",
        text_class=TextClass.MEMBER,
        tz="America/Los_Angeles",
        due_at=JANUARY,
        expires_at=JANUARY + timedelta(hours=1),
    )
    queue_text(planned, now=JANUARY)
    for n, word in enumerate(("STOP", "START")):
        take_inbound(f"SM{n:032d}", MIA, word, now=JANUARY + timedelta(minutes=n))
    assert [c.wording for c in consents_of(MIA)] == [version_of("who"), version_of("back_in")]
