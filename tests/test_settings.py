"""The settings are read once, and the service does not start with a bad one."""

import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import config
from config import BadSetting

KEY = "k1:" + base64.b64encode(hashlib.sha256(b"a key for this test").digest()).decode()
ROOT = Path(__file__).parents[1]
GOOD = {"MOBILIZE_ENV": "test", "SECRET_KEYS": KEY}
PRODUCTION = {
    "MOBILIZE_ENV": "production",
    "SECRET_KEYS": KEY,
    "DATABASE_URL": "postgresql://db/mobilize",
    "PUBLIC_BASE_URL": "https://mobilize.example.org",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "secret",
    "TWILIO_MESSAGING_SERVICE_SID": "MG1",
    "TEXT_NUMBER": "+12135550100",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEYS", ""),
        ("SECRET_KEYS", "k1:short"),
        ("SECRET_KEYS", "k1:" + base64.b64encode(bytes(32)).decode()),
        ("SECRET_KEYS", f"{KEY},{KEY}"),
        ("SECRET_KEYS", KEY.replace("k1", "K one")),
        ("MOBILIZE_ENV", "staging"),
        ("RUN_BY", "docker"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_REPLICA_URL", "postgresql://db/mobilize"),  # of a file
        ("DATABASE_REPLICA_URL", "sqlite:///copy.db"),
        ("DATABASE_REPLICA_URL", "mysql://localhost/x"),
        ("REPLICA_MAX_AGE_SECONDS", "0"),
        ("REPLICA_MAX_AGE_SECONDS", "61"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://one;redis://two"),
        ("REDIS_URL", "sentinel://one:26379;redis://two"),
        ("PUBLIC_BASE_URL", "mobilize.example.org"),
        ("PUBLIC_BASE_URL", "https://example.org/mobilize"),
        ("PUBLIC_BASE_URL", "https://somebody@example.org"),
        ("PUBLIC_BASE_URL", "https://somebody@example.org"),
        ("PUBLIC_BASE_URL", "https://example.org#top"),
        ("PUBLIC_BASE_URL", "https://example.org?x=1"),
        ("PUBLIC_BASE_URL", "https://example.org:port"),
        ("PUBLIC_BASE_URL", "https://example .org"),
        ("PUBLIC_BASE_URL", "https://-example.org"),
        ("PUBLIC_BASE_URL", "https://127.1"),
        ("WEB_THREADS", "0"),
        ("WEB_THREADS", "many"),
        ("WEB_THREADS", "513"),
        ("METRICS_PORT", "65535"),  # the workers' is the one above
        ("METRICS_PORT", "web"),
        ("METRICS_HOST", "localhost"),
        ("ALL_IS_WELL_URL", "hc-ping.com/1"),
        ("WEB_PROCESSES", "many"),
        ("WORKER_PROCESSES", "0"),
        ("PORT", "65536"),
        ("TEXT_NUMBER", "555-0100"),
        ("TEXT_NUMBER", "+442079460000"),
        ("TEXT_NUMBER", "call us"),
        ("TWILIO_ACCOUNT_SID", "AC1"),  # without its token
        ("TWILIO_AUTH_TOKEN", "secret"),
        ("TWILIO_AUTH_TOKEN", ","),
        ("TWILIO_AUTH_TOKEN", "new, "),
        ("TWILIO_WEBHOOK_KEY", "new,"),
        ("BACKUP_RECIPIENTS", "ssh-ed25519 AAAA"),
        ("BACKUPS_KEPT", "0"),
        ("TELNYX_API_KEY", "KEY1"),
        ("TELNYX_PUBLIC_KEY", "short"),
        ("TELNYX_PUBLIC_KEY", "c2hvcnQ="),
        ("TELNYX_NUMBERS", "2135550100"),
        ("TELNYX_SEGMENTS_PER_SECOND", "0"),
        ("CARRIERS", "twilio,twilio"),
        ("CARRIERS", "pigeon"),
        ("TEXT_REDACT_AFTER_DAYS", "-1"),
        ("TEXT_REDACT_AFTER_DAYS", "soon"),
        ("SOURCE_URL", "git.example.org/mobilize"),
        ("SOURCE_URL", "javascript:alert(1)"),
        ("SOURCE_URL", 'https://git.example.org/"onclick="'),
        ("UNION_TIMEZONE", "Los Angeles"),
        ("UNION_COLOUR", "red"),
        ("UNION_COLOUR", "#ffcc00"),
        ("SEGMENTS_PER_SECOND", "fast"),
        ("SEGMENTS_PER_SECOND", "0"),
        ("SEGMENTS_A_DAY", "0"),
        ("SEGMENTS_A_DAY", "2,000"),
        ("PRICE_PER_SEGMENT_CENTS", "free"),
        ("SPENDING_LIMIT_CENTS_AN_HOUR", "0"),
        ("KNOWN_BROWSER_CODES_IN_20_MINUTES", "0"),
        ("ROLE_CODES_IN_20_MINUTES", "1.5"),
        ("MEMBER_CODES_IN_20_MINUTES", "10000"),
        ("PUBLIC_BASE_URL", f"https://{'a' * 45}.org"),
        ("SHARE_BANDS", "50,65,75"),
        ("SHARE_BANDS", "50,75,65,90"),
        ("SHARE_BANDS", "50,65,65,90"),
        ("SHARE_BANDS", "0,65,75,90"),
        ("SHARE_BANDS", "50,65,75,101"),
        ("SHARE_BANDS", "50,65,75,most"),
        ("MEMBERS_PER_CAPTAIN", "0"),
        ("OIDC_ISSUER", "https://id.union.org"),  # without the other two
        ("LINE_FINDER_ORIGINS", "https://www.union.org, *"),
        ("LINE_FINDER_ORIGINS", "https://www.union.org/lines"),
        ("LINE_FINDER_TEXTS_AN_HOUR", "0"),
        ("MAP_LINES", "the coast"),
        ("MAP_LINES", "[]"),
        ("MAP_LINES", '{"type": "LineString"}'),
        ("MAP_LINES", '{"type": "LineString", "coordinates": [[34.0, -118.4], [34.1, -118.5]]}'),
    ],
)
def test_a_bad_setting_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        config.load({**GOOD, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_BASE_URL", "http://mobilize.example.org"),
        ("TWILIO_ACCOUNT_SID", ""),
        ("TWILIO_AUTH_TOKEN", ""),
        ("TWILIO_MESSAGING_SERVICE_SID", ""),
        ("TEXT_NUMBER", ""),
        ("TWILIO_API_URL", "http://127.0.0.1:9000"),
        ("TWILIO_API_URL", "http://api.twilio.com"),
        ("TWILIO_API_URL", "https://127.0.0.2"),
        ("TWILIO_API_URL", "https://10.1.2.3"),
        ("TWILIO_API_URL", "https://0.0.0.0"),
        ("TWILIO_API_URL", "https://[::1]"),
        ("TWILIO_API_URL", "https://[::ffff:127.0.0.1]"),
        ("TWILIO_API_URL", "https://localhost"),
        ("TWILIO_API_URL", "https://LocalHost."),
        ("TWILIO_API_URL", "https://carrier.localhost:9000"),
        ("TWILIO_API_URL", "https://0x7f.1"),
        ("TWILIO_AUTH_TOKEN", ","),
        ("TELNYX_API_URL", "http://api.telnyx.com"),
        ("TELNYX_API_URL", "https://127.0.0.2"),
    ],
)
def test_production_does_not_start_with_what_only_a_demo_may_have(name: str, value: str) -> None:
    config.load(PRODUCTION)
    with pytest.raises(BadSetting, match=name):
        config.load({**PRODUCTION, name: value})


def test_without_a_word_about_it_the_service_is_in_production() -> None:
    with pytest.raises(BadSetting):
        config.load({"SECRET_KEYS": KEY})


def test_what_a_share_needs_for_the_next_step_is_the_unions_to_say() -> None:
    assert config.load(GOOD).share_bands == (50, 65, 75, 90)
    text = config.load({**GOOD, "SHARE_BANDS": "40, 60, 80, 100", "MEMBERS_PER_CAPTAIN": "8"})
    assert (text.share_bands, text.members_per_captain) == ((40, 60, 80, 100), 8)


def test_a_coast_is_read_with_the_longitude_first_and_points_are_left_out() -> None:
    shapes = (
        '{"type": "Feature", "geometry": {"type": "MultiLineString", "coordinates":'
        " [[[-118.4, 34.0], [-118.5, 34.1, 12.0]]]}}",
        '{"type": "Point", "coordinates": [-118.4, 34.0]}',
        '{"type": "Polygon", "coordinates": [[[-118, 34], [-118, 35], [-117, 34], [-118, 34]]]}',
    )
    whole = '{"type": "GeometryCollection", "geometries": [' + ", ".join(shapes) + "]}"
    lines = config.load({**GOOD, "MAP_LINES": whole}).map_lines
    assert lines[0] == ((34.0, -118.4), (34.1, -118.5))
    assert [len(line) for line in lines] == [2, 4]
    assert config.load(GOOD).map_lines == ()


def test_a_secret_may_come_from_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "keys").write_text(KEY + "\n")
    settings = config.load({"MOBILIZE_ENV": "test", "SECRET_KEYS_FILE": str(tmp_path / "keys")})
    assert settings.secret_keys[0].id == "k1"


