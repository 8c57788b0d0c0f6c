"""A backup was put back while an action went on: its reports say which minutes, and its chair is asked."""

from datetime import timedelta

from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.backup.gaps import GapReason, RecoveryGap
from mobilize.database import atomic
from tests.builders import START, make_person
from tests.turnout.conftest import Morning, enter, text_of

QUESTION = "Was somebody there who is not in the list?"


def lose(minutes: tuple[int, int], *, is_loss: bool = True) -> None:
    start, end = (START + timedelta(minutes=one) for one in minutes)
    gap = RecoveryGap(reason=GapReason.RESTORED, from_at=start, opened_at=end, closed_at=end, is_loss=is_loss)
    with atomic() as session:
        session.add(gap)


def test_chair_and_office_read_which_minutes_and_the_chair_is_asked(morning: Morning, client: FlaskClient):
    lose((2, 4))
    chapter = f"/actions/{morning.action.id}/sites/{morning.lincoln.id}/report"
    sentence = "7:02 AM-7:04 AM: a backup was put back"
    enter(client, make_person(role=RoleName.CHAIR, site=morning.lincoln), clock.now())
    page = client.get(chapter).text.replace("\u202f", " ")
    assert sentence in page and QUESTION in page
    assert "a backup was put back" in " ".join(text_of(client.get(f"{chapter}.pdf").data).split())
    enter(client, make_person("Ada Office", role=RoleName.ADMIN), clock.now())
    page = client.get(f"/actions/{morning.action.id}/report").text.replace("\u202f", " ")
    assert sentence in page and QUESTION not in page


def test_minutes_in_which_nothing_was_lost_or_that_are_anothers_are_not_mentioned(
    morning: Morning, client: FlaskClient
):
    lose((2, 4), is_loss=False)
    lose((24 * 60, 24 * 60 + 2))
    enter(client, make_person(role=RoleName.CHAIR, site=morning.lincoln), clock.now())
    page = client.get(f"/actions/{morning.action.id}/sites/{morning.lincoln.id}/report").text
    assert "a backup was put back" not in page and QUESTION not in page
