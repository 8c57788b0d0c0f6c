"""A text in an organizer's own words: what it shows before it is confirmed, and each phone gets it once."""

import dataclasses
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE, Scope
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.approvals.operations import ApprovalKind, ApprovalRule, approve, open_approval
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Event
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import Translated
from mobilize.reminders.broadcasts.chapter_texts import write_to_chapter
from mobilize.reminders.broadcasts.estimates import estimate_broadcast
from mobilize.reminders.broadcasts.operations import (
    ask_second_person,
    confirm_broadcast,
    queue_broadcasts,
)
from mobilize.reminders.models import Audience, Broadcast
from mobilize.roster.models import PhoneKind
from mobilize.texts.models import TextClass
from mobilize.texts.operations import opt_out
from mobilize.texts.sending.spending import limit_cents
from tests.builders import make_action, make_area, make_event, make_member, make_person, make_site
from tests.reminders.broadcasts import WORDS, an_action, enter, sent, written
from tests.reminders.conftest import CARMEN, MIA, NATE, OLGA, phones, waiting, words


def test_each_reads_it_in_their_language_with_their_place(app: Flask) -> None:
    assert sent(written(an_action())) == 2
    english, spanish = waiting("as_written")
    assert words(english) == "Test Local 100: bring a coat to Elm Street School."
    assert words(spanish) == "Test Local 100: trae abrigo a Elm Street School."
    assert english.text_class is TextClass.MEMBER


def test_confirming_and_queueing_twice_texts_each_once(app: Flask) -> None:
    broadcast = written(an_action())
    assert [sent(broadcast) for _again in range(3)] == [2, 0, 0]
    assert len(waiting("as_written")) == 2


