"""Every setting of Mobilize, read once from the environment, typed, and refused at start when it is bad.

A secret may come from a file: `SECRET_KEYS_FILE=/run/secrets/keys` stands for `SECRET_KEYS`. Settings have no
prefix, but for MOBILIZE_ENV: any other name that begins so is refused, and so is one that is nearly the name
of a setting that is not given.
"""

import base64
import binascii
import ipaddress
import json
import os
import re
import secrets
import string
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# RFC 3986 without a user, a path, a query or a fragment. The last label of a name begins with a letter, and
# no part of an IPv4 address with a superfluous zero: systems read `127.1`, `0x7f.1` and `127.00.0.1` as
# this machine too.
_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAME = rf"({_LABEL}\.)*(?=[a-z]){_LABEL}\.?"
_IPV4 = r"(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}"
_BASE_URL = re.compile(rf"https?://({_NAME}|{_IPV4}|\[[0-9a-f:.]+\])(:\d{{1,5}})?", re.ASCII)
# The host's name stands in the text of every code, which is one segment and names the union as well.
LONGEST_HOST = 48
CARRIERS = ("twilio", "telnyx")
# How a process ends whose settings are bad (`EX_CONFIG` of sysexits.h): starting it again changes nothing.
EXIT_BAD_SETTING = 78
# As in `REDIS_URI` and `REDIS_URL`, and above what two settings of other programs have in common.
_NEARLY = 0.88
# What the office may change in the browser (`mobilize.stored_settings`), and the moment it went live.
IN_THE_BROWSER = ("UNION_NAME", "UNION_TIMEZONE", "UNION_COLOUR", "HELP_NUMBER")
LIVE_AT = "LIVE_AT"
DEFAULT_UNION = "Our Union Local"


class BadSetting(ValueError):
    """A setting the service must not start with; the text names the variable and the remedy."""


class Env(StrEnum):
    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


class RunBy(StrEnum):
    """How this installation was set up: by `make install`, by compose.yaml, or otherwise. It decides what an
    operator is told to type (`mobilize.operating`)."""

    HAND = "hand"
    MACHINE = "machine"
    CONTAINERS = "containers"


@dataclass(frozen=True, repr=False)
class SecretKey:
    """One entry of SECRET_KEYS: a short id that is stored beside what it sealed, and 32 bytes."""

    id: str
    secret: bytes


