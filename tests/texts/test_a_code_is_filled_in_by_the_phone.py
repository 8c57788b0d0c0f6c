"""The text of a code: four and four to read, a last line for the phone, and never more than one segment."""

import dataclasses
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

import config
from mobilize.segments import measure
from mobilize.texts.templates import render, union_that_fits

CODE = {"code": "00000000", "spaced": "0000 0000"}
# As long as it may be: config refuses a longer one.
LONGEST = f"https://{'m' * (config.LONGEST_HOST - 4)}.org"
NAMES = [
    "Test Local 100",
    "Unión de Maestras, Maestros y Personal Escolar de la Ciudad de Los Ángeles, Local 1021",
    "Educators" * 20,
    "教師 Union",
    "{Brackets} [of] ~one~ ^local^ | of € and \\ signs, each of which counts as two",
]


@pytest.mark.parametrize("wording", ["sign_in_code", "member_code"])
@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_one_plain_segment_whatever_the_union_and_its_address_are_called(
    sqlite_app: Flask, wording: str, language: str, name: str
) -> None:
    sqlite_app.config["MOBILIZE"] = dataclasses.replace(
        sqlite_app.config["MOBILIZE"], union_name=name, public_base_url=LONGEST
    )
    union = union_that_fits(wording, language, CODE)
    body = render(wording, language, {**CODE, "union": union})
    length = measure(body)
    assert (length.alphabet, length.segments) == ("GSM-7", 1), body
    assert len(union.strip()) >= 5, "there is room for a name"
    assert body.startswith("0000 0000 ")
    # https://wicg.github.io/sms-one-time-codes/: the last line, "@", the host, a space, "#", the code.
    assert body.rpartition("\n")[2] == f"@{LONGEST.removeprefix('https://')} #00000000"


def test_a_short_name_stands_whole(sqlite_app: Flask) -> None:
    for wording in ("sign_in_code", "member_code"):
        for language in ("en", "es"):
            assert union_that_fits(wording, language, CODE) == "Test Local 100"


@pytest.mark.parametrize("start", ["/sign-in", "/me"])
@pytest.mark.parametrize(("language", "label"), [("en", "8 digits"), ("es", "8 dígitos")])
def test_the_page_takes_the_code_from_the_phone(
    client: FlaskClient, start: str, language: str, label: str
) -> None:
    client.set_cookie("language", language, domain="localhost")
    page = client.get(f"{start}/code").text
    field = re.search(r'<input id="code"[^>]*>', page)
    assert field and label in page and "1234 5678" in page
    for attribute in ('inputmode="numeric"', 'autocomplete="one-time-code"', "required"):
        assert attribute in field[0]
    longest = re.search(r'maxlength="(\d+)"', field[0])
    assert longest and int(longest[1]) > len(" 1234 - 5678 ")
