"""A release says its version once, whether anybody has to wait for it, and under which licence it is."""

import hashlib
import re
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

from flask import Flask

from mobilize.version import version

ROOT = Path(__file__).parents[1]
HEADING = re.compile(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", re.MULTILINE)
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (no|yes, [^|]+) \|", re.MULTILINE)
# Of https://www.gnu.org/licenses/agpl-3.0.txt
AGPL_3 = "0d96a4ff68ad6d4b6f1f30f713b18d5184912ba8dd389f86aa7710db079abcb0"


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_command_says_the_version_of_the_project(sqlite_app: Flask) -> None:
    output = sqlite_app.test_cli_runner().invoke(args=["version"]).output.strip()
    assert output == version() and re.fullmatch(r"\d+\.\d+\.\d+", output)


def test_each_release_says_whether_anybody_waits() -> None:
    rows = dict(ROW.findall(_read("docs/upgrading.md")))
    assert version() in rows, "the next release has its row before it is tagged"
    assert set(HEADING.findall(_read("CHANGELOG.md"))) <= set(rows)


def test_the_version_is_never_behind_the_newest_release() -> None:
    released = HEADING.findall(_read("CHANGELOG.md"))
    as_numbers = [tuple(map(int, one.split("."))) for one in [version(), *released]]
    assert as_numbers[0] == max(as_numbers) and as_numbers[1:] == sorted(as_numbers[1:], reverse=True)


def test_no_page_leads_to_a_release_that_is_not_there() -> None:
    tags = subprocess.run(["git", "tag"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in (
        "README.md",
        "docs/operating.md",
        "docs/upgrading.md",
        "docs/backup.md",
        "docs/containers.md",
    ):
        named = set(re.findall(r"git checkout (v\d[\w.]*)", _read(name)))
        assert named <= set(tags), name
    assert version() in HEADING.findall(_read("CHANGELOG.md")), "what is released is headed by its version"


def test_the_licence_is_the_affero_licence_word_for_word() -> None:
    project = tomllib.loads(_read("pyproject.toml"))["project"]
    assert project["license"] == "AGPL-3.0-or-later" and project["license-files"] == ["LICENSE"]
    assert hashlib.sha256(_read("LICENSE").encode()).hexdigest() == AGPL_3


def test_every_page_offers_the_source_once_its_address_is_set(own_app: Flask) -> None:
    assert "Source code" not in own_app.test_client().get("/").text
    address = "https://git.example.org/our-local/mobilize"
    own_app.config["MOBILIZE"] = replace(own_app.config["MOBILIZE"], source_url=address)
    assert f'<a href="{address}">Source code</a>' in own_app.test_client().get("/").text
