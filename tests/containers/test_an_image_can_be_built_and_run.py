"""The Dockerfile and compose.yaml, without an engine: its steps are walked, and what comes out is started as
the image would start it. With WALK_REGISTRY=1 (`make containers`) packages come from the registry as well.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

import config
from mobilize import clock
from mobilize.accounts.security.protections import BEAT
from mobilize.database import locks
from mobilize.home import guides
from tests.containers.walking import ROOT, Stage, Walk, sent_to_the_engine, steps
from tests.services import free_port
from tests.services.processes import answers

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    folder = tmp_path_factory.mktemp("image")
    venv = None if os.environ.get("WALK_REGISTRY") else Path(sys.prefix)
    return Walk(folder, venv=venv)


@pytest.fixture
def settings_file(tmp_path: Path) -> dict[str, str]:
    """What settings.sh makes for a new installation."""
    environ = {"PATH": os.environ["PATH"], "ENV_FILE": str(tmp_path / ".env")}
    command = ["sh", str(ROOT / "deploy/containers/settings.sh"), "mobilize.example.org", "Local 100"]
    subprocess.run(command, env=environ, check=True, capture_output=True)
    assert subprocess.run(command, env=environ, capture_output=True).returncode == 1, "a second time it stays"
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    lines = (tmp_path / ".env").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value.strip("'") for name, _, value in pairs}


def test_no_secret_no_test_and_no_database_goes_into_an_image(walked: Walk) -> None:
    assert not [path for path in sent_to_the_engine() if path.parts[0] in {"tests", "bench", "var"}]
    docs = {path for path in sent_to_the_engine() if path.parts[0] == "docs"}
    manuals = {Path(f"docs/{name}.md") for name in guides.MANUALS}
    manuals |= {Path("docs", file) for file in guides.SERVED if file.startswith("examples/")}
    assert {path for path in docs if path.parent != Path("docs/guides")} == manuals
    assert walked.image.inside("docs/guides/captain.en.md").exists()
    inside = {path.name for path in walked.image.inside("").iterdir()}
    assert inside >= {"config.py", "wsgi.py", "mobilize", "workers", "templates", "deploy", ".venv"}
    assert not inside & {"tests", ".env", ".git", "var", "node_modules"}
    assert walked.image.inside("mobilize/translations/es/LC_MESSAGES/messages.mo").exists()


def test_it_runs_as_nobody_special_and_only_one_step_needs_the_system(walked: Walk) -> None:
    assert walked.image.user == "10001:10001"
    [system] = walked.left_out
    assert "--uid 10001" in system and "postgresql-client-17" in system
    assert [name for name, _ in steps(ROOT / "Dockerfile")].count("FROM") == 2


def test_the_web_starts_read_only_and_its_health_check_sees_it(
    walked: Walk, environ: Mapping[str, str]
) -> None:
    port = free_port()
    own = {**_environ(walked.image, environ), "PORT": str(port), "HOST": "127.0.0.1", "WEB_PROCESSES": "1"}
    health = _argv(walked.image, walked.image.health)
    with _started(walked.image, walked.image.command, own):
        deadline = time.monotonic() + 60
        while not answers(f"http://127.0.0.1:{port}/healthz"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert subprocess.run(health, env=own, cwd=walked.image.inside("")).returncode == 0
        assert answers(f"http://127.0.0.1:{port}/static/css/mobilize.css")
    assert subprocess.run(health, env=own, cwd=walked.image.inside("")).returncode == 1


def test_the_health_of_workers_is_that_of_their_clock(walked: Walk, environ: Mapping[str, str]) -> None:
    own = _environ(walked.image, environ)
    command = _argv(walked.image, ["python", "deploy/containers/health.py", "worker"])
    assert subprocess.run(command, env=own, cwd=walked.image.inside("")).returncode == 1
    locks.record_run(BEAT, now=clock.now())
    assert subprocess.run(command, env=own, cwd=walked.image.inside("")).returncode == 0


def test_commands_run_in_it(walked: Walk, environ: Mapping[str, str]) -> None:
    command = _argv(walked.image, ["flask", "audit", "verify"])
    own = _environ(walked.image, environ)
    done = subprocess.run(command, env=own, cwd=walked.image.inside(""), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_new_installation_has_settings_that_are_good(settings_file: dict[str, str]) -> None:
    settings = config.load(settings_file)
    assert settings.is_production and settings.public_base_url == "https://mobilize.example.org"
    assert settings.union_name == "Local 100" and settings.carriers_set_up == ()
    assert settings_file["POSTGRES_PASSWORD"] in settings.database_url


@pytest.mark.parametrize(
    "typed", ["Teachers' Union", 'Local "100"', "$HOME ${HOME}", "`id` $(id)", "#1  of two", "a & b; c | d"]
)
def test_the_name_of_the_union_reaches_the_service_as_it_was_typed(tmp_path: Path, typed: str) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "ENV_FILE": str(tmp_path / ".env")}
    command = ["sh", str(ROOT / "deploy/containers/settings.sh"), "mobilize.example.org", typed]
    subprocess.run(command, env=environ, check=True, capture_output=True)
    assert config.load(_as_compose_reads((tmp_path / ".env").read_text())).union_name == typed


def _as_compose_reads(text: str) -> dict[str, str]:
    r"""As Docker's compose-go reads what is in single quotes or in none. Quoted, \' is an apostrophe and
    nothing is expanded; else nothing may be in it that could be."""
    settings = {}
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        name, _, value = line.partition("=")
        if quoted := re.fullmatch(r"'((?:[^'\\]|\\.)*)'", value):
            value = quoted[1].replace(r"\'", "'")
        else:
            assert not set(value) & set("$#'\"` "), line
        settings[name] = value
    return settings


@contextmanager
def _started(image: Stage, command: list[str], environ: Mapping[str, str]) -> Iterator[None]:
    """A process of the image, which leaves its folder as it was: there it is read only."""
    before = _state_of(image)
    process = subprocess.Popen(_argv(image, command), env=environ, cwd=image.inside(""))
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)
    assert _state_of(image) == before


def _state_of(image: Stage) -> dict[str, float]:
    files = (path for path in image.folder.rglob("*") if ".venv" not in path.parts)
    return {str(path): path.lstat().st_mtime for path in files}


def _environ(image: Stage, environ: Mapping[str, str]) -> dict[str, str]:
    own = {name: value.replace("$PATH", os.environ["PATH"]) for name, value in image.environ.items()}
    return {**environ, **own}


def _argv(image: Stage, command: list[str]) -> list[str]:
    return [str(image.inside(".venv/bin") / command[0]), *command[1:]]
