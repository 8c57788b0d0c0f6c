"""An organizer chooses who gets a text: by area, school and language, and by what members said and did."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from mobilize import clock
from mobilize.accounts.access.scope import Scope
from mobilize.accounts.models import RoleName
from mobilize.actions.eligibility import freeze_due_events
from mobilize.actions.models import Action, Event
from mobilize.checkins.models import Attendance, Tier
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.reminders.broadcasts.audience import counted, last_action_before, recipients_of
from mobilize.reminders.broadcasts.operations import queue_broadcasts
from mobilize.reminders.models import Audience, AudienceFilter, Broadcast, Rsvp
from mobilize.reminders.rules.queries import is_moot
from mobilize.roster.models import Member, MemberStatus
from mobilize.texts.consent.suppressions import may_text, note_bad_number, opt_in, opt_out
from mobilize.texts.models import OutboxText
from mobilize.texts.sending.claiming import claim
from mobilize.texts.sending.delivery import sweep
from tests.builders import (
    make_action,
    make_area,
    make_campaign,
    make_event,
    make_member,
    make_person,
    make_site,
    sign_in,
)
from tests.reminders.broadcasts import DAY, WORDS, ZONES, enter, sent, written
from tests.reminders.conftest import phones

MISSING, SAID_COMING, NOT_SEEN, CAME_LAST = (
    AudienceFilter.MISSING,
    AudienceFilter.SAID_COMING,
    AudienceFilter.NOT_SEEN,
    AudienceFilter.CAME_LAST,
)


@pytest.fixture
def union(app: Flask) -> SimpleNamespace:
    """Two schools in North and one in South, a picket in three days, and one of the campaign a week ago."""
    now, campaign = clock.now(), make_campaign()
    north, south = make_area("North"), make_area("South")
    elm, oak = make_site("Elm Street School", area=north), make_site("Oak School", area=north)
    pine = make_site("Pine School", area=south)
    last = make_action(starts_at=now - timedelta(days=7), campaign_id=campaign.id)
    action = make_action(starts_at=now + timedelta(days=3), campaign_id=campaign.id)
    events = {site.id: make_event(site, action=action) for site in (elm, oak, pine)}
    earlier = {site.id: make_event(site, action=last) for site in (elm, oak, pine)}
    places = {"north": north, "south": south, "elm": elm, "oak": oak, "pine": pine}
    return SimpleNamespace(action=action, last=last, events=events, earlier=earlier, **places)


class People:
    """Members with a number each; `here` counts from 0 up."""

    def __init__(self) -> None:
        self.numbers = iter(range(300, 400))

    def __call__(self, site: Any, **values: Any) -> Member:
        values = {"phone": f"+12135550{next(self.numbers)}", **values}
        return make_member(site=site, **values)


def stored(row: Any) -> None:
    with atomic() as session:
        session.add(row)


def answers(member: Member, event: Event, coming: bool) -> None:
    with atomic() as session:
        session.merge(Rsvp(event_id=event.id, member_id=member.id, coming=coming, at=clock.now()))


def comes(member: Member, event: Event, chapter: Any = None) -> None:
    """They are in at this event."""
    place = {"event_id": event.id, "shift_id": event.shifts[0].id, "member_id": member.id}
    chapter_id = (chapter or event).id if chapter else event.site_id
    stored(Attendance(**place, chapter_id=chapter_id, tier=Tier.SELF, first_at=clock.now(), late=False))


def reached(broadcast: Broadcast) -> set[str]:
    """The numbers it goes to now."""
    rows = db.session.execute(recipients_of(broadcast, clock.now()))
    return {Member.phone.open(row.id, row.phone_enc) for row in rows if row.cannot is None}


def numbers(*members: Member) -> set[str]:
    return {str(member.phone) for member in members}


def left(texts: Collection[Any]) -> set[str]:
    return {text.to for text in texts}


def claimed() -> set[str]:
    return left(claim(20, by="a", now=DAY, zones=ZONES, is_moot=is_moot))


def test_it_goes_to_the_areas_and_schools_that_were_chosen(union: SimpleNamespace) -> None:
    people = People()
    elm, oak, pine = people(union.elm), people(union.oak), people(union.pine)
    assert reached(written(union.action)) == numbers(elm, oak, pine)
    assert reached(written(union.action, places=[union.north.id])) == numbers(elm, oak)
    assert reached(written(union.action, places=[union.oak.id, union.south.id])) == numbers(oak, pine)


def test_it_goes_to_the_readers_of_one_language(union: SimpleNamespace) -> None:
    people = People()
    english, spanish = people(union.elm), people(union.elm, language="es")
    other = people(union.elm, language="ko")
    assert reached(written(union.action, language="es")) == numbers(spanish)
    assert reached(written(union.action, language="en")) == numbers(english, other), "who reads it in English"
    in_oak = written(union.action, language="es", places=[union.oak.id])
    assert reached(in_oak) == set()


def test_it_goes_to_who_said_they_come_and_is_not_in(union: SimpleNamespace) -> None:
    people, event = People(), union.events[union.elm.id]
    coming, is_in, elsewhere, stays, silent = (people(union.elm) for _n in range(5))
    for member in (coming, is_in, elsewhere):
        answers(member, event, coming=True)
    answers(stays, event, coming=False)
    comes(is_in, event)
    comes(elsewhere, union.events[union.pine.id], chapter=union.elm)
    assert reached(written(union.action, audience_filter=SAID_COMING)) == numbers(coming)
    assert reached(written(union.action, audience_filter=MISSING)) == numbers(coming, silent)


def test_who_checks_in_or_says_no_meanwhile_gets_nothing(union: SimpleNamespace) -> None:
    people, event = People(), union.events[union.elm.id]
    coming, in_now, no_now, corrected = (people(union.elm) for _n in range(4))
    for member in (coming, in_now, no_now, corrected):
        answers(member, event, coming=True)
    assert sent(written(union.action, audience_filter=SAID_COMING)) == 4
    comes(in_now, union.events[union.oak.id], chapter=union.elm)
    answers(no_now, event, coming=False)
    with atomic() as session:  # the office has corrected how the text was read
        session.execute(delete(Rsvp).where(Rsvp.member_id == corrected.id))
    assert claimed() == numbers(coming)
    sweep(now=DAY, is_moot=is_moot)
    dropped = db.session.query(OutboxText).filter_by(reason="not_missing")
    assert left(dropped) == numbers(in_now, no_now, corrected)


@pytest.mark.parametrize("other_is_in", [False, True])
def test_a_phone_of_two_is_texted_while_one_of_them_is_still_to_come(
    union: SimpleNamespace, other_is_in: bool
) -> None:
    people, event = People(), union.events[union.elm.id]
    mia = people(union.elm, id=uuid.UUID(int=1))
    luis = people(union.oak, id=uuid.UUID(int=2), phone=mia.phone)
    answers(mia, event, coming=True)
    answers(luis, union.events[union.oak.id], coming=True)
    assert sent(written(union.action, audience_filter=SAID_COMING)) == 1
    comes(mia, event)
    if other_is_in:
        comes(luis, event, chapter=union.oak)
    assert claimed() == (set() if other_is_in else numbers(mia))


def test_a_housemate_who_never_said_they_come_is_not_texted_in_anothers_place(union: SimpleNamespace) -> None:
    people, event = People(), union.events[union.elm.id]
    mia = people(union.elm)
    people(union.oak, phone=mia.phone)
    answers(mia, event, coming=True)
    assert sent(written(union.action, audience_filter=SAID_COMING)) == 1
    comes(mia, event)
    assert claimed() == set()


@pytest.mark.parametrize("begun", [False, True])
def test_it_goes_to_eligible_members_who_are_not_seen_at_any_line(
    union: SimpleNamespace, begun: bool
) -> None:
    people, event = People(), union.events[union.elm.id]
    silent, stays, is_in, elsewhere = (people(union.elm) for _n in range(4))
    people(union.elm, status=MemberStatus.LEAVE)
    people(union.elm, since=event.starts_at + timedelta(minutes=5))  # comes after the start
    answers(stays, event, coming=False)
    comes(is_in, event)
    comes(elsewhere, union.events[union.pine.id], chapter=union.elm)
    if begun:
        freeze_due_events(event.starts_at)
    assert reached(written(union.action, audience_filter=NOT_SEEN)) == numbers(silent, stays)


def test_whoever_is_not_seen_gets_it_though_they_say_no_and_not_once_they_are_in(
    union: SimpleNamespace,
) -> None:
    people, event = People(), union.events[union.elm.id]
    stays, in_now = people(union.elm), people(union.elm)
    assert sent(written(union.action, audience_filter=NOT_SEEN)) == 2
    answers(stays, event, coming=False)
    comes(in_now, event)
    assert claimed() == numbers(stays)


def test_it_goes_to_who_came_to_the_last_action(union: SimpleNamespace) -> None:
    people, campaign_id = People(), union.action.campaign_id
    came, elsewhere, stayed, long_ago = (people(union.elm) for _n in range(4))
    comes(came, union.earlier[union.elm.id])
    comes(elsewhere, union.earlier[union.pine.id], chapter=union.elm)
    first = make_action(starts_at=clock.now() - timedelta(days=20), campaign_id=campaign_id)
    comes(long_ago, make_event(union.elm, action=first))
    drill = make_action(starts_at=clock.now() - timedelta(days=2), campaign_id=campaign_id, drill=True)
    comes(stayed, make_event(union.elm, action=drill))
    broadcast = written(union.action, audience_filter=CAME_LAST, places=[union.north.id])
    assert reached(broadcast) == numbers(came, elsewhere)
    assert sent(broadcast) == 2
    comes(came, union.events[union.elm.id])
    assert claimed() == numbers(came, elsewhere), "nothing they did makes it false"


def test_without_an_earlier_action_nobody_can_be_chosen_by_it(union: SimpleNamespace) -> None:
    alone = make_action(starts_at=clock.now() + timedelta(days=3))
    make_event(union.elm, action=alone)
    first = make_action(starts_at=clock.now() - timedelta(days=20), campaign_id=union.last.campaign_id)
    for action in (alone, first):
        with pytest.raises(Refused) as refusal:
            written(action, audience_filter=CAME_LAST)
        assert refusal.value.code == "no_last_action"
    with atomic():
        db.session.get_one(type(union.last), union.last.id).forgotten_at = clock.now()
    with pytest.raises(Refused):
        written(union.action, audience_filter=CAME_LAST)


def of_south(union: SimpleNamespace) -> dict[str, Any]:
    scope = Scope(roles=frozenset({RoleName.ORGANIZER}), areas=frozenset({union.south.id}))
    return {"scope": scope}


def test_a_place_of_another_area_is_refused_like_one_that_is_not_there(union: SimpleNamespace) -> None:
    refusals = []
    for place in (union.elm.id, union.north.id, uuid.uuid4()):
        for places in ([place], [union.pine.id, place]):
            with pytest.raises(Refused) as refusal:
                written(union.action, places=places, **of_south(union))
            refusals.append((refusal.value.code, str(refusal.value), refusal.value.status))
    assert len(set(refusals)) == 1 and refusals[0][0] == "no_such_place"


@pytest.mark.parametrize("audience_filter", list(AudienceFilter))
def test_no_count_of_an_organizer_moves_with_what_somebody_of_another_area_does(
    union: SimpleNamespace, audience_filter: AudienceFilter
) -> None:
    people = People()
    people(union.pine)
    neighbor = people(union.elm)
    broadcast = written(union.action, audience_filter=audience_filter, **of_south(union))
    before = counted(recipients_of(broadcast, clock.now()))
    answers(neighbor, union.events[union.elm.id], coming=True)
    comes(neighbor, union.events[union.pine.id], chapter=union.elm)
    comes(neighbor, union.earlier[union.pine.id], chapter=union.elm)
    assert counted(recipients_of(broadcast, clock.now())) == before


def test_who_moves_here_brings_no_news_of_what_they_did_elsewhere(union: SimpleNamespace) -> None:
    """They came with North, and are a member of South since: South's organizer learns nothing of it."""
    people = People()
    moved = people(union.pine)
    comes(moved, union.earlier[union.elm.id])
    broadcast = written(union.action, audience_filter=CAME_LAST, **of_south(union))
    assert reached(broadcast) == set()


