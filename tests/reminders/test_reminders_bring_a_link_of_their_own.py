"""The link in a reminder checks its member in with one tap; its length is in the price shown before."""

from datetime import UTC, datetime

import pytest
from flask import Flask

from mobilize.actions.models import Action, Event
from mobilize.checkins.member.personal_links import end_links, personal_code
from mobilize.languages import Translated
from mobilize.reminders.merge_fields import merge_fields_for, merge_fields_for_member
from mobilize.reminders.models import RuleKind
from mobilize.reminders.rules.estimates import estimate
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.reminders.rules.queries import rules_of
from mobilize.segments import measure, segments
from mobilize.texts.templates import render
from tests.builders import START, ZONE, make_event, make_member, make_site
from tests.reminders.conftest import MIA, NATE, waiting, words

FIVE_PM = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


def test_everybody_gets_their_own_link_counted_in_the_price_shown_before(app: Flask) -> None:
    event = make_event(make_site("Elm Street School"))
    mia, nate = (make_member(site=event.site, phone=phone) for phone in (MIA, NATE))
    end_links(nate.id, actor="shell", now=FIVE_PM)
    set_default_rules(FIVE_PM)
    estimated = estimate(event.action, rules_of(event.action)[RuleKind.DAY_BEFORE], FIVE_PM)
    plan_reminders(FIVE_PM)
    by_phone = {text.to: words(text) for text in waiting()}
    assert personal_code(event.id, mia.id) in by_phone[MIA]
    assert personal_code(event.id, nate.id, 1) in by_phone[NATE], "those they had before were ended"
    english = next(preview for preview in estimated.previews if preview.language == "en")
    assert english.length == measure(by_phone[MIA]) == measure(by_phone[NATE])
    assert estimated.segments == sum(text.segments for text in waiting())


@pytest.mark.parametrize("language", ["en", "es"])
def test_where_their_own_link_would_take_a_third_segment_it_is_the_posters(app: Flask, language: str) -> None:
    links = set()
    for letters in range(40, 200):
        event = Event(code="CDFGHJKMN", venue="x" * letters, meet_at="", tz=ZONE, starts_at=START)
        event.action = Action(name=Translated(en="Morning picket", es="Piquete matutino"))
        merge_fields = merge_fields_for_member("reminder_day_before", event, language)
        links.add(merge_fields["link"].split("/")[3])
        if segments(render("reminder_day_before", language, merge_fields_for(event, language))) <= 2:
            assert segments(render("reminder_day_before", language, merge_fields)) <= 2
    assert links == {"p", "c"}