@dataclass(frozen=True)
class Settings:
    """What `load` returns. Times of day and zones are the union's; secrets never show in `repr`.

    `is_live`: texts reach everybody. In production only since the office has said so (`LIVE_AT`).
    """

    env: Env
    run_by: RunBy
    is_live: bool
    database_url: str = field(repr=False)
    database_replica_url: str = field(repr=False)
    replica_max_age_seconds: int
    redis_url: str = field(repr=False)
    redis_sentinel_master: str
    web_threads: int
    web_instance: int
    public_base_url: str
    secret_keys: tuple[SecretKey, ...] = field(repr=False)
    union_name: str
    union_timezone: str
    union_colour: str
    help_number: str
    share_tags: str
    source_url: str
    text_number: str
    twilio_account_sid: str
    twilio_auth_token: str = field(repr=False)
    twilio_messaging_service_sid: str
    twilio_webhook_key: str = field(repr=False)
    twilio_api_url: str
    telnyx_api_key: str = field(repr=False)
    telnyx_public_key: str
    telnyx_numbers: tuple[str, ...]
    telnyx_api_url: str
    telnyx_segments_per_second: float
    carriers: tuple[str, ...]
    text_redact_after_days: int
    segments_per_second: float
    segments_a_day: int | None
    price_per_segment_cents: float
    spending_limit_cents_an_hour: float
    known_browser_codes_in_20_minutes: int
    role_codes_in_20_minutes: int
    member_codes_in_20_minutes: int
    employer_domains: tuple[str, ...]
    employer_phone_prefixes: tuple[str, ...]
    carrier_page_url: str
    backups_encrypted: bool
    backup_folder: str
    all_is_well_url: str = field(repr=False)
    backup_recipients: tuple[str, ...]
    backup_identity_file: str
    backups_kept: int
    journal_folder: str
    log_level: str
    share_bands: tuple[int, ...]
    members_per_captain: float
    map_lines: tuple[tuple[tuple[float, float], ...], ...] = field(repr=False)
    metrics_port: int | None
    metrics_host: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str = field(repr=False)
    oidc_name: str
    line_finder_origins: tuple[str, ...]
    line_finder_texts_an_hour: int

    @property
    def is_production(self) -> bool:
        return self.env is Env.PRODUCTION

    @property
    def is_demo(self) -> bool:
        return self.env is Env.DEMO

    @property
    def carriers_set_up(self) -> tuple[str, ...]:
        """The carriers there is an account with, the one that is preferred first."""
        has_account = {
            "twilio": self.twilio_account_sid and self.twilio_auth_token,
            "telnyx": self.telnyx_api_key and self.telnyx_numbers,
        }
        return tuple(name for name in self.carriers if has_account[name])

    @property
    def is_secure(self) -> bool:
        """True when members reach us over HTTPS: only then may cookies carry `Secure` and `__Host-`."""
        return self.public_base_url.startswith("https://")


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises `BadSetting` naming the variable and what it should look like."""
    read = _Reader(environ)
    settings = Settings(
        env=read.env(),
        run_by=RunBy(read.one_of("RUN_BY", tuple(way.upper() for way in RunBy)).lower()),
        is_live=read.env() is not Env.PRODUCTION,
        database_url=read.database_url("DATABASE_URL", "sqlite:///var/mobilize.db"),
        database_replica_url=read.database_url("DATABASE_REPLICA_URL", ""),
        replica_max_age_seconds=read.count("REPLICA_MAX_AGE_SECONDS", 3, most=60),
        redis_url=read.redis_url("REDIS_URL", "redis://localhost:6379/0"),
        redis_sentinel_master=read.text("REDIS_SENTINEL_MASTER", "mymaster"),
        web_threads=read.count("WEB_THREADS", 32, most=512),
        web_instance=read.count("WEB_INSTANCE", 1, most=9),
        public_base_url=read.public_url("PUBLIC_BASE_URL", "http://localhost:5000"),
        secret_keys=read.keys(),
        union_name=read.text("UNION_NAME", DEFAULT_UNION),
        union_timezone=read.zone("UNION_TIMEZONE", "America/Los_Angeles"),
        union_colour=read.colour("UNION_COLOUR", "#8c1c13"),
        help_number=read.text("HELP_NUMBER", ""),
        share_tags=read.text("SHARE_TAGS", ""),
        source_url=read.link("SOURCE_URL"),
        text_number=read.text_number("TEXT_NUMBER") or read.number_of_telnyx(),
        twilio_account_sid=read.text("TWILIO_ACCOUNT_SID", ""),
        twilio_auth_token=read.listed("TWILIO_AUTH_TOKEN"),
        twilio_messaging_service_sid=read.text("TWILIO_MESSAGING_SERVICE_SID", ""),
        twilio_webhook_key=read.listed("TWILIO_WEBHOOK_KEY"),
        twilio_api_url=read.base_url("TWILIO_API_URL", "https://api.twilio.com"),
        telnyx_api_key=read.text("TELNYX_API_KEY", ""),
        telnyx_public_key=read.ed25519_key("TELNYX_PUBLIC_KEY"),
        telnyx_numbers=read.phones("TELNYX_NUMBERS"),
        telnyx_api_url=read.base_url("TELNYX_API_URL", "https://api.telnyx.com"),
        telnyx_segments_per_second=read.number("TELNYX_SEGMENTS_PER_SECOND", 12.0),
        carriers=read.carriers("CARRIERS"),
        text_redact_after_days=read.days("TEXT_REDACT_AFTER_DAYS", most=999),
        segments_per_second=read.number("SEGMENTS_PER_SECOND", 12.0),
        segments_a_day=read.count_if_set("SEGMENTS_A_DAY", most=9_999_999),
        price_per_segment_cents=read.number("PRICE_PER_SEGMENT_CENTS", 1.1),
        spending_limit_cents_an_hour=read.number("SPENDING_LIMIT_CENTS_AN_HOUR", 9000.0),
        known_browser_codes_in_20_minutes=read.count("KNOWN_BROWSER_CODES_IN_20_MINUTES", 2000, most=9999),
        role_codes_in_20_minutes=read.count("ROLE_CODES_IN_20_MINUTES", 600, most=9999),
        member_codes_in_20_minutes=read.count("MEMBER_CODES_IN_20_MINUTES", 100, most=9999),
        employer_domains=read.words("EMPLOYER_DOMAINS"),
        employer_phone_prefixes=read.words("EMPLOYER_PHONE_PREFIXES"),
        carrier_page_url=read.text("CARRIER_PAGE_URL", ""),
        backups_encrypted=read.yes("BACKUPS_ENCRYPTED"),
        backup_folder=read.text("BACKUP_FOLDER", "var/backups"),
        all_is_well_url=read.ping_url("ALL_IS_WELL_URL"),
        backup_recipients=read.age_recipients("BACKUP_RECIPIENTS"),
        backup_identity_file=read.text("BACKUP_IDENTITY_FILE", ""),
        journal_folder=read.text("JOURNAL_FOLDER", ""),
        backups_kept=read.count("BACKUPS_KEPT", 14, most=9999),
        log_level=read.one_of("LOG_LEVEL", ("INFO", "DEBUG", "WARNING")),
        share_bands=read.bands("SHARE_BANDS", "50,65,75,90"),
        members_per_captain=read.number("MEMBERS_PER_CAPTAIN", 10.0),
        map_lines=read.lines("MAP_LINES"),
        metrics_port=read.count_if_set("METRICS_PORT", most=65_500),
        metrics_host=read.ip_address("METRICS_HOST", "127.0.0.1"),
        oidc_issuer=read.text("OIDC_ISSUER", "").rstrip("/"),
        oidc_client_id=read.text("OIDC_CLIENT_ID", ""),
        oidc_client_secret=read.text("OIDC_CLIENT_SECRET", ""),
        oidc_name=read.text("OIDC_NAME", "the union's account"),
        line_finder_origins=read.origins("LINE_FINDER_ORIGINS"),
        line_finder_texts_an_hour=read.count("LINE_FINDER_TEXTS_AN_HOUR", 120, most=9999),
    )
    read.for_servers()
    read.refuse_unknown_names()
    _refuse_a_replica_of_a_file(settings)
    _refuse_half_a_carrier(settings)
    _refuse_half_a_provider(settings)
    _refuse_what_production_must_not_have(settings)
    return settings


def load_or_exit(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. It ends with EXIT_BAD_SETTING and one sentence when they are bad."""
    try:
        return load(environ)
    except BadSetting as bad:
        sys.stderr.write(f"Mobilize does not start: {bad}\n")
        raise SystemExit(EXIT_BAD_SETTING) from None


