"""The operator at a shell: a dry run unless told otherwise, JSON for machines, one line when it cannot."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from mobilize.database import db
from mobilize.roster.models import Member, Site, StagedMember
from tests.roster.files import member, roster, site_list


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=list(words))


def count(kind: type) -> int:
    return db.session.scalar(select(func.count()).select_from(kind)) or 0


@pytest.fixture
def files(app: Flask, tmp_path: Path) -> Path:
    (tmp_path / "sites.csv").write_bytes(site_list())
    (tmp_path / "roster.csv").write_bytes(roster(member("1"), member("2", first="Nate"), member("")))
    (tmp_path / "ruined.csv").write_bytes(b"CDSCode,School\r\n1.96473E+13,Maple\r\n")
    return tmp_path


def test_a_dry_run_changes_nothing_and_leaves_nothing_behind(app: Flask, files: Path) -> None:
    result = run(app, "sites", "import", str(files / "sites.csv"))
    assert result.exit_code == 0 and "Dry run" in result.output and count(Site) == 0
    run(app, "sites", "import", str(files / "sites.csv"), "--commit")
    result = run(app, "roster", "import", str(files / "roster.csv"))
    assert "line 4: has no member number" in result.output
    assert count(Member) == 0 and count(StagedMember) == 0


def test_json_has_the_keys_of_the_contract(app: Flask, files: Path) -> None:
    run(app, "sites", "import", str(files / "sites.csv"), "--commit")
    output = json.loads(run(app, "roster", "import", str(files / "roster.csv"), "--commit", "--json").output)
    assert (
        output["records_after_header"],
        output["imported"],
        output["rejected"]["missing_employee_no"],
    ) == (
        3,
        2,
        1,
    )
    assert {"merged", "skipped", "warnings", "members", "rejected_records", "sha256"} <= output.keys()
    assert output["import"]["committed"] and count(Member) == 2
    again = json.loads(run(app, "roster", "import", str(files / "roster.csv"), "--commit", "--json").output)
    assert again["import"]["again"] and again["imported"] == 2


@pytest.mark.parametrize(
    ("kind", "file"), [("sites", "ruined.csv"), ("sites", "none.csv"), ("roster", "roster.csv")]
)
def test_what_cannot_be_read_is_one_line_and_exit_code_1(
    app: Flask, files: Path, kind: str, file: str
) -> None:
    result = run(app, kind, "import", str(files / file), "--commit")
    assert result.exit_code == 1 and len(result.output.strip().splitlines()) == 1
    assert "Traceback" not in result.output
