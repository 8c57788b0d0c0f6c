"""Ninety days after its last event nothing ties a person to an action, and no number has changed."""

import uuid
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import LineGrant
from mobilize.actions.models import Action, Eligible
from mobilize.audit import AuditRow
from mobilize.checkins.models import Attendance, Evidence, HeadCount, KnownPhone, Outcome, Void, Walkup
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import check_in_by_poster
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.languages import Translated
from mobilize.privacy.retention.forgetting import forget_action, forget_due
from mobilize.privacy.retention.legal_holds import place_hold, release_hold
from mobilize.reminders.broadcasts.operations import write_broadcast
from mobilize.reminders.models import Audience, BroadcastState, ReminderRule
from mobilize.texts.models import OutboxText
from tests.builders import START, make_action, make_campaign, make_event, make_site
from tests.privacy.morning import MIA, NATE, OPEN, Morning, day, tick_until, where_is

# Where a member may stand for ever: the roster itself.
ROSTER = {"members", "memberships", "status_spans"}


@pytest.fixture
def morning(app: Flask) -> Morning:
    return Morning().happen()


def mias_traces(morning: Morning) -> set[str]:
    phone, number = blind_index("phone", MIA), blind_index("number", morning.mia.number)
    return where_is(morning.mia.id, phone, number)


def test_every_number_is_the_same_on_day_0_31_91_and_400(morning: Morning) -> None:
    before = morning.numbers()
    assert before["fixed=False"][0].names.came == 4 and before["fixed=False"][0].line.hosted == 7
    for n in (0, 31, 91, 400):
        tick_until(n)
        assert morning.numbers() == before, n
    assert db.session.get_one(Action, morning.action.id).forgotten_at == day(91)


def test_on_day_90_everything_stands_and_on_day_91_nothing_ties_them_to_it(morning: Morning) -> None:
    assert {"attendance", "evidence", "eligible", "outbox", "replies"} <= mias_traces(morning)
    tick_until(31)
    assert {"attendance", "evidence", "eligible", "outbox", "replies"} <= mias_traces(morning)
    tick_until(91)
    assert mias_traces(morning) <= ROSTER | {"known_phones"}
    tick_until(400)
    assert mias_traces(morning) <= ROSTER


def test_what_a_forgotten_row_still_says(morning: Morning) -> None:
    tick_until(91)
    for row in db.session.scalars(select(Attendance)):
        assert row.member_id is None and row.forgotten_as is not None
        assert (row.first_at.minute, row.first_at.second) == (0, 0)
        assert row.id.int >> 80 == int(START.timestamp() * 1000), "the id told the minute"
    for row in db.session.scalars(select(Evidence)):
        assert (row.member_id, row.device_hmac, row.grant_id) == (None, None, None)
        assert row.recorded_at.minute == 0 and set(row.body_hash) == {0}
    assert db.session.scalars(select(Eligible.member_id)).unique().all() == [None]
    assert db.session.scalar(select(func.count()).select_from(Void)) == 1
    assert db.session.scalars(select(HeadCount.by)).all() == ["forgotten"]


def test_two_rows_of_one_member_stay_one_member(morning: Morning) -> None:
    rows = select(Attendance.id).where(Attendance.member_id == morning.mia.id)
    assert len(db.session.scalars(rows).all()) == 2
    tick_until(91)
    times = select(func.count()).select_from(Attendance).group_by(Attendance.forgotten_as)
    assert sorted(db.session.scalars(times)) == [1, 1, 1, 1, 1, 2]


def test_carmen_who_held_the_line_is_forgotten_too(morning: Morning) -> None:
    assert {"line_grants", "head_counts", "voids"} <= where_is(morning.carmen.id)
    tick_until(91)
    assert where_is(morning.carmen.id) <= {"people", "roles", "audit"}


