"""The files one reminder runs through, from its rule to the carrier, as docs/texts.md lists them."""

from datetime import UTC, datetime

import pytest
from flask import Flask

from mobilize.demo.carrier.server import Carrier
from tests.builders import make_event, make_member
from tests.reminders.conftest import MIA, NATE
from tests.texts.conftest import bodies, carrier
from tests.traced_path import listed, path_of
from workers import reminders, texts

__all__ = ["carrier"]

MOST_FILES = 16
# 17:00 in Los Angeles on the day before the event.
FIVE_PM = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


def remind() -> None:
    reminders.plan.run()
    texts.drain.run()


@pytest.mark.time_machine(FIVE_PM)
def test_one_reminder_runs_through_the_files_that_are_listed(app: Flask, carrier: Carrier) -> None:
    make_member(site=make_event().site, phone=NATE)
    remind()  # the sender is there, as after the first text of all
    make_member(site=make_event().site, phone=MIA)
    path = path_of(remind)
    assert len(bodies(carrier)) == 2
    assert path == listed("texts.md", "The path of one reminder")
    assert len(path) <= MOST_FILES