def with_stored(chosen: Settings, stored: Mapping[str, str]) -> Settings:
    """`chosen` with what is stored in place of what the environment said. Raises `BadSetting`."""
    read = _Reader(stored)
    return replace(
        chosen,
        union_name=read.text("UNION_NAME", chosen.union_name),
        union_timezone=read.zone("UNION_TIMEZONE", chosen.union_timezone),
        union_colour=read.colour("UNION_COLOUR", chosen.union_colour),
        help_number=stored.get("HELP_NUMBER", chosen.help_number),  # stored as empty, there is none
        is_live=chosen.is_live or LIVE_AT in stored,
    )


def metrics_port(environ: Mapping[str, str]) -> int | None:
    """The port of the web's metrics; those of the workers and of other web servers are the ones above. None
    where there are none."""
    return _Reader(environ).count_if_set("METRICS_PORT", most=65_500)


def new_key() -> str:
    """A fresh entry for SECRET_KEYS. Its id says the day it was made on: k261122x is of November 22, 2026."""
    letter = secrets.choice(string.ascii_lowercase)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return f"k{datetime.now(UTC):%y%m%d}{letter}:{key}"


def _refuse_a_replica_of_a_file(settings: Settings) -> None:
    both = settings.database_url + settings.database_replica_url
    if settings.database_replica_url and "sqlite:" in both:
        raise BadSetting(
            "DATABASE_REPLICA_URL is of PostgreSQL, and so is its DATABASE_URL: files have none."
        )


