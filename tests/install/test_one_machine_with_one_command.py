"""A volunteer installs Mobilize with one command: what can be seen without a machine of its own."""

import base64
import configparser
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

import config
from deploy.install import CannotInstall, answers, archiving, commands, release
from deploy.install.answers import Environment
from deploy.install.files import PLACES, SOURCES, connections
from deploy.machine.mobilize import read_line
from mobilize.database import engines
from mobilize.fast import autocommit
from mobilize.home.views import DRAINING

ROOT = Path(__file__).parents[2]
UNITS = sorted(SOURCES.glob("*.service"))
ANSWERS = {
    "PUBLIC_BASE_URL": "mobilize.example.org",
    "UNION_NAME": 'Teachers "United" $12 & Sons\' `Local`',
    "HELP_NUMBER": "213 555 0199",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "of the console",
    "TWILIO_MESSAGING_SERVICE_SID": "MG1",
    "TEXT_NUMBER": "+12135550150",
}


def _install(folder: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `make install` into a folder, with nobody to ask."""
    environ = {"PATH": os.environ["PATH"], **settings}
    command = [sys.executable, "-B", "-m", "deploy.install", "--destdir", str(folder), *options]
    return subprocess.run(
        command, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def with_pgbackrest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A PATH on which pgBackRest is found."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "pgbackrest").write_text("#!/bin/sh\n")
    (folder / "pgbackrest").chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def _settings(folder: Path) -> dict[str, str]:
    return Environment((folder / "etc/mobilize/environment").read_text()).values()


def test_a_second_run_changes_nothing_and_keeps_the_keys(tmp_path: Path) -> None:
    first = _install(tmp_path, **ANSWERS)
    assert first.returncode == 0, first.stderr
    files = [path for top in ("etc", "usr") for path in (tmp_path / top).rglob("*") if path.is_file()]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    again = _install(tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(before) > 10
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    assert "written    /etc" not in again.stdout


def test_what_was_answered_is_read_as_it_was_typed_by_systemd_and_by_a_shell(tmp_path: Path) -> None:
    assert _install(tmp_path, **ANSWERS).returncode == 0
    path = tmp_path / "etc/mobilize/environment"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    settings = _settings(tmp_path)
    assert settings["PUBLIC_BASE_URL"] == "https://mobilize.example.org"
    assert settings["UNION_NAME"] == ANSWERS["UNION_NAME"]
    script = f'set -a; . {path}; printf "%s" "$UNION_NAME"'
    assert (
        subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout == ANSWERS["UNION_NAME"]
    )
    loaded = config.load(settings)
    assert loaded.is_production and loaded.carriers_set_up == ("twilio",)


def test_what_somebody_wrote_by_hand_is_read_alike_and_nothing_in_it_is_run(tmp_path: Path) -> None:
    """A value with blanks and no quotes is good to systemd, and was a program to a shell."""
    runs = f"$(touch {tmp_path}/ran) `touch {tmp_path}/ran`"
    by_hand = {
        "HELP_NUMBER=213 555 0177": "213 555 0177",
        "UNION_NAME=Teachers' Union": "Teachers' Union",
        "UNION_NAME='Teachers \\ Union'  ": "Teachers \\ Union",
        'UNION_NAME="a \\"b\\" \\d"': 'a "b" \\d',
        f"UNION_NAME={runs}": runs,
        "# UNION_NAME=x": None,
        "nothing": None,
    }
    for line, value in by_hand.items():
        assert (read_line(line) or ("", None))[1] == value, line
    assert _install(tmp_path, **ANSWERS).returncode == 0
    path = tmp_path / "etc/mobilize/environment"
    for line, value in by_hand.items():
        if value is None:
            continue
        path.write_text(path.read_text() + line + "\n")
        assert _install(tmp_path).returncode == 0
        name = line.partition("=")[0]
        assert _settings(tmp_path)[name] == value
        script = f'set -eu; . {path}; printf "%s" "${name}"'
        assert subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout == value
        assert path.read_text().count(f"\n{name}=") == 1
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="the command is for root")
def test_the_command_gives_the_service_what_the_file_says(tmp_path: Path) -> None:
    """The wrapper as it is installed, with a file and a `setpriv` of this test."""
    (tmp_path / "environment").write_text("HELP_NUMBER=213 555 0177\nUNION_NAME=`touch ran`\n")
    program = (SOURCES / "mobilize.py").read_text()
    (tmp_path / "mobilize").write_text(
        program.replace("/etc/mobilize/environment", f"{tmp_path}/environment")
    )
    (tmp_path / "setpriv").write_text('#!/bin/sh\nprintf "%s|%s|%s" "$HELP_NUMBER" "$UNION_NAME" "$*"\n')
    for name in ("mobilize", "setpriv"):
        (tmp_path / name).chmod(0o755)
    environ = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "MOBILIZE_RELEASE": "/opt/mobilize/new"}
    command = [sys.executable, "-I", str(tmp_path / "mobilize"), "people", "link", "--phone", "213 555 0100"]
    ended = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True)
    number, name, typed = ended.stdout.split("|")
    assert (number, name) == ("213 555 0177", "`touch ran`"), ended.stderr
    assert "--euid=mobilize" in typed
    assert typed.endswith("/opt/mobilize/new/wsgi.py people link --phone 213 555 0100")
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="the command is for root")
def test_what_was_typed_reaches_the_service_through_file_and_command(tmp_path: Path) -> None:
    """Apostrophe, dollar, backtick, quotes, blanks, hash, backslash: the service reads what was answered."""
    typed = '  Teachers\' "United" $HOME `id` $(id) #1 \\ & Co; %h '
    assert (
        _install(tmp_path, **{**ANSWERS, "UNION_NAME": typed, "TWILIO_AUTH_TOKEN": typed.strip()}).returncode
        == 0
    )
    program = (tmp_path / "usr/local/sbin/mobilize").read_text()
    file = tmp_path / "etc/mobilize/environment"
    (tmp_path / "mobilize").write_text(program.replace("/etc/mobilize/environment", str(file)))
    tell_all = "import json, os; print(json.dumps(dict(os.environ)))"
    (tmp_path / "setpriv").write_text(f"#!/bin/sh\nexec {sys.executable} -c '{tell_all}'\n")
    (tmp_path / "setpriv").chmod(0o755)
    environ = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-I", str(tmp_path / "mobilize"), "doctor"]
    ended = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True)
    loaded = config.load(json.loads(ended.stdout))
    assert loaded.union_name == typed.strip(), ended.stderr
    assert loaded.twilio_auth_token == typed.strip()


def _make(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "DESTDIR": str(folder)}
    command = ["make", "--no-print-directory", "install", *overrides]
    return subprocess.run(
        command, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def test_what_is_said_behind_make_is_a_setting_or_refused(tmp_path: Path) -> None:
    assert _install(tmp_path, **ANSWERS, EMPLOYER_DOMAINS="lausd.net").returncode == 0
    before = (tmp_path / "etc/mobilize/environment").read_text()
    for override, sentence in (
        ("HELP_NUMER=5", "HELP_NUMER is no setting. Did you mean HELP_NUMBER?"),
        ("UNION_COLOR=#123456", "UNION_COLOR is no setting. Did you mean UNION_COLOUR?"),
        ("HELLO=1", "HELLO is no setting."),
        ("SECRET_KEYS=", "SECRET_KEYS is never taken off"),
        ("UNION_NAME=", "UNION_NAME is needed"),
    ):
        refused = _make(tmp_path, override)
        assert refused.returncode != 0 and sentence in refused.stderr, override
        assert (tmp_path / "etc/mobilize/environment").read_text() == before
    done = _make(
        tmp_path, "EMPLOYER_DOMAINS=", "HELP_NUMBER=", "TWILIO_AUTH_TOKEN=a$b c", "LOG_LEVEL=WARNING"
    )
    assert done.returncode == 0, done.stderr
    settings = _settings(tmp_path)
    assert "EMPLOYER_DOMAINS" not in settings and settings["HELP_NUMBER"] == ""
    assert (settings["TWILIO_AUTH_TOKEN"], settings["LOG_LEVEL"]) == ("a$b c", "WARNING"), "word for word"


def test_one_answer_is_changed_and_everything_else_stays(tmp_path: Path) -> None:
    assert _install(tmp_path, **ANSWERS).returncode == 0
    path = tmp_path / "etc/mobilize/environment"
    path.write_text(path.read_text() + "# ours\nSEGMENTS_PER_SECOND=75\n")
    before = _settings(tmp_path)
    assert _install(tmp_path, HELP_NUMBER="213 555 0100", LOG_LEVEL="WARNING").returncode == 0
    assert _settings(tmp_path) == before | {"HELP_NUMBER": "213 555 0100", "LOG_LEVEL": "WARNING"}
    assert "# ours\n" in path.read_text()


@pytest.mark.parametrize(
    ("answered", "sentence"),
    [
        ({}, "PUBLIC_BASE_URL is needed"),
        ({**ANSWERS, "UNION_NAME": ""}, "UNION_NAME is needed"),
        ({**ANSWERS, "PUBLIC_BASE_URL": "http://m.example.org"}, "PUBLIC_BASE_URL must start with https"),
        ({**ANSWERS, "PUBLIC_BASE_URL": "mobilize.example.org/here"}, "PUBLIC_BASE_URL must be an address"),
        ({**ANSWERS, "UNION_TIMEZONE": "Los Angeles"}, "UNION_TIMEZONE is 'Los Angeles'"),
        ({**ANSWERS, "CARRIERS": "pigeon"}, "CARRIERS must name"),
        ({**ANSWERS, "CARRIERS": "telnyx"}, "TELNYX_API_KEY is needed"),
        ({**ANSWERS, "UNION_NAME": "two\nlines"}, "UNION_NAME must be one line"),
        ({**ANSWERS, "UNION_COLOUR": "red"}, "UNION_COLOUR must look like"),
    ],
)  # fmt: skip
def test_a_bad_answer_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, answered: dict[str, str], sentence: str
) -> None:
    refused = _install(tmp_path, **answered)
    assert refused.returncode == 1 and refused.stderr.strip().startswith(sentence)
    assert "Traceback" not in refused.stderr and not list(tmp_path.iterdir())


def test_ten_questions_at_most_are_asked_whichever_the_carrier() -> None:
    for carrier in config.CARRIERS:
        questions = [question for question in answers.PROMPTS if question.carrier in ("", carrier)]
        assert len(questions) <= 10


def test_telnyx_is_asked_for_its_own_and_for_nothing_of_twilio(monkeypatch: pytest.MonkeyPatch) -> None:
    key = base64.b64encode(bytes(range(32))).decode()
    typed = iter(["mobilize.example.org/", "Local 12", "", "", "telnyx", "short", key, "+12135550150"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(typed))
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "KEY1")
    environment = Environment("")
    answers.settle(environment, {}, may_ask=True)
    assert next(typed, None) is None, "a bad key was asked for again"
    assert config.load(environment.values()).carriers_set_up == ("telnyx",)


def test_units_name_settings_and_programs_that_there_are() -> None:
    names = {*answers.settings_in(_Everything()), "PYTHONUTF8", "HOST", "PORT"}
    modules: list[str] = []
    for unit in UNITS:
        text = unit.read_text()
        parser = configparser.RawConfigParser(strict=False)
        parser.read_string(text)
        assert parser["Unit"]["Description"].startswith("Mobilize, ")
        named = re.findall(r"([A-Z_0-9]+)=", " ".join(re.findall(r"^Environment=(.*)$", text, re.MULTILINE)))
        assert set(named) <= names, unit.name
        modules += re.findall(r"-m ([\w.]+)", text)
    assert len(UNITS) > 3 and len(modules) > 1
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


class _Everything(dict[str, str]):
    def get(self, name: str, default: str | None = None) -> str:  # type: ignore[override]
        return "x"

    def __getitem__(self, name: str) -> str:
        return "x"


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd's own look at the units; make install has it"
)
def test_systemd_finds_the_units_hardened(tmp_path: Path, with_pgbackrest: dict[str, str]) -> None:
    units = tmp_path / "etc/systemd/system"
    assert _install(tmp_path, **ANSWERS, **with_pgbackrest).returncode == 0
    assert len(UNITS) > 3
    for unit in UNITS:
        name = unit.name.replace("@.", "@1.")
        command = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--root={tmp_path}", name]
        if "@" in name:
            (units / name).symlink_to(unit.name)
        output = subprocess.run(command, capture_output=True, text=True, timeout=60)
        exposure = re.search(r"Overall exposure level for .*: ([\d.]+)", output.stdout)
        assert exposure, output.stderr
        assert float(exposure[1]) < 2.5, name


def test_a_carrier_that_comes_later_is_taken_though_there_was_none(tmp_path: Path) -> None:
    first = {name: ANSWERS[name] for name in ("PUBLIC_BASE_URL", "UNION_NAME", "HELP_NUMBER")}
    assert _install(tmp_path, **first, CARRIERS="none").returncode == 0
    later = {name: value for name, value in ANSWERS.items() if name not in first}
    assert _install(tmp_path, **later).returncode == 0
    assert later.items() <= _settings(tmp_path).items()


def test_an_image_without_systemd_has_nothing_to_stop_and_is_no_surprise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not commands.succeeds("systemctl", "disable", "--now", "valkey-server")


def test_every_file_has_its_place_and_no_mark_is_left(
    tmp_path: Path, with_pgbackrest: dict[str, str]
) -> None:
    assert {path.name for path in SOURCES.iterdir() if path.is_file()} == {*PLACES, *archiving.PLACES}
    assert _install(tmp_path, **ANSWERS, **with_pgbackrest).returncode == 0
    for path in (tmp_path / "etc").rglob("*"):
        if path.is_file() and path.name != "environment":
            assert not re.search(r"@[A-Z_]+@", path.read_text()), path


def test_a_caddyfile_of_somebodys_own_keeps_its_sites_and_gets_them_back(tmp_path: Path) -> None:
    own = tmp_path / "etc/caddy/Caddyfile"
    own.parent.mkdir(parents=True)
    own.write_text("other.example.org {\n\trespond hello\n}\n")
    assert _install(tmp_path, **ANSWERS).returncode == 0
    assert own.read_text() == "import mobilize.caddyfile\nother.example.org {\n\trespond hello\n}\n"
    assert "mobilize.example.org {" in (own.parent / "mobilize.caddyfile").read_text()
    removed = _install(tmp_path, "--uninstall")
    assert removed.returncode == 0, removed.stderr
    assert own.read_text() == "other.example.org {\n\trespond hello\n}\n"
    assert _settings(tmp_path)["SECRET_KEYS"], "settings and keys stay"
    assert not (tmp_path / "opt/mobilize").exists()


def test_postgresql_has_a_connection_for_everybody_who_may_want_one() -> None:
    pools = engines._POSTGRES, autocommit.POOL
    of_web = sum(pool["pool_size"] + pool["max_overflow"] for pool in pools)
    assert connections(1 + 100, 2) - connections(100, 2) == of_web
    assert connections(2, 2) == 100, "what PostgreSQL has by itself is enough for two"


def test_what_runs_is_whole_and_another_release_is_another_folder() -> None:
    for name in release.CONTENT:
        assert (ROOT / name).exists(), name
    assert not [name for name in ("tests", "bench", "var", ".venv") if name in release.CONTENT]


def test_a_setting_of_two_lines_is_refused_before_it_can_name_another() -> None:
    with pytest.raises(CannotInstall):
        Environment("").put("UNION_NAME", "x\nMOBILIZE_ENV=demo")


def test_a_server_that_is_about_to_stop_says_so(
    own_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own_app.test_client().get("/healthz").status_code == 200
    assert not DRAINING.exists()
    monkeypatch.setattr("mobilize.home.views.DRAINING", tmp_path / "draining")
    (tmp_path / "draining").touch()
    answer = own_app.test_client().get("/healthz")
    assert (answer.status_code, answer.json["why"]) == (503, "stopping")


def test_where_pgbackrest_is_there_the_log_is_archived_and_its_passphrase_stays(
    tmp_path: Path, with_pgbackrest: dict[str, str]
) -> None:
    settings = tmp_path / "etc/pgbackrest/conf.d/mobilize.conf"
    first = _install(tmp_path, **ANSWERS, **with_pgbackrest, ARCHIVE_FOLDER="/mnt/elsewhere")
    assert first.returncode == 0, first.stderr
    written = settings.read_text()
    assert "repo1-path=/mnt/elsewhere\n" in written and stat.S_IMODE(settings.stat().st_mode) == 0o640
    of_postgresql = (tmp_path / "etc/postgresql/15/main/conf.d/mobilize-archive.conf").read_text()
    assert "archive_timeout = 60" in of_postgresql
    assert "/mnt/elsewhere" in (tmp_path / "etc/systemd/system/mobilize-archive.service").read_text()
    assert _install(tmp_path, **with_pgbackrest).returncode == 0
    assert settings.read_text() == written
