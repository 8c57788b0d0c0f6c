"""Segments, the hours a text may leave, and the words themselves."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from mobilize.segments import fold, letters_outside_gsm, measure, segments
from mobilize.texts.models import TextClass
from mobilize.texts.receiving.reading.phrases import STOP_WORDS
from mobilize.texts.receiving.replies import plain_words
from mobilize.texts.sending import limits
from mobilize.texts.templates import (
    FOLDER,
    BadWording,
    render,
    template,
    wordings,
    written_languages,
)

LA, PHOENIX = "America/Los_Angeles", "America/Phoenix"


@pytest.mark.parametrize(
    ("body", "alphabet", "units", "count"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("éñü¿¡àèìòùÑÉ" * 13, "GSM-7", 156, 1),
        ("á" * 70, "UCS-2", 70, 1),
        ("á" * 71, "UCS-2", 71, 2),
        ("a" * 133 + "í", "UCS-2", 134, 2),
        ("a" * 134 + "í", "UCS-2", 135, 3),
        ("“quoted”", "UCS-2", 8, 1),
        ("{[~^|\\]}€", "GSM-7", 18, 1),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the € moves to the second segment whole
        ("👍" * 35, "UCS-2", 70, 1),
        ("👍" * 36, "UCS-2", 72, 2),
        ("👍" * 67, "UCS-2", 134, 3),  # 33 to a segment: a pair is not torn apart
        ("e\u0301", "UCS-2", 2, 1),
        ("`", "UCS-2", 1, 1),
        ("line\nfeed", "GSM-7", 9, 1),
        ("tab\t", "UCS-2", 4, 1),
    ],
)
def test_a_text_is_counted_as_the_carrier_counts(body: str, alphabet: str, units: int, count: int):
    length = measure(body)
    assert (length.alphabet, length.units, length.segments) == (alphabet, units, count)


def test_folding_keeps_the_words_and_what_gsm_has():
    assert fold("“Mañana a las 7”, dijo José Núñez — ¡sí!") == '"Mañana a las 7", dijo José Nuñez - ¡si!'
    assert fold("e\u0301") == "é"
    assert fold("👍") == "👍"
    assert letters_outside_gsm("así, aquí y allá 👍") == ["í", "á", "👍"]


@pytest.mark.parametrize(
    ("text_class", "hour", "open_"),
    [
        (TextClass.REQUESTED, 3, True),
        (TextClass.DUTY, 5, False),
        (TextClass.DUTY, 6, True),
        (TextClass.NOTICE, 7, False),
        (TextClass.NOTICE, 8, True),
        (TextClass.NOTICE, 20, True),
        (TextClass.NOTICE, 21, False),
        (TextClass.MEMBER, 8, False),
        (TextClass.MEMBER, 9, True),
        (TextClass.MEMBER, 19, True),
        (TextClass.MEMBER, 20, False),
    ],
)
def test_each_class_keeps_its_hours(app: Flask, text_class: TextClass, hour: int, open_: bool):
    moment = datetime(2026, 3, 3, tzinfo=UTC) + timedelta(hours=hour + 8)  # winter: UTC-8
    assert limits.is_open(text_class, LA, moment) is open_
    assert limits.is_open(text_class, LA, moment, urgent=True) is True


@pytest.mark.parametrize(
    ("day", "opens_utc", "closes_utc"),
    [
        (datetime(2026, 3, 7, 20, tzinfo=UTC), 17, 4),  # the day before clocks go forward
        (datetime(2026, 3, 8, 20, tzinfo=UTC), 16, 3),  # the day they go forward
        (datetime(2026, 11, 1, 20, tzinfo=UTC), 17, 4),  # the day they go back
    ],
)
def test_on_clock_change_days_the_hours_are_those_on_the_wall(
    app: Flask, day: datetime, opens_utc: int, closes_utc: int
):
    night = day.replace(hour=9)  # before 9:00 local
    assert limits.opens_at(TextClass.MEMBER, LA, night).hour == opens_utc
    assert limits.closes_at(TextClass.MEMBER, LA, day).hour == closes_utc
    assert limits.opens_at(TextClass.MEMBER, LA, day) == day


def test_the_hours_are_the_members_own(app: Flask):
    moment = datetime(2026, 7, 1, 15, 30, tzinfo=UTC)  # 8:30 in Los Angeles and in Phoenix
    assert not limits.is_open(TextClass.MEMBER, LA, moment)
    assert limits.is_open(TextClass.MEMBER, "America/Chicago", moment)
    assert limits.open_zones(TextClass.MEMBER, [LA, PHOENIX, "America/Chicago"], moment) == [
        "America/Chicago"
    ]


def test_after_closing_the_next_opening_is_tomorrows(app: Flask):
    evening = datetime(2026, 3, 8, 4, 30, tzinfo=UTC)  # 20:30 on the 7th; the night clocks go forward
    assert limits.opens_at(TextClass.MEMBER, LA, evening) == datetime(2026, 3, 8, 16, 0, tzinfo=UTC)


def test_the_carrier_may_hold_a_text_until_it_is_useless_or_its_window_shuts(app: Flask):
    evening = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)  # 19:00
    late = evening + timedelta(hours=12)
    assert limits.validity_s(TextClass.MEMBER, LA, late, evening, urgent=False) == 3600
    assert limits.validity_s(TextClass.REQUESTED, LA, late, evening, urgent=False) == 36_000
    soon = evening + timedelta(seconds=90)
    assert limits.validity_s(TextClass.MEMBER, LA, soon, evening, urgent=False) == 90
    assert limits.validity_s(TextClass.MEMBER, LA, evening, evening) == 1, "the carrier takes no less"


def test_an_urgent_text_has_no_window(app: Flask):
    night = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)  # 3:00
    assert limits.closes_at(TextClass.MEMBER, LA, night, urgent=True) is None
    assert limits.opens_at(TextClass.MEMBER, LA, night, urgent=True) == night
    evening = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)  # 19:00
    late = evening + timedelta(hours=2)
    assert limits.validity_s(TextClass.MEMBER, LA, late, evening, urgent=True) == 7200
    assert limits.validity_s(TextClass.MEMBER, LA, late, evening) == 3600, "not urgent unless it says so"


MERGE_FIELDS = {
    "action": "Piquete de la mañana",
    "day": "miércoles 3 de marzo",
    "time": "7:00 AM",
    "place": "Escuela Primaria Núñez",
    "link": "https://mobilize.example.org/m/ABCDEFGHJ",
    "page": "https://mobilize.example.org/events/01a20298-f6d0-7b5f-8b27-9073c536b2ac",
    "start": "10:58 AM",
    "end": "11:04 AM",
    "where": "la entrada de la calle Elm",
    "code": "48219305",
    "spaced": "4821 9305",
    "name": "María",
    "role": "representante",
    "count": "24",
    "choices": "1 Guadalupe, 2 Maximiliano, 3 todos",
    "present": "31",
    "eligible": "46",
    "body": "Cambio: entrada por la calle Elm.",
}


@pytest.mark.parametrize("wording", wordings())
@pytest.mark.parametrize("language", written_languages())
def test_every_wording_fits_two_segments_and_asks_for_no_carrier_keyword(
    app: Flask, wording: str, language: str
):
    body = render(wording, language, MERGE_FIELDS)
    assert segments(body) <= 2, measure(body)
    asked_for = re.findall(r"(?:reply|text|responde|manda|answer) (\w+)", plain_words(body))
    assert not {"yes", "cancel", "end", "quit"} & set(asked_for)
    assert plain_words(body) not in STOP_WORDS


def test_each_wording_is_there_in_each_language_with_the_same_blanks(app: Flask):
    names = {path.name for path in FOLDER.glob("*.txt")}
    assert {"en", "es"} <= set(written_languages())
    assert names == {
        f"{wording}.{language}.txt" for wording in wordings() for language in written_languages()
    }
    from_settings = {"host", "union", "help"}
    for wording in wordings():
        words = [template(wording, language) for language in written_languages()]
        used = [set(re.findall(r"{(\w+)}", text)) - from_settings for text in words]
        assert all(merge_fields == used[0] for merge_fields in used), wording


def test_accents_are_dropped_only_where_they_would_cost_a_third_segment(app: Flask):
    short = render("as_written", "es", {"body": "Mañana aquí."})
    long = render("as_written", "es", {"body": "Mañana aquí. " * 15})
    assert short == "Mañana aquí."
    assert "aquí" not in long and "Mañana aqui." in long


def test_an_hour_at_the_end_of_a_sentence_brings_its_own_full_stop(app: Flask):
    assert render("as_written", "es", {"body": "Nos vemos a las 4:30 p.m.. Trae agua..."}).endswith(
        "4:30 p.m. Trae agua..."
    )


def test_a_missing_wording_or_blank_is_named(app: Flask):
    with pytest.raises(BadWording, match="no wording"):
        render("nonsense", "en", {})
    with pytest.raises(BadWording, match="link"):
        render("reminder_day_before", "en", {k: v for k, v in MERGE_FIELDS.items() if k != "link"})