def _refuse_half_a_carrier(settings: Settings) -> None:
    if settings.twilio_account_sid and not settings.twilio_auth_token:
        raise BadSetting("TWILIO_ACCOUNT_SID is given without its TWILIO_AUTH_TOKEN.")
    if settings.twilio_auth_token and not settings.twilio_account_sid:
        raise BadSetting("TWILIO_AUTH_TOKEN is given without its TWILIO_ACCOUNT_SID.")
    telnyx = (settings.telnyx_api_key, settings.telnyx_public_key, settings.telnyx_numbers)
    if any(telnyx) and not all(telnyx):
        raise BadSetting("TELNYX_API_KEY, TELNYX_PUBLIC_KEY and TELNYX_NUMBERS are given all three, or none.")


def _refuse_half_a_provider(settings: Settings) -> None:
    provider = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
    if any(provider) and not all(provider):
        raise BadSetting("OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET are given all three, or none.")
    if not settings.oidc_issuer:
        return
    parts = urlsplit(settings.oidc_issuer)
    if parts.scheme != "https" and (settings.is_production or parts.hostname != "localhost"):
        raise BadSetting("OIDC_ISSUER must start with https://.")
    host = (parts.hostname or "").rstrip(".")
    if not host or any(host == name or host.endswith(f".{name}") for name in settings.employer_domains):
        raise BadSetting("OIDC_ISSUER is no server, or one of EMPLOYER_DOMAINS, who sign nobody in.")


def _refuse_what_production_must_not_have(settings: Settings) -> None:
    if not settings.is_production:
        return
    if not settings.is_secure:
        raise BadSetting("PUBLIC_BASE_URL must start with https:// in production.")
    if settings.twilio_account_sid and not settings.twilio_messaging_service_sid:
        raise BadSetting("TWILIO_MESSAGING_SERVICE_SID is needed for texts to leave by Twilio.")
    if settings.twilio_account_sid and not settings.text_number:
        raise BadSetting("TEXT_NUMBER is needed with Twilio: what members text to it is looked for there.")
    for name, address in (
        ("TWILIO_API_URL", settings.twilio_api_url),
        ("TELNYX_API_URL", settings.telnyx_api_url),
    ):
        if not address.startswith("https://"):
            raise BadSetting(f"{name} must start with https:// in production: keys and numbers go there.")
        if not _is_elsewhere(urlsplit(address).hostname or ""):
            raise BadSetting(f"{name} points at this machine: the stand-in carrier is for demos only.")