def test_what_people_wrote_in_their_own_words_goes_too(morning: Morning) -> None:
    words = Translated(en="Call Mia Reyes", es="Llama a Mia Reyes")
    office = {"scope": THE_OFFICE, "actor": "shell", "now": OPEN}
    sent = write_broadcast(morning.action, words, Audience.MEMBERS, urgent_reason="Mia fell", **office)
    with atomic() as session:
        session.add(
            ReminderRule(action_id=morning.action.id, kind="early_call", wording="early_call", on=False)
        )
        session.flush()
        session.scalars(select(ReminderRule)).one().reason = "Mia fell"
        sent.state = BroadcastState.QUEUED
    tick_until(89)
    assert (label(), reasons(), sent.text.in_("en")) == ("Carmen", ["it was not her"], "Call Mia Reyes")
    tick_until(91)
    db.session.rollback()
    assert (label(), reasons()) == (None, [None])
    assert (sent.text, sent.urgent_reason) == (None, None)
    assert db.session.scalars(select(ReminderRule)).one().reason is None


def label() -> str | None:
    return db.session.scalars(select(LineGrant)).one().label  # type: ignore[no-any-return]


def reasons() -> list[str | None]:
    return [void.reason for void in db.session.scalars(select(Void))]


def test_no_text_of_the_action_keeps_number_or_words(morning: Morning) -> None:
    tick_until(91)
    for text in db.session.scalars(select(OutboxText)):
        assert (text.to, text.merge_fields, text.member_id) == ("", "{}", None)
        assert text.state != "waiting"
    assert "inbound" not in where_is(blind_index("phone", MIA)) and "questions" not in mias_traces(morning)


def test_a_walk_up_is_forgotten_after_14_days_and_stays_a_walk_up(morning: Morning) -> None:
    nate = blind_index("phone", NATE)
    tick_until(13)
    assert "walkups" in where_is(nate)
    tick_until(15)
    assert where_is(nate) == {"known_phones"}
    walkup = db.session.scalars(select(Walkup)).one()
    assert walkup.typed is None
    kept = select(func.count()).select_from(Evidence).where(Evidence.outcome == Outcome.WALKUP)
    assert db.session.scalar(kept) == 2


def test_a_known_phone_is_forgotten_180_days_after_it_was_last_used(morning: Morning) -> None:
    tick_until(179)
    assert db.session.scalar(select(func.count()).select_from(KnownPhone)) == 2
    tick_until(181)
    assert db.session.scalar(select(func.count()).select_from(KnownPhone)) == 0


def test_a_campaign_chooses_its_days_within_7_and_365(app: Flask) -> None:
    for chosen, earliest in ((30, 30), (1, 7), (2000, 365)):
        campaign = make_campaign(forget_after_days=chosen)
        action = make_action(campaign_id=campaign.id)
        make_event(action=action)
        assert forget_due(day(earliest - 1)) == 0
        assert forget_due(day(earliest)) == 1
        assert db.session.get_one(Action, action.id).forgotten_at is not None


def test_forgetting_twice_changes_nothing_more(morning: Morning) -> None:
    assert forget_due(day(91)) == 1
    rows = db.session.scalars(select(Attendance.id).order_by(Attendance.id)).all()
    assert forget_due(day(91)) == 0
    assert not forget_action(morning.action.id, by="shell", now=day(92))
    assert db.session.scalars(select(Attendance.id).order_by(Attendance.id)).all() == rows


def test_totals_are_fixed_before_anything_is_forgotten(app: Flask) -> None:
    """Workers were down for three months: nothing was ever closed."""
    morning = Morning()
    morning._check_ins()
    forget_due(day(91))
    whole = morning.numbers()["fixed=True"]
    assert whole[0].names.eligible == 6 and whole[0].names.came == 4