def test_the_last_action_is_the_last_one_the_organizers_own_chapters_had_a_part_in(
    union: SimpleNamespace,
) -> None:
    later = make_action(starts_at=clock.now() - timedelta(days=1), campaign_id=union.action.campaign_id)
    make_event(union.elm, action=later)
    now, south = clock.now(), of_south(union)["scope"]
    last = last_action_before(union.action, south, now)
    assert last is not None and last.id == union.last.id


TYPED = {"text_en": WORDS["en"], "text_es": WORDS["es"]}


def test_on_the_page_who_gets_it_is_chosen_counted_and_said(
    union: SimpleNamespace, client: FlaskClient
) -> None:
    people, event = People(), union.events[union.elm.id]
    for member in (people(union.elm), people(union.oak, language="es"), people(union.pine)):
        answers(member, event, coming=True)
    enter(client)
    address = f"/actions/{union.action.id}/texts/new"
    page = client.get(address).text
    for choice in ("Only some areas or schools", "North: all 2 chapters", "Oak School", "South: its chapter"):
        assert choice in page
    assert "Members who came to Morning picket, " in page
    chosen = {"audience": "said_coming", "where": "some", "places": [str(union.north.id)], "language": ""}
    page = client.post(address, data={**chosen, "do": "count"}).text
    assert "It goes to 2 members of North who said they are coming to Morning picket, " in page
    looked = client.post(address, data={**TYPED, **chosen})
    page = client.get(looked.location).text
    assert "It goes to 2 members of North who said they are coming" in page and "2 phones" in page
    again = client.get(f"{address}?from={looked.location.rsplit('/', 1)[-1]}").text
    assert f'value="{union.north.id}" checked' in again and 'value="said_coming"' in again
    assert client.post(looked.location + "/send", data={"agreed_segments": "2"}).status_code == 303
    assert queue_broadcasts(clock.now()) == 2
    assert "Members who said they are coming, and have not checked in yet" in client.get(looked.location).text