def test_no_secret_shows_when_the_settings_are_printed() -> None:
    text = repr(config.load(PRODUCTION))
    assert "secret" not in text.replace("secret_keys", "")
    assert KEY[3:] not in text


def test_a_database_address_in_any_of_its_forms_uses_our_driver() -> None:
    for form in ("postgres://h/d", "postgresql://h/d", "postgresql+psycopg://h/d"):
        assert config.load({**GOOD, "DATABASE_URL": form}).database_url == "postgresql+psycopg://h/d"


def test_an_address_is_read_as_browsers_write_it() -> None:
    for typed, read in (
        ("https://Mobilize.Example.org/", "https://mobilize.example.org"),
        ("https://mobilize.example.org:443", "https://mobilize.example.org"),
        ("http://localhost:80", "http://localhost"),
        ("https://mobilize.example.org:8443", "https://mobilize.example.org:8443"),
        ("http://192.168.1.7:5000", "http://192.168.1.7:5000"),
    ):
        assert config.load({**GOOD, "PUBLIC_BASE_URL": typed}).public_base_url == read


def test_two_tokens_of_the_carrier_are_good_while_one_is_exchanged() -> None:
    assert config.load({**PRODUCTION, "TWILIO_AUTH_TOKEN": "new,old"}).twilio_auth_token == "new,old"


