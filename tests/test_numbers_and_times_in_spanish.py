"""Spanish as it is written here: Los Angeles, not Madrid."""

from datetime import UTC, datetime, timedelta

from flask import Flask
from flask_babel import format_decimal

from mobilize.languages import in_language, say_time, say_when

HERE = "America/Los_Angeles"
EVENING = datetime(2026, 3, 4, 3, 5, tzinfo=UTC)


def test_numbers_have_their_comma_and_an_evening_is_told_from_a_morning(app: Flask) -> None:
    with in_language("es"):
        text = format_decimal(2189), format_decimal(63.25, format="0.0"), say_time(EVENING, HERE)
    assert text == ("2,189", "63.2", "7:05\u202fp.m.")


def test_a_page_asked_for_in_spanish_is_written_so(app: Flask) -> None:
    with app.test_request_context("/?lang=es"):
        text = say_when(EVENING, EVENING + timedelta(minutes=45), HERE)
        assert text == "martes 3 de marzo, 7:05–\u20607:50\u202fp.m."
        assert format_decimal(2189) == "2,189"