def test_in_spanish_the_sentence_is_spanish(union: SimpleNamespace, client: FlaskClient) -> None:
    people = People()
    people(union.elm, language="es")
    enter(client)
    client.post("/language", data={"language": "es"})
    chosen = {"audience": "not_seen", "where": "some", "places": [str(union.elm.id)], "language": "es"}
    page = client.post(f"/actions/{union.action.id}/texts/new", data={**chosen, "do": "count"}).text
    assert "1 miembro elegible de Elm Street School" in page and "textos solo en español" in page


@pytest.mark.parametrize(
    "chosen",
    [
        {"where": "some"},
        {"where": "some", "places": ["nowhere"]},
        {"where": "everywhere"},
        {"audience": "somebody"},
        {"language": "xx"},
        {"audience": "chairs", "urgent": "Rain"},
    ],
)
def test_a_choice_that_is_none_is_said_in_a_sentence(
    union: SimpleNamespace, client: FlaskClient, chosen: dict[str, Any]
) -> None:
    enter(client)
    for more in ({"do": "count"}, {}):
        answer = client.post(f"/actions/{union.action.id}/texts/new", data={**TYPED, **chosen, **more})
        assert answer.status_code in (409, 422) and 'class="error"' in answer.text or "problem" in answer.text
    assert db.session.query(Broadcast).count() == 0