def _is_elsewhere(host: str) -> bool:
    """Whether a carrier can be there. A name is believed, but for those that always mean this machine."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return host.rstrip(".") != "localhost" and not host.rstrip(".").endswith(".localhost")


class _Reader:
    """Reads one variable at a time, or its `_FILE` twin, and says what is wrong in one line."""

    def __init__(self, environ: Mapping[str, str]):
        self.environ = environ
        self.names: set[str] = set()

    def text(self, name: str, default: str) -> str:
        self.names |= {name, f"{name}_FILE"}
        path = self.environ.get(f"{name}_FILE")
        if path:
            return self._content_of(f"{name}_FILE", path)
        return self.environ.get(name, "").strip() or default

    def _content_of(self, name: str, path: str) -> str:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            why = error.strerror or "it cannot be read"
        except (UnicodeDecodeError, ValueError):
            why = "it is not a text in UTF-8"
        raise BadSetting(f"{name} names the file {path}: {why}.")

    def for_servers(self) -> None:
        """Settings that the commands of the servers read for themselves."""
        self.text("HOST", "")
        self.count("PORT", 5000, most=65_535)
        self.count_if_set("WEB_PROCESSES", most=256)
        self.count_if_set("WORKER_PROCESSES", most=64)

    def refuse_unknown_names(self) -> None:
        """To be called when all settings are read: no name is listed twice."""
        missing = [name for name in self.names if name not in self.environ and len(name) > 7]
        for name in sorted(set(self.environ) - self.names):
            stem = name.removeprefix("MOBILIZE_")
            near = [stem] if stem in self.names else get_close_matches(stem, missing, 1, _NEARLY)
            if stem != name or near:
                meant = f" Did you mean {near[0]}?" if near else ""
                raise BadSetting(f"{name} is no setting of this version.{meant}")

    def env(self) -> Env:
        value = self.text("MOBILIZE_ENV", "production")
        try:
            return Env(value)
        except ValueError:
            raise BadSetting(f"MOBILIZE_ENV is {value!r}; it must be production, demo or test.") from None

    def database_url(self, name: str, default: str) -> str:
        """As SQLAlchemy takes it; empty when it is not given and has no default."""
        url = self.text(name, default)
        if not url:
            return ""
        if url.startswith("sqlite:///"):
            return f"sqlite:///{Path(url.removeprefix('sqlite:///')).absolute()}"
        if re.match(r"postgres(ql)?://", url):
            return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
        if url.startswith("postgresql+psycopg://"):
            return url
        raise BadSetting(f"{name} must start with sqlite:/// or postgresql://.")

    def redis_url(self, name: str, default: str) -> str:
        """One server, or sentinels with semicolons between them, as Celery takes it."""
        url = re.sub("^unix:", "redis+socket:", self.text(name, default))
        servers = url.split(";")
        is_one = len(servers) == 1 and re.match(r"(redis|rediss|redis\+socket)://", url)
        if not is_one and not all(re.fullmatch(r"sentinel://[^/\s;]+(/\d*)?", one) for one in servers):
            raise BadSetting(
                f"{name} must be like redis://HOST:6379/0, or sentinel://HOST:26379;sentinel://HOST:26379."
            )
        return url

    def base_url(self, name: str, default: str) -> str:
        """Scheme, host and perhaps a port, as a browser writes them in `Host` and `Origin`."""
        url = self.text(name, default).rstrip("/").lower()
        if not _BASE_URL.fullmatch(url):
            raise BadSetting(f"{name} must be an address like https://mobilize.example.org, and no more.")
        return re.sub("^(http:.*):80$|^(https:.*):443$", r"\1\2", url)

    def origins(self, name: str) -> tuple[str, ...]:
        """Addresses of other pages' servers, as browsers write them in `Origin`."""
        origins = self.words(name)
        if not all(_BASE_URL.fullmatch(origin) for origin in origins):
            raise BadSetting(
                f"{name} must be addresses like https://www.example.org, with commas between them."
            )
        return origins

    def listed(self, name: str) -> str:
        """One secret, or several with commas between them, none of them empty."""
        value = self.text(name, "")
        if value and not all(entry.strip() for entry in value.split(",")):
            raise BadSetting(f"{name} has an empty entry beside a comma.")
        return value

    def public_url(self, name: str, default: str) -> str:
        url = self.base_url(name, default)
        if len(urlsplit(url).hostname or "") > LONGEST_HOST:
            raise BadSetting(f"{name}: its host's name may have {LONGEST_HOST} letters, for texts name it.")
        return url

    def link(self, name: str) -> str:
        """An address that a page links to, with its path; or nothing."""
        url = self.text(name, "")
        if url and not re.fullmatch(r"https://[^\s\"'<>]+", url):
            raise BadSetting(f"{name} must be an address like https://git.example.org/our-local/mobilize.")
        return url

    def ping_url(self, name: str) -> str:
        """An address with a path that is asked for from time to time; or nothing."""
        url = self.text(name, "")
        if url and not re.fullmatch(r"https?://[^\s\"'<>]+", url):
            raise BadSetting(f"{name} must be an address like https://hc-ping.com/your-uuid.")
        return url

    def zone(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise BadSetting(f"{name} is {value!r}; it must be a zone like America/Los_Angeles.") from None
        return value

    def colour(self, name: str, default: str) -> str:
        value = self.text(name, default).lower()
        if not re.fullmatch(r"#[0-9a-f]{6}", value):
            raise BadSetting(f"{name} must look like #8c1c13.")
        if _contrast_with_white(value) < 7:
            raise BadSetting(f"{name}={value} is too light: white words on it cannot be read in the sun.")
        return value

    def number(self, name: str, default: float) -> float:
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number < 10_000:
            raise BadSetting(f"{name} is {value!r}; it must be a number above 0.")
        return number

    def count(self, name: str, default: int, *, most: int) -> int:
        value = self.text(name, str(default))
        count = int(value) if re.fullmatch("[0-9]{1,7}", value) else 0
        if not 0 < count <= most:
            raise BadSetting(f"{name} is {value!r}; it must be a whole number from 1 to {most}.")
        return count

    def days(self, name: str, *, most: int) -> int:
        """Whole days; 0, when it is not given, for never."""
        value = self.text(name, "0")
        days = int(value) if re.fullmatch("[0-9]{1,4}", value) else -1
        if not 0 <= days <= most:
            raise BadSetting(f"{name} is {value!r}; it must be a whole number of days, 0 for never.")
        return days

    def ed25519_key(self, name: str) -> str:
        """A public key of 32 bytes in base64, or nothing."""
        value = self.text(name, "")
        try:
            length = len(base64.b64decode(value, validate=True))
        except binascii.Error:
            length = -1
        if length not in (0, 32):
            raise BadSetting(f"{name} must be the public key as the portal shows it: 32 bytes in base64.")
        return value

    def text_number(self, name: str) -> str:
        """As carriers write it, however it was typed; nothing, or a short code, as it is."""
        typed = self.text(name, "")
        digits = re.sub(r"[\s().-]", "", typed)
        if not typed or re.fullmatch("[0-9]{5,6}", digits):
            return digits
        national = re.fullmatch(r"(?:\+?1)?([2-9][0-9]{9})", digits, re.ASCII)
        if not national:
            raise BadSetting(f"{name} is {typed!r}; it must be a number like +12135550100, or a short code.")
        return f"+1{national[1]}"

    def number_of_telnyx(self) -> str:
        """The first of our numbers there, where Telnyx is the only carrier."""
        numbers = self.phones("TELNYX_NUMBERS")
        return "" if self.text("TWILIO_ACCOUNT_SID", "") or not numbers else numbers[0]

    def age_recipients(self, name: str) -> tuple[str, ...]:
        """Public keys of age, as `flask backup new-identity` prints them."""
        recipients = self.words(name)
        if not all(re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", one) for one in recipients):
            raise BadSetting(f"{name} must be recipients like age1..., with commas between them.")
        return recipients

    def phones(self, name: str) -> tuple[str, ...]:
        numbers = self.words(name)
        if not all(re.fullmatch(r"\+1[0-9]{10}", number) for number in numbers):
            raise BadSetting(f"{name} must be numbers like +12135550100, with commas between them.")
        return numbers

    def carriers(self, name: str) -> tuple[str, ...]:
        """The carriers in the order in which they are preferred; all of them, when nothing is said."""
        names = self.words(name) or CARRIERS
        if sorted(names) != sorted(set(names) & set(CARRIERS)):
            raise BadSetting(f"{name} must name each once, of: {', '.join(CARRIERS)}.")
        return names

    def ip_address(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            raise BadSetting(f"{name} is {value!r}; it must be an IP address of this machine.") from None

    def count_if_set(self, name: str, *, most: int) -> int | None:
        return self.count(name, 0, most=most) if self.text(name, "") else None

    def yes(self, name: str) -> bool:
        value = self.text(name, "no").lower()
        if value not in {"yes", "no"}:
            raise BadSetting(f"{name} is {value!r}; it must be yes or no.")
        return value == "yes"

    def one_of(self, name: str, words: tuple[str, ...]) -> str:
        value = self.text(name, words[0]).upper()
        if value not in words:
            raise BadSetting(f"{name} is {value!r}; it must be one of {', '.join(words)}.")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(word.strip().lower() for word in self.text(name, "").split(",") if word.strip())

    def bands(self, name: str, default: str) -> tuple[int, ...]:
        """Four whole percents, each above the one before it."""
        value = self.text(name, default)
        steps = [step.strip() for step in value.split(",")]
        bands = tuple(int(step) for step in steps if step.isascii() and step.isdigit())
        rising = len(steps) == len(bands) == 4 and list(bands) == sorted(set(bands))
        if not rising or bands[0] < 1 or bands[-1] > 100:
            raise BadSetting(f"{name} is {value!r}; it must be four rising percents like 50,65,75,90.")
        return bands

    def lines(self, name: str) -> tuple[tuple[tuple[float, float], ...], ...]:
        """The lines of a GeoJSON text, each of (latitude, longitude) in turn; none when it is empty."""
        text = self.text(name, "")
        try:
            return tuple(_lines_of(json.loads(text))) if text else ()
        except (LookupError, TypeError, AttributeError, RecursionError, ValueError):
            raise BadSetting(
                f"{name} must be GeoJSON with lines, degrees of longitude first; {name}_FILE names its file."
            ) from None

    def keys(self) -> tuple[SecretKey, ...]:
        listed = self.text("SECRET_KEYS", "")
        if not listed:
            raise BadSetting("SECRET_KEYS is missing. Make a key with: python3 config.py (newest first).")
        keys = tuple(_one_key(entry) for entry in listed.split(","))
        if len({key.id for key in keys}) != len(keys):
            raise BadSetting("SECRET_KEYS names the same id twice.")
        return keys


def _lines_of(shape: Any) -> Iterator[tuple[tuple[float, float], ...]]:
    """The lines and outlines of a GeoJSON object (RFC 7946) and of what is in it; points are left out."""
    inside = {"FeatureCollection": "features", "GeometryCollection": "geometries"}.get(shape["type"])
    if inside:
        for part in shape[inside]:
            yield from _lines_of(part)
    elif shape["type"] == "Feature":
        yield from _lines_of(shape["geometry"])
    else:
        yield from _lines_in(shape["coordinates"])


def _lines_in(coordinates: Any) -> Iterator[tuple[tuple[float, float], ...]]:
    if not isinstance(coordinates[0], list):
        return
    if isinstance(coordinates[0][0], list):
        for part in coordinates:
            yield from _lines_in(part)
        return
    line = tuple((float(point[1]), float(point[0])) for point in coordinates)
    if not all(abs(lat) <= 90 and abs(lon) <= 180 for lat, lon in line):
        raise ValueError("not degrees")
    yield line


def _contrast_with_white(colour: str) -> float:
    """WCAG 2.2, "contrast ratio" and "relative luminance"; AAA asks for 7."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


def _one_key(entry: str) -> SecretKey:
    key_id, _, encoded = entry.strip().partition(":")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        secret = b""
    if not re.fullmatch(r"[a-z0-9]{1,8}", key_id) or len(secret) != 32:
        raise BadSetting("SECRET_KEYS must be id:key,... with an id of 1-8 a-z 0-9 and 32 bytes in base64.")
    if len(set(secret)) < 8:
        raise BadSetting(f"SECRET_KEYS: the key {key_id!r} is not random.")
    return SecretKey(key_id, secret)


if __name__ == "__main__":
    sys.stdout.write(new_key() + "\n")
