"""The table of wordings in docs/texts.md: what each costs at its longest, in each language."""

import re
from pathlib import Path

import pytest
from flask import Flask

from mobilize.segments import letters_outside_gsm, measure
from mobilize.texts.templates import render, template, wordings, written_languages

DOCS = Path(__file__).parents[2] / "docs/texts.md"
# Of a long name and a long address, in letters that every phone's alphabet has.
LONGEST = {
    "union": "United Teachers Los Angeles",
    "host": "mobilize.local-1021.example.org",
    "help": "(213) 555-0100.",
    "place": "Roosevelt Senior High School, front gate",
    "link": "https://mobilize.local-1021.example.org/p/ABCDEFGHJ/ABCDEFGHJK",
    "page": "https://mobilize.local-1021.example.org/events/01a20298-f6d0-7b5f-8b27-9073c536b2ac",
    "where": "Mission Road and Elm Street",
    "code": "48219305",
    "spaced": "4821 9305",
    "name": "Maximiliano",
}
IN_LANGUAGE = {
    "en": {
        "action": "Picket for smaller classes",
        "day": "Wednesday, September 30",
        "time": "10:30 am",
        "start": "10:30 am",
        "end": "10:32 am",
        "count": "1245 (supporters: 120)",
        "choices": "1 Guadalupe, 2 Maximiliano, 3 Esperanza, 4 all of us",
        "body": "United Teachers Los Angeles: bring water. We meet at the front gate on Elm Street.",
    },
    "es": {
        "action": "Piquete por clases chicas",
        "day": "miércoles 30 de septiembre",
        "time": "10:30 a.m.",
        "start": "10:30 a.m.",
        "end": "10:32 a.m.",
        "count": "1245 (simpatizantes: 120)",
        "choices": "1 Guadalupe, 2 Maximiliano, 3 Esperanza, 4 todos",
        "body": "United Teachers Los Angeles: trae agua. Nos vemos en la entrada de la calle Elm.",
    },
}
# An answer to what somebody wrote a moment before, from the number they wrote to.
WITHIN_A_TALK = {"count_noted", "count_unclear", "count_unusual", "here_unknown"}
# What somebody writes names the union by the composer's own look at it; and a first text has another inside.
WRITTEN_BY_SOMEBODY, AROUND_ANOTHER = {"as_written"}, {"first_text"}


def cost(wording: str, language: str) -> tuple[int, int]:
    """Letters and segments."""
    measured = measure(render(wording, language, {**LONGEST, **IN_LANGUAGE[language]}))
    return measured.units, measured.segments


def row(wording: str) -> str:
    numbers = [number for language in ("en", "es") for number in cost(wording, language)]
    return f"| `{wording}` | {' | '.join(str(number) for number in numbers)} |"


def test_the_table_has_every_wording_and_what_it_costs(app: Flask) -> None:
    section = DOCS.read_text(encoding="utf-8").partition("## Every wording\n")[2].partition("\n## ")[0]
    listed = [line for line in section.splitlines() if line.startswith("| `")]
    assert listed == [row(wording) for wording in wordings()]


@pytest.mark.parametrize("language", written_languages())
@pytest.mark.parametrize("wording", wordings())
def test_no_letter_doubles_the_price_and_none_is_longer_than_two_segments(
    app: Flask, wording: str, language: str
) -> None:
    own = re.sub(r"{\w+}", "", template(wording, language))
    assert letters_outside_gsm(own) == []
    assert cost(wording, language)[1] <= 2


@pytest.mark.parametrize("language", written_languages())
@pytest.mark.parametrize(
    "wording", sorted(set(wordings()) - WITHIN_A_TALK - WRITTEN_BY_SOMEBODY - AROUND_ANOTHER)
)
def test_the_union_is_named_in_all_that_is_no_answer_within_a_talk(wording: str, language: str) -> None:
    assert "{union}" in template(wording, language)