def test_one_that_has_grown_since_it_was_looked_at_is_looked_at_again(
    union: SimpleNamespace, client: FlaskClient
) -> None:
    people, event = People(), union.events[union.elm.id]
    one, other = people(union.elm), people(union.elm)
    answers(one, event, coming=True)
    enter(client)
    chosen = {**TYPED, "audience": "said_coming"}
    preview = client.post(f"/actions/{union.action.id}/texts/new", data=chosen).location
    answers(other, event, coming=True)
    refused = client.post(preview + "/send", data={"agreed_segments": "1"})
    assert refused.status_code == 409 and "It has grown since you looked" in refused.text
    assert queue_broadcasts(clock.now()) == 0
    assert 'name="agreed_segments" type="hidden" value="2"' in refused.text
    client.post(preview + "/send", data={"agreed_segments": "2"})
    assert queue_broadcasts(clock.now()) == 2


def test_a_chair_sees_nothing_of_what_an_organizer_texts_their_chapter(
    union: SimpleNamespace, client: FlaskClient
) -> None:
    People()(union.elm)
    broadcast = written(union.action, audience_filter=NOT_SEEN, places=[union.elm.id])
    chair = make_person("Carmen Ortiz", role=RoleName.CHAIR, site=union.elm)
    sign_in(client, chair)
    assert client.get(f"/broadcasts/{broadcast.id}").status_code == 404
    assert client.post(f"/broadcasts/{broadcast.id}/call-back").status_code == 404


