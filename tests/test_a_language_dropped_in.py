"""A union's own language: a catalogue is put into `mobilize/translations/`, and nothing else is changed.

The tree is copied, the file dropped in and compiled as `make setup` does, and the copy is asked.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from mobilize.languages import by_catalogue
from tests.new_language import new_catalogue, write

ROOT = Path(__file__).parents[1]
# What the union has translated so far. A number's word has two forms in Armenian, and three in Russian.
ARMENIAN = {
    "Skip to the content": "Անցնել բովանդակությանը",
    ("%(num)s place", "%(num)s places"): ("%(num)s վայր", "%(num)s վայրեր"),
}
RUSSIAN = {("%(num)s place", "%(num)s places"): ("%(num)s место", "%(num)s места", "%(num)s мест")}
# Run in the copy: a browser there, and what texts say and take.
ASKS = """
import json, sys
from datetime import UTC, datetime, timedelta
from flask_babel import format_decimal
from flask_migrate import upgrade
from mobilize import create_app
from mobilize.actions.time_ranges import day_line, hours_line
from mobilize.languages import in_language, ngettext, say_when
from mobilize.reminders.merge_fields import text_time
from mobilize.segments import measure
from mobilize.texts.templates import render

app = create_app()
start = datetime(2026, 12, 8, 15, tzinfo=UTC)
local = start.replace(hour=7)
answer = {}
with app.app_context():
    upgrade("mobilize/migrations")
browser = app.test_client()
answer["english"] = browser.get("/", headers={"Accept-Language": "en-US"}).text
answer["by_browser"] = browser.get("/", headers={"Accept-Language": "hy-AM,hy;q=0.9,en;q=0.5"}).text
browser.post("/language", data={"language": "hy", "next": "/"})
answer["kept"] = browser.get("/", headers={"Accept-Language": "es"}).text
browser.post("/language", data={"language": "xx", "next": "/"})
answer["still"] = browser.get("/", headers={"Accept-Language": "es"}).text
with app.app_context():
    with in_language("hy"):
        answer["when"] = say_when(start, start + timedelta(minutes=45), "America/Los_Angeles")
        answer["places"] = [ngettext("%(num)s place", "%(num)s places", n) for n in (1, 2)]
        answer["number"] = format_decimal(1234567)
    with in_language("ru"):
        answer["places"] += [ngettext("%(num)s place", "%(num)s places", n) for n in (1, 2, 5)]
    answer["paper"] = [day_line(local, "hy", year=True), hours_line(local, local.replace(hour=13), "hy")]
    answer["own"] = vars(measure("Local 9: Ժողով " + text_time(local, "hy") + " " + "ա" * 60))
    usual = [render("help", code, {}) for code in ("en", "hy")]
    answer["usual"] = usual[0] == usual[1] and measure(usual[1]).alphabet
json.dump(answer, sys.stdout)
"""


@pytest.fixture(scope="module")
def union(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service as a union has it, with an Armenian and a Russian catalogue beside the Spanish one."""
    tree = tmp_path_factory.mktemp("union")
    for name in ("mobilize", "templates", "config.py", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
        else:
            shutil.copy2(source, tree / name)
    drop_in(tree / "mobilize/translations", "hy", ARMENIAN)
    drop_in(tree / "mobilize/translations", "ru", RUSSIAN)
    return tree


def drop_in(folder: Path, language: str, translated: dict[str | tuple[str, str], Any]) -> None:
    """What `make words NEW=hy` begins, a little of it translated, and compiled."""
    with (ROOT / "mobilize/translations/es/LC_MESSAGES/messages.po").open("rb") as file:
        collected = read_po(file)
    catalogue = new_catalogue(language)
    for message in collected:
        if message.id:
            catalogue.add(message.id, translated.get(message.id, ""), flags=message.flags)
    write(catalogue, folder)
    compiles = [sys.executable, "-m", "babel.messages.frontend", "-q", "compile", "-d", str(folder)]
    subprocess.run(compiles, check=True)


@pytest.fixture(scope="module")
def answers(union: Path, base_environ: dict[str, str]) -> dict[str, object]:
    settings = {**base_environ, "DATABASE_URL": f"sqlite:///{union}/union.db"}
    environ = {**os.environ, **settings, "PYTHONPATH": str(union)}
    run = subprocess.run(
        [sys.executable, "-c", ASKS], cwd=union, env=environ, capture_output=True, text=True, timeout=200
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


def test_it_is_offered_chosen_by_the_browser_and_kept(answers: dict[str, str]) -> None:
    assert re.search(r'<button name="language" value="hy" lang="hy">Հայերեն</button>', answers["english"])
    for page in ("by_browser", "kept", "still"):
        assert '<html lang="hy">' in answers[page] and "Անցնել բովանդակությանը" in answers[page], page
    assert '<html lang="en">' in answers["english"] and "Անցնել բովանդակությանը" not in answers["english"]


def test_what_is_not_translated_yet_is_said_in_english(answers: dict[str, str]) -> None:
    assert "What we have about you" in answers["by_browser"]
    assert answers["usual"] == "GSM-7"


def test_days_times_numbers_and_plurals_are_as_it_writes_them(answers: dict[str, object]) -> None:
    assert answers["when"] == "8 դեկտեմբերի, երեքշաբթի, 07:00–\u206007:45"
    assert answers["paper"] == ["2026 թ. դեկտեմբերի 8, երեքշաբթի", "07:00–13:00"]
    assert answers["number"] == "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567"
    assert answers["places"] == ["1 վայր", "2 վայրեր", "1 место", "2 места", "5 мест"]


def test_a_text_in_it_takes_the_segments_of_its_letters(answers: dict[str, object]) -> None:
    assert answers["own"] == {"alphabet": "UCS-2", "units": 81, "segments": 2}


@pytest.mark.parametrize(
    ("folder", "code", "name", "day"),
    [
        ("ko", "ko", "한국어", "MMMM d일 EEEE"),
        ("fil", "tl", "Filipino", "EEEE, MMMM d"),  # rosters say Tagalog, tl
        ("ar", "ar", "العربية", "EEEE، d MMMM"),
    ],
)
def test_cldr_says_how_it_is_written(tmp_path: Path, folder: str, code: str, name: str, day: str) -> None:
    drop_in(tmp_path, folder, {})
    [(named, language)] = by_catalogue(tmp_path).items()
    assert (named, language.name, language.day, language.required) == (code, name, day, False)
    assert language.direction == ("rtl" if code == "ar" else "ltr")


@pytest.mark.parametrize(
    ("language", "forms"), [("hy", 2), ("fa", 2), ("ka", 2), ("ru", 3), ("ko", 1), ("fil", 2)]
)
def test_a_new_catalogue_has_as_many_plurals_as_cldr(tmp_path: Path, language: str, forms: int) -> None:
    with write(new_catalogue(language), tmp_path).open("rb") as file:
        assert read_po(file, locale=language).num_plurals == forms


@pytest.mark.parametrize(("folder", "says"), [("tl", "call this folder fil"), ("ilian", "no such language")])
def test_a_catalogue_that_would_not_be_found_is_said(tmp_path: Path, folder: str, says: str) -> None:
    (tmp_path / folder / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / folder / "LC_MESSAGES/messages.po").touch()
    with pytest.raises(ValueError, match=says):
        by_catalogue(tmp_path)
