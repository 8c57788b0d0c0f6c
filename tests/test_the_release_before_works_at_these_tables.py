"""While an upgrade rolls out, and after going back, the release before runs at the tables of this one. It
checks a member in, every task of its workers runs, and this release sees what was stored."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from mobilize.checkins.models import Evidence
from mobilize.database import db
from tests.drawn import part

# Seven programs start one after the other, each of which loads the application.
pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parents[1]
SITES = """cds_code,name,street,city,zip,lat,lon,area,represented
19647330000001,Lincoln Elementary,1 Elm St,Los Angeles,90001,34.01,-118.21,North,1
"""
ROSTER = """Employee No,Last Name,First Name,Cell Phone,Language,CDS Code,Member Status
00000001,Ortiz,Carmen,213-555-0101,English,19647330000001,Active
"""
MORNING = """
import json, re, sys
from datetime import timedelta
from sqlalchemy import select
from mobilize import clock, config, create_app
from mobilize.actions.models import Event
from mobilize.database import db
from workers.app import app as celery, flask_app
from workers.timetable import TIMETABLE

web = create_app(config.load())
celery.loader.import_default_modules()
with web.app_context():
    code = db.session.scalars(select(Event.code)).one()
client = web.test_client()
page = client.get(f"/c/{code}")
token = re.search(r'name="token"[^>]*value="([^"]*)"', page.text)[1]
answer = client.post(f"/c/{code}", data={"token": token, "typed": "2135550101"})
failed = {}
for task in sorted({entry.task for entry in TIMETABLE}):
    try:
        with flask_app.app_context():
            celery.tasks[task].run()
    except Exception as problem:
        failed[task] = f"{type(problem).__name__}: {problem}"[:300]
print(json.dumps({"page": page.status_code, "answer": answer.status_code, "failed": failed}))
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the newest tag; before there is one, the first code that anybody was allowed to run."""
    tag = _git("describe", "--tags", "--abbrev=0", "--match", "v*")
    commit = (
        tag or _git("log", "--reverse", "--diff-filter=A", "--format=%H", "--", "LICENSE").partition("\n")[0]
    )
    if not commit:
        pytest.skip("the release before is read from the history, and this is no clone with one")
    folder = tmp_path_factory.mktemp("before")
    command = ["git", "archive", commit]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.mark.parametrize("database", part(["pg_app", "sqlite_app"], 1))
def test_the_release_before_checks_in_and_works_at_these_tables(
    request: pytest.FixtureRequest, database: str, before: Path, tmp_path: Path, base_environ: dict[str, str]
) -> None:
    request.getfixturevalue(database)
    url = db.engine.url.render_as_string(hide_password=False).replace("postgresql+psycopg", "postgresql")
    # It is about noon where this union is, whenever this runs.
    now = datetime.now(UTC)
    zone = f"Etc/GMT{now.hour - 12:+d}"
    environ = {**os.environ, **base_environ, "UNION_TIMEZONE": zone, "DATABASE_URL": url}
    starts, ends = (
        (now + timedelta(minutes=n)).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M") for n in (-5, 55)
    )
    (tmp_path / "sites.csv").write_text(SITES)
    (tmp_path / "roster.csv").write_text(ROSTER)
    for command in (
        ("sites", "import", str(tmp_path / "sites.csv"), "--commit"),
        ("roster", "import", str(tmp_path / "roster.csv"), "--commit"),
        ("actions", "create", "--name", "Picket", "--name-es", "Piquete", "--kind", "picket",
         "--starts", starts, "--ends", ends, "--at", "every-site"),
    ):  # fmt: skip
        _run(before, environ, "-m", "flask", "--app", "wsgi", *command)
    done = json.loads(_run(before, environ, "-c", MORNING).splitlines()[-1])
    assert done == {"page": 200, "answer": 200, "failed": {}}
    assert len(db.session.scalars(select(Evidence)).all()) == 1


def _run(folder: Path, environ: Mapping[str, str], *argv: str) -> str:
    ended = subprocess.run(
        [sys.executable, *argv],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


def _git(*argv: str) -> str:
    return subprocess.run(["git", *argv], cwd=ROOT, capture_output=True, text=True).stdout.strip()