def test_chairs_are_chosen_by_place_and_language_too(union: SimpleNamespace) -> None:
    make_person("Carmen Ortiz", phone="+12135550103", role=RoleName.CHAIR, site=union.elm)
    make_person("Nora Vale", phone="+12135550104", role=RoleName.CHAIR, site=union.pine)
    broadcast = written(union.action, audience=Audience.CHAIRS, places=[union.elm.id], language="en")
    assert sent(broadcast) == 1 and phones("as_written") == ["+12135550103"]
    nobody = counted(
        recipients_of(written(union.action, audience=Audience.CHAIRS, language="es"), clock.now())
    )
    assert nobody.total == 0


def test_the_command_takes_the_same_choices(union: SimpleNamespace, app: Flask) -> None:
    people, event = People(), union.events[union.elm.id]
    coming, silent = people(union.elm), people(union.elm)
    answers(coming, event, coming=True)
    answers(silent, event, coming=False)
    args = ["texts", "broadcast", "--action", str(union.action.id), "--en", WORDS["en"], "--es", WORDS["es"]]
    args += ["--audience", "members", "--of", "said_coming", "--place", "north", "--place", union.pine.code]
    output = app.test_cli_runner().invoke(args=[*args, "--reads", "en"]).output
    assert "goes to: 1 member of North and South who said they are coming to Morning picket, " in output
    wrong = app.test_cli_runner().invoke(args=[*args, "--place", "Nowhere"])
    assert wrong.exit_code == 1 and "is called Nowhere" in wrong.output


def test_who_opted_out_is_left_out_of_many_as_of_one(app: Flask, union: SimpleNamespace) -> None:
    """A number is asked about by itself in the claim, and together with the whole roster in an audience."""
    site, now = union.events[next(iter(union.events))].site, clock.now()
    numbers = [f"+1213559{n:04d}" for n in range(6)]
    for number in numbers:
        make_member(site=site, phone=number, opted_out_in_file=number in numbers[3:5])
    for number in (numbers[1], numbers[2]):
        opt_out(number, source="reply", now=now)
    for number in (numbers[2], numbers[4]):
        opt_in(number, source="reply", now=now + timedelta(minutes=1))
    note_bad_number(numbers[5], 30005, now=now)
    reached = set(db.session.scalars(select(who_can_be_told(union.action, now).c.phone_index)))
    for number in numbers:
        assert (blind_index("phone", number) in reached) is (may_text(number) is None), number
    assert counted(recipients_of(written(union.action), now)).cannot == {"opted_out": 2, "bad_number": 1}


def who_can_be_told(action: Action, now: datetime) -> Any:
    everybody = recipients_of(written(action), now).order_by(None).subquery()
    return select(everybody).where(everybody.c.cannot.is_(None)).subquery()