def test_telnyx_alone_is_a_carrier_and_its_settings_come_together() -> None:
    telnyx = {
        "TELNYX_API_KEY": "KEY1",
        "TELNYX_PUBLIC_KEY": base64.b64encode(bytes(range(32))).decode(),
        "TELNYX_NUMBERS": "+12135550150, +12135550151",
    }
    without = {"TWILIO_ACCOUNT_SID": "", "TWILIO_AUTH_TOKEN": ""}
    settings = config.load({**PRODUCTION, **without, **telnyx, "TEXT_NUMBER": ""})
    assert settings.text_number == "+12135550150"
    assert settings.telnyx_numbers == ("+12135550150", "+12135550151")
    assert settings.carriers == ("twilio", "telnyx"), "in this order, where nothing is said"
    assert "KEY1" not in repr(settings)
    for name in telnyx:
        with pytest.raises(BadSetting, match="TELNYX"):
            config.load({**PRODUCTION, **telnyx, name: ""})


def test_production_without_texts_needs_no_carrier() -> None:
    carrier = [name for name in PRODUCTION if name.startswith(("TWILIO", "TEXT"))]
    settings = config.load({name: value for name, value in PRODUCTION.items() if name not in carrier})
    assert settings.carriers_set_up == ()


@pytest.mark.parametrize(
    "typed", ["+12135550100", "2135550100", "(213) 555-0100", "1 213.555.0100", "+1 213 555 0100"]
)
def test_the_number_for_texts_is_read_however_it_is_typed(typed: str) -> None:
    assert config.load({**PRODUCTION, "TEXT_NUMBER": typed}).text_number == "+12135550100"


def test_the_number_for_texts_may_be_a_short_code() -> None:
    assert config.load({**PRODUCTION, "TEXT_NUMBER": "48 219"}).text_number == "48219"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MOBILIZE_UNION_NAME", "UNION_NAME"),
        ("MOBILIZE_COLOUR", ""),
        ("MOBILIZE_ENVIRONMENT", ""),
        ("UNION_COLOR", "UNION_COLOUR"),
        ("REDIS_URI", "REDIS_URL"),
        ("SECRET_KEYS_FIL", "SECRET_KEYS_FILE"),
        ("TWILIO_ACCOUNT_ID", "TWILIO_ACCOUNT_SID"),
    ],
)
def test_a_name_that_is_no_setting_is_refused_and_the_right_one_named(name: str, meant: str) -> None:
    carrier_less = {n: v for n, v in PRODUCTION.items() if not n.startswith(("TWILIO", "TEXT"))}
    with pytest.raises(BadSetting, match=f"{name} is no setting") as refused:
        config.load({**carrier_less, name: "x"})
    assert str(refused.value).endswith(f"Did you mean {meant}?" if meant else "version.")


def test_names_of_other_programs_are_none_of_our_business() -> None:
    others = ["PATH", "HOME", "LANG", "SECRET_KEY", "REDIS_PORT", "DATABASE_HOST", "TWILIO_EDGE", "HOSTNAME"]
    config.load({**PRODUCTION, **dict.fromkeys(others, "x")})


@pytest.mark.parametrize(
    "content", [None, b"\xff\xfe not text", "folder"], ids=["absent", "not UTF-8", "a folder"]
)
def test_a_secret_whose_file_cannot_be_read_is_refused_by_its_variable(
    tmp_path: Path, content: bytes | str | None
) -> None:
    path = tmp_path / "keys"
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(BadSetting, match=f"SECRET_KEYS_FILE names the file {path}: "):
        config.load({"MOBILIZE_ENV": "test", "SECRET_KEYS_FILE": str(path)})


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "flask", "--app", "wsgi", "audit", "verify"],
        ["-m", "flask", "--app", "wsgi", "--help"],
        ["-m", "mobilize.web.server"],
        ["-m", "workers", "worker"],
        ["-m", "workers", "beat"],
        ["deploy/work.py"],
    ],
    ids=["a command", "the list of commands", "web", "worker", "clock", "make work"],
)
@pytest.mark.parametrize(
    ("name", "value"), [("SECRET_KEYS", "k1:short"), ("WEB_THREADS", "many"), ("SECRET_KEYS_FILE", "/none")]
)
def test_whatever_is_started_ends_with_one_sentence(command: list[str], name: str, value: str) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": ".", **GOOD, name: value}
    ended = subprocess.run(
        [sys.executable, *command], env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == config.EXIT_BAD_SETTING
    [sentence] = ended.stderr.splitlines()
    assert name in sentence and "Traceback" not in ended.stdout
