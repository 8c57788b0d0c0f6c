"""Each retention period of the code stands in docs/privacy.md, and each of the page in the code."""

import re
from datetime import timedelta

import pytest

from mobilize.privacy.retention.periods import LONGEST_DAYS, PERIODS, SHORTEST_DAYS
from tests.test_docs_lead_somewhere import ROOT

ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", re.MULTILINE)
SPAN = re.compile(r"\b(\d+|an?) (hour|day|week|year)s?\b")
DAYS = {"hour": 1 / 24, "day": 1, "week": 7, "year": 365}
# Rows of the page whose data go with another row's, or never.
WITHOUT_PERIOD = {
    "duty and hours of a strike day",
    "words people wrote about an action: whose phone opened a line, why evidence was taken back or matched, "
    "texts to many",
    "why texts were paused",
    "opt-outs",
    "reports, statements and their challenge packs",
}


def spans(words: str) -> set[timedelta]:
    """The periods that a sentence names: 90 days, a week."""
    return {
        timedelta(days=(1 if number.startswith("a") else int(number)) * DAYS[unit])
        for number, unit in SPAN.findall(words)
    }


def documented() -> dict[str, set[timedelta]]:
    rows = ROW.findall((ROOT / "docs" / "privacy.md").read_text(encoding="utf-8"))
    return {what: spans(how_long) for what, how_long, _ in rows if what != "what"}


def test_the_page_and_the_code_name_the_same_periods() -> None:
    rows = documented()
    assert len(rows) > 20 and rows.keys() >= WITHOUT_PERIOD
    with_period = {what: periods for what, periods in rows.items() if what not in WITHOUT_PERIOD}
    named = {what: periods for what in rows for one, periods in PERIODS.items() if what.startswith(one)}
    assert named == with_period and len(named) == len(PERIODS)


def test_what_a_campaign_may_choose_is_documented() -> None:
    page = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    assert f"(a campaign may say {SHORTEST_DAYS} to {LONGEST_DAYS})" in page


@pytest.mark.parametrize(
    ("words", "days"), [("a week", {7}), ("a day; 180 days once it was used", {1, 180}), ("never", set())]
)
def test_this_test_reads_periods(words: str, days: set[int]) -> None:
    assert {span.days for span in spans(words)} == days
