"""The files one check-in by the poster runs through, as docs/check-in.md lists them."""

import pytest

from tests.checkins.morning import OPEN, outcomes, post
from tests.traced_path import listed, path_of

MOST_FILES = 15


@pytest.mark.time_machine(OPEN)
def test_one_check_in_runs_through_the_files_that_are_listed(client, event, mia):
    post(client, event, "2135550199")  # statements are compiled, pages cached
    path = path_of(lambda: post(client, event, "2135550101"))
    assert "counted" in outcomes(event)
    assert path == listed("check-in.md", "The path of one check-in")
    assert len(path) <= MOST_FILES