def test_a_worker_killed_between_two_pages_begins_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from mobilize.reminders.broadcasts import operations as broadcasts

    monkeypatch.setattr(broadcasts, "MEMBERS_AT_ONCE", 1)
    broadcast = written(an_action())
    pages = [broadcasts._page]

    def dies(*args: object) -> object:
        return pages.pop()(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as once:
        once.setattr(broadcasts, "_page", dies)
        with pytest.raises(IndexError):
            sent(broadcast)
    assert len(waiting("as_written")) == 1
    queue_broadcasts(clock.now())
    assert phones("as_written") == [MIA, NATE]


def test_the_size_says_who_cannot_be_told(app: Flask) -> None:
    action = an_action()
    site = action.events[0].site
    make_member(site=site, phone=CARMEN, phone_kind=PhoneKind.LANDLINE)
    make_member(site=site, phone=OLGA)
    opt_out(OLGA, source="reply", now=clock.now())
    size = estimate_broadcast(written(action), clock.now())
    assert (size.phones, size.segments, size.cannot) == (2, 2, {"no_mobile": 1, "opted_out": 1})
    assert size.cost_cents == 3
    assert sent(written(action)) == 2


def test_an_urgent_one_goes_only_to_those_who_agreed(app: Flask) -> None:
    action = an_action()
    make_member(site=action.events[0].site, phone=CARMEN, urgent_ok_at=clock.now())
    broadcast = written(action, urgent_reason="Gas leak")
    assert estimate_broadcast(broadcast, clock.now()).cannot == {"not_urgent": 2}
    sent(broadcast)
    assert [(text.to, text.urgent) for text in waiting("as_written")] == [(CARMEN, True)]


def test_chairs_are_asked_by_role_and_not_urgently(app: Flask) -> None:
    action = an_action()
    make_person(phone=CARMEN, role=RoleName.CHAIR, site=action.events[0].site)
    make_person("Nora Vale", phone=OLGA, role=RoleName.CHAIR, site=make_site())
    sent(written(action, audience=Audience.CHAIRS))
    assert [(text.to, text.text_class) for text in waiting("as_written")] == [(CARMEN, TextClass.DUTY)]
    with pytest.raises(Refused) as refusal:
        written(action, audience=Audience.CHAIRS, urgent_reason="Rain")
    assert refusal.value.code == "bad_audience"


def test_a_drill_goes_to_staff_and_says_so(app: Flask) -> None:
    area = make_area()
    action = an_action(area, drill=True)
    make_person("Olga Reed", phone=OLGA, role=RoleName.ORGANIZER, area=area)
    make_person("Otto Lind", phone=CARMEN, role=RoleName.ORGANIZER, area=make_area())
    sent(written(action))
    assert phones("as_written") == [OLGA]
    assert words(waiting("as_written")[0]).startswith("DRILL. Test Local 100")


@pytest.mark.parametrize(
    ("en", "es", "code"),
    [
        ("", "Hola", "no_words"),
        ("Hello {name}", "Hola", "unknown_blank"),
        ("Hello {place:>9}", "Hola", "unknown_blank"),
        ("Hello {}", "Hola", "unknown_blank"),
        ("Hello", "Hola }", "bad_braces"),
        ("Hello {place.code}", "Hola", "unknown_blank"),
    ],
)
def test_what_cannot_be_filled_is_refused(app: Flask, en: str, es: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        written(an_action(), Translated(en=en, es=es))
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("es", "message"),
    [
        ("{union}: " + "acción " * 14, "takes 2 segments instead of 1"),
        ("{union}: STOP, " + "acción " * 19, "goes out without some accents"),
        ("{union}: mira bit.ly/x1", "short links like bit.ly"),
        ("{union}: contesta YES si vienes", "the answer YES"),
        ("Hola", "does not say who is texting"),
    ],
)
def test_it_warns(app: Flask, es: str, message: str) -> None:
    estimated = estimate_broadcast(
        written(an_action(), Translated(en="{union}: hello. Reply STOP to end.", es=es)), clock.now()
    )
    assert [warning for warning in estimated.warnings if message in warning]
    assert len(estimated.warnings) == 1


def test_more_than_two_segments_want_a_word_of_their_own(app: Flask) -> None:
    broadcast = written(an_action(), Translated(en="{union}: " + "word " * 80, es="{union}: hola"))
    with pytest.raises(Refused) as refusal:
        sent(broadcast)
    assert refusal.value.code == "too_long"
    assert sent(broadcast, long_ok=True) == 2


def test_confirming_raises_the_hourly_limit_by_its_cost(app: Flask) -> None:
    before, broadcast = limit_cents(clock.now()), written(an_action())
    sent(broadcast)
    assert limit_cents(clock.now()) == before + 3


TYPED = {"text_en": WORDS["en"], "text_es": WORDS["es"], "audience": "members"}


def test_on_the_page_it_is_written_looked_at_tried_and_sent(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client)
    looked = client.post(f"/actions/{action.id}/texts/new", data=TYPED)
    assert looked.status_code == 303
    page = client.get(looked.location).text
    for part in ("bring a coat to Elm Street School", "trae abrigo", "Segments to pay for", "$0.03"):
        assert part in page
    assert client.post(looked.location + "/test").status_code == 303
    assert phones("as_written") == [OLGA]
    assert client.post(looked.location + "/send").status_code == 303
    assert queue_broadcasts(clock.now()) == 2
    assert "Confirmed" in client.get(looked.location).text


def test_accents_are_dropped_on_request_and_bad_blanks_keep_what_was_typed(
    app: Flask, client: FlaskClient
) -> None:
    action = an_action()
    enter(client)
    address = f"/actions/{action.id}/texts/new"
    plain = client.post(address, data={**TYPED, "text_es": "mañana habrá acción", "do": "fold"})
    assert "mañana habra accion" in plain.text
    wrong = client.post(address, data={**TYPED, "text_en": "Dear {name}"})
    assert wrong.status_code == 422
    assert "Dear {name}" in wrong.text
    assert client.post(address, data={"audience": "members"}).status_code == 422


def test_above_the_limit_a_second_person_agrees_first(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(approvals.RULES, ApprovalKind.BROADCAST, ApprovalRule(from_people=2))
    action = an_action()
    enter(client)
    other = make_person("Ada Stone", role=RoleName.ADMIN)
    preview = client.post(f"/actions/{action.id}/texts/new", data=TYPED).location
    client.post(preview + "/send")
    broadcast = db.session.scalars(select(Broadcast)).one()
    assert queue_broadcasts(clock.now()) == 0
    approval = open_approval(ApprovalKind.BROADCAST, str(broadcast.id), now=clock.now())
    assert approval is not None
    approve(approval.id, by=f"person:{other.id}", scope=THE_OFFICE, stepped_up=True, now=clock.now())
    client.post(preview + "/send")
    assert queue_broadcasts(clock.now()) == 2


def confirm(broadcast: Broadcast, scope: Scope = THE_OFFICE, *, at: datetime | None = None) -> str:
    """The result of pressing Send on the page."""
    who = {"scope": scope, "actor": broadcast.made_by, "now": at or clock.now()}
    try:
        confirm_broadcast(broadcast.id, long_ok=False, **who)  # type: ignore[arg-type]
    except Refused as refusal:
        return refusal.code
    return "sent"


@pytest.fixture
def from_five(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second person from five phones on; each text of these tests goes to two."""
    monkeypatch.setitem(approvals.RULES, ApprovalKind.BROADCAST, ApprovalRule(from_people=5))


def test_many_small_texts_ask_for_a_second_person_like_the_large_one_they_add_up_to(
    app: Flask, from_five: None
) -> None:
    olga, ada = (make_person(name, role=RoleName.ADMIN) for name in ("Olga Reed", "Ada Stone"))
    action, now = an_action(), clock.now()
    texts = [written(action, actor=f"person:{olga.id}", now=now) for _n in range(4)]
    assert [confirm(text) for text in texts[:3]] == ["sent", "sent", "second_person"]
    ask_second_person(texts[2], actor=f"person:{olga.id}", now=now)
    approval = open_approval(ApprovalKind.BROADCAST, str(texts[2].id), now=now)
    assert approval is not None
    approve(approval.id, by=f"person:{ada.id}", scope=THE_OFFICE, stepped_up=True, now=now)
    assert confirm(texts[2]) == "sent" and confirm(texts[3]) == "second_person", "one yes is one text"
    assert confirm(written(action, actor=f"person:{ada.id}", now=now)) == "sent", "another's are their own"
    assert confirm(texts[3], at=now + timedelta(days=7, hours=1)) == "sent", "after a week it starts anew"


def test_two_texts_confirmed_at_the_same_moment_are_added_up(app: Flask, from_five: None) -> None:
    olga = make_person("Olga Reed", role=RoleName.ADMIN)
    action = an_action()
    texts = [written(action, actor=f"person:{olga.id}") for _n in range(3)]
    assert confirm(texts[0]) == "sent"
    ids, both = [text.id for text in texts[1:]], threading.Barrier(2)
    db.session.rollback()

    def press(one: uuid.UUID) -> str:
        with app.app_context():
            text = db.session.get_one(Broadcast, one)
            both.wait()
            try:
                return confirm(text)
            finally:
                db.session.remove()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(press, ids)) == ["second_person", "sent"]


def test_a_chairs_texts_to_their_own_chapter_are_bounded_by_the_day_and_not_added_up(
    app: Flask, from_five: None
) -> None:
    action = an_action()
    event = db.session.scalars(select(Event).where(Event.action_id == action.id)).one()
    carmen = make_person("Carmen Ortiz", role=RoleName.CHAIR, site=event.site)
    here = Scope(roles=frozenset({RoleName.CHAIR}), sites=frozenset({event.site_id}))
    now = clock.now()
    messages = []
    for n in range(3):
        how = {"scope": here, "actor": f"person:{carmen.id}", "now": now + n * timedelta(hours=13)}
        text = write_to_chapter(event, event.site, "chair_reminder", "", **how)  # type: ignore[arg-type]
        messages.append(confirm(text, here, at=how["now"]))
    assert messages == ["sent", "sent", "sent"]


def test_the_page_says_with_how_many_it_is_added_up(app: Flask, client: FlaskClient, from_five: None) -> None:
    action = an_action()
    enter(client)
    for _n in range(2):
        preview = client.post(f"/actions/{action.id}/texts/new", data=TYPED).location
        client.post(preview + "/send")
    preview = client.post(f"/actions/{action.id}/texts/new", data=TYPED).location
    page = client.get(preview).text
    assert "With what you sent within a week these are 6 texts" in page and "Ask a second person" in page
    client.post(preview + "/send")
    assert "A second person has been asked" in client.get(preview).text


def test_an_organizers_text_stays_in_their_areas(app: Flask, client: FlaskClient) -> None:
    own = make_area()
    action = an_action(own)
    make_member(site=make_event(action=action).site, phone=CARMEN)
    enter(client, RoleName.ORGANIZER, area=own)
    preview = client.post(f"/actions/{action.id}/texts/new", data=TYPED).location
    client.post(preview + "/send")
    queue_broadcasts(clock.now())
    assert phones("as_written") == [MIA, NATE]
    office = written(action)
    assert client.get(f"/broadcasts/{office.id}").status_code == 404


def test_the_command_shows_the_size_and_queues_when_told_to(app: Flask) -> None:
    action = an_action()
    run = app.test_cli_runner().invoke
    args = ["texts", "broadcast", "--action", str(action.id), "--en", WORDS["en"], "--es", WORDS["es"]]
    args += ["--audience", "members", "--json"]
    summary = json.loads(run(args=args).output.splitlines()[-1])
    assert (summary["phones"], summary["confirmed"], summary["queued"]) == (2, False, 0)
    done = json.loads(run(args=[*args, "--confirm"]).output.splitlines()[-1])
    assert (done["confirmed"], done["queued"]) == (True, 2)
    wrong = run(args=["texts", "broadcast", "--action", "nothing", "--en", "a", "--es", "b"])
    assert wrong.exit_code == 1


def test_spending_stops_the_sender_until_a_person_looks(app: Flask) -> None:
    from mobilize.texts.queries import paused_senders
    from mobilize.texts.sending.pauses import add_sender
    from mobilize.texts.sending.spending import note_spent, resume_after_a_look, spent_today_cents

    now = clock.now()
    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], spending_limit_cents_an_hour=100.0)
    add_sender("main", now=now)
    for segments, stopped in ((90, False), (10, True)):
        with atomic() as session:
            note_spent(session, segments, now=now)
        assert bool(paused_senders()) is stopped
    assert spent_today_cents(now) == 110
    resume_after_a_look(by="shell", now=now)
    with atomic() as session:
        note_spent(session, 50, now=now)
    assert not paused_senders()


def test_who_reads_what_was_written_can_write_while_the_action_lasts(app: Flask, client: FlaskClient) -> None:
    enter(client)
    coming, over = an_action(), make_action()
    assert f"/actions/{coming.id}/texts/new" in client.get(f"/actions/{coming.id}/texts").text
    assert f"/actions/{over.id}/texts/new" not in client.get(f"/actions/{over.id}/texts").text
