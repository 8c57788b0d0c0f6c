"""The production server takes large bodies at the addresses whose views read a file, and at no others; and
what pages ask all morning stands in a line of its own."""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path

from flask import Flask


def test_every_view_that_reads_a_file_is_at_an_address_that_takes_one(sqlite_app: Flask) -> None:
    source = Path("wsgi.py").read_text()
    listed = re.search(r"^UPLOAD_PATHS = \((.*)\)$", source, re.M)
    assert listed
    paths = tuple(re.findall(r'"([^"]+)"', listed[1]))
    reading = {
        name
        for name, view in _views(sqlite_app).items()
        if re.search(r"request\.files|_uploaded\(\)", _source(view))
    }
    rules = [rule.rule for rule in sqlite_app.url_map.iter_rules() if rule.endpoint in reading]
    assert len(rules) >= 2
    assert [rule for rule in rules if not rule.startswith(paths)] == []
    assert [path for path in paths if not any(rule.startswith(path) for rule in rules)] == []


def test_a_photo_is_sent_to_the_address_that_takes_one(sqlite_app: Flask) -> None:
    listed = re.search(
        r'Upload\(\("([^"]+)",\), f"\{COOKIES\}line-", LARGEST_PHOTO', Path("wsgi.py").read_text()
    )
    assert listed
    rules = {rule.endpoint: rule.rule for rule in sqlite_app.url_map.iter_rules()}
    assert [name for name, rule in rules.items() if rule.startswith(listed[1])] == ["line.add"]


def test_what_pages_ask_by_themselves_takes_no_thread_of_people(sqlite_app: Flask) -> None:
    pattern = re.search(r'^POLLS = Polls\(\s*re.compile\(r"([^"]+)"\)', Path("wsgi.py").read_text(), re.M)
    assert pattern
    rules = {rule.endpoint: rule.rule for rule in sqlite_app.url_map.iter_rules()}
    for endpoint in ("line.state", "turnout.figures", "turnout.wall_figures", "jobs.job_state"):
        assert re.search(pattern[1], re.sub("<[^>]+>", "x", rules[endpoint])), endpoint


def _views(app: Flask) -> Mapping[str, object]:
    return app.view_functions


def _source(view: object) -> str:
    return inspect.getsource(inspect.unwrap(view))  # type: ignore[arg-type]