def test_what_was_cut_off_is_finished_by_the_next_tick(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mobilize.privacy.retention import forgetting

    before = morning.numbers()

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(forgetting, "_some_evidence", killed)
        forget_due(day(91))
    assert "evidence" in mias_traces(morning) and morning.numbers() == before
    forget_due(day(92))
    assert "evidence" not in mias_traces(morning) and morning.numbers() == before


def test_an_upload_nine_days_late_to_a_forgotten_action_is_kept_for_a_person_and_counts_nobody_twice(
    app: Flask,
) -> None:
    morning = Morning(campaign=make_campaign(forget_after_days=7)).happen()
    before = morning.numbers()
    forget_due(day(7))
    late = morning.tick(morning.mia, morning.at_lincoln, at=OPEN)
    assert late.outcome is Outcome.UNRESOLVED and morning.numbers() == before
    forget_due(day(8))
    assert "evidence" not in mias_traces(morning)


def test_the_same_upload_again_after_forgetting_is_known_again(app: Flask) -> None:
    morning = Morning(campaign=make_campaign(forget_after_days=7))
    nonce = uuid.uuid4().bytes
    morning.tick(morning.mia, morning.at_lincoln, nonce=nonce)
    forget_due(day(7))
    with pytest.raises(Refused) as refused:
        morning.tick(morning.mia, morning.at_lincoln, nonce=nonce)
    assert refused.value.code == "nonce_reused"


def test_an_action_that_is_not_over_cannot_be_forgotten(morning: Morning) -> None:
    for when in (START, OPEN + timedelta(hours=1)):
        with pytest.raises(Refused) as refused:
            forget_action(morning.action.id, by="shell", now=when)
        assert refused.value.code == "not_over"
    assert forget_action(morning.action.id, by="shell", now=day(1))


def test_a_hold_keeps_one_action_until_it_is_released(morning: Morning) -> None:
    other = make_action()
    make_event(action=other)
    hold = place_hold(morning.action.id, "Case 12, by counsel", by="person:x", now=day(1))
    assert place_hold(morning.action.id, " Case 12,  by counsel", by="person:x", now=day(2)).id == hold.id
    assert forget_due(day(400)) == 1
    assert db.session.get_one(Action, other.id).forgotten_at is not None
    assert {"attendance", "evidence", "walkups"} <= where_is(morning.mia.id, blind_index("phone", NATE)), (
        "a held action lost something"
    )
    with pytest.raises(Refused) as refused:
        forget_action(morning.action.id, by="shell", now=day(401))
    assert refused.value.code == "on_hold"
    release_hold(hold.id, by="person:x", now=day(401))
    release_hold(hold.id, by="person:x", now=day(402))
    assert forget_due(day(402)) == 1
    verbs = db.session.scalars(select(AuditRow.verb).where(AuditRow.verb.startswith("hold."))).all()
    assert sorted(verbs) == ["hold.place", "hold.release"]


def test_a_hold_on_one_action_keeps_its_walk_ins_and_no_others(morning: Morning) -> None:
    elsewhere = make_event(make_site())
    for event in (morning.at_lincoln, elsewhere):
        for phone in ("+12135550155", "+12135550156"):
            check_in_by_poster(event.id, read_typed(phone), page=phone, cookie=None, now=OPEN)
    place_hold(morning.action.id, "Case 12", by="person:x", now=day(1))
    for _twice in range(2):
        tick_until(15)
    db.session.rollback()
    kept = db.session.execute(select(Walkup.event_id, Walkup.typed_enc.is_not(None))).all()
    assert sorted(map(tuple, kept)) == sorted(
        [(morning.at_lincoln.id, True)] * 3 + [(elsewhere.id, False)] * 2
    )


def test_a_hold_on_everything_keeps_everything(morning: Morning) -> None:
    hold = place_hold(None, "Preserve all records", by="person:x", now=day(1))
    before = mias_traces(morning) | where_is(blind_index("phone", NATE))
    assert forget_due(day(400)) == 0
    assert mias_traces(morning) | where_is(blind_index("phone", NATE)) == before
    assert db.session.scalars(select(Walkup)).one().typed == NATE
    release_hold(hold.id, by="person:x", now=day(401))
    assert forget_due(day(401)) == 1


def test_a_hold_needs_its_reason_and_something_to_hold(morning: Morning) -> None:
    for action_id, reason, code in (
        (morning.action.id, "  ", "no_reason"),
        (uuid.uuid4(), "Case 12", "no_action"),
    ):
        with pytest.raises(Refused) as refused:
            place_hold(action_id, reason, by="person:x", now=day(1))
        assert refused.value.code == code
    forget_due(day(91))
    with pytest.raises(Refused) as refused:
        place_hold(morning.action.id, "Case 12", by="person:x", now=day(92))
    assert refused.value.code == "forgotten"
