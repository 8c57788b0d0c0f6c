"""The facts about the local and its carrier: asked for once, and kept in /etc/mobilize/environment."""

import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import config
from deploy.install import CannotInstall
from deploy.machine.mobilize import read_line

HEADING = """\
# The settings of Mobilize; README.md, "Settings", lists them all. After a change: sudo make install
# Keep a copy apart from this machine and from its backups: without SECRET_KEYS no name can be read again.
"""
FIXED = {
    "MOBILIZE_ENV": "production",
    "RUN_BY": "machine",
    "DATABASE_URL": "postgresql://mobilize@/mobilize?host=/run/postgresql",
    "REDIS_URL": "redis+socket:///run/mobilize-redis/redis.sock",
    "BACKUP_FOLDER": "/var/backups/mobilize",
    "JOURNAL_FOLDER": "/var/lib/mobilize/journal",
}
# Beside those of `config.py`. CADDY_TLS=internal: a certificate that no browser knows, for a trial.
# ARCHIVE_FOLDER: where pgBackRest archives to, if it is installed.
# What is said behind `make install` and is no setting.
OF_MAKE = ("ARGS", "DESTDIR")
OF_SERVERS = ("WEB_PROCESSES", "WORKER_PROCESSES", "CADDY_TLS", "ARCHIVE_FOLDER")


@dataclass(frozen=True)
class Prompt:
    """What somebody is asked. `carrier` is whom it concerns; no answer will not do where it is `needed`. One
    that is not `checked` at once is good or bad only together with others."""

    name: str
    text: str
    default: str = ""
    needed: bool = False
    secret: bool = False
    carrier: str = ""
    checked: bool = True


NO_TEXTS = "none"
PROMPTS = (
    Prompt("PUBLIC_BASE_URL", "Address of the service, like picket.example.org", needed=True),
    Prompt("UNION_NAME", "Name of the local, as its members say it", needed=True),
    Prompt("UNION_TIMEZONE", "Time zone", default="America/Los_Angeles", needed=True),
    Prompt("HELP_NUMBER", "Number to call when something does not work (may stay empty)"),
    Prompt("CARRIERS", "Who sends the texts: twilio, telnyx or none", default="twilio", needed=True),
    Prompt("TWILIO_ACCOUNT_SID", "Twilio: Account SID", needed=True, carrier="twilio", checked=False),
    Prompt(
        "TWILIO_AUTH_TOKEN", "Twilio: Auth Token", needed=True, secret=True, carrier="twilio", checked=False
    ),
    Prompt("TWILIO_MESSAGING_SERVICE_SID", "Twilio: Messaging Service SID", needed=True, carrier="twilio"),
    Prompt("TEXT_NUMBER", "Twilio: our number, like +12135550100", needed=True, carrier="twilio"),
    Prompt("TELNYX_API_KEY", "Telnyx: API key", needed=True, secret=True, carrier="telnyx", checked=False),
    Prompt("TELNYX_PUBLIC_KEY", "Telnyx: public key", needed=True, carrier="telnyx"),
    Prompt("TELNYX_NUMBERS", "Telnyx: our numbers, like +12135550100", needed=True, carrier="telnyx"),
)


class Environment:
    """The lines of an environment file. Comments, and settings that nobody here knows, are kept."""

    def __init__(self, text: str):
        self.lines = text.splitlines()

    def values(self) -> dict[str, str]:
        """Each setting as systemd and `mobilize` read it."""
        return dict(filter(None, map(read_line, self.lines)))

    def put(self, name: str, value: str) -> None:
        """In its place, or at the end; quoted as systemd, `mobilize` and a shell read it."""
        if not value.isprintable():
            raise CannotInstall(f"{name} must be one line of plain text.")
        quoted = re.sub(r'([\\"$`])', r"\\\1", value)
        places = [at for at, line in enumerate(self.lines) if (read_line(line) or [""])[0] == name]
        if not places:
            self.lines.append("")
        self.lines[places[0] if places else -1] = f'{name}="{quoted}"'
        for at in reversed(places[1:]):
            del self.lines[at]

    def take_off(self, name: str) -> None:
        self.lines = [line for line in self.lines if (read_line(line) or [""])[0] != name]

    def put_all_anew(self) -> None:
        """What was written by hand, in quotes too."""
        for name, value in self.values().items():
            self.put(name, value)

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"


def settings_in(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of `environ` that are settings of ours, and what was said behind `make install`, word for word:
    an empty one takes the setting off.

    Raises `CannotInstall` for what was said there and is no setting.
    """
    names = (*_known_settings(), *OF_SERVERS)
    overrides = {name: value for name, value in _behind_make(environ).items() if name not in OF_MAKE}
    for name in overrides.keys() - set(names):
        near = get_close_matches(name, names, 1)
        raise CannotInstall(f"{name} is no setting.{f' Did you mean {near[0]}?' if near else ''}")
    return {name: environ[name] for name in names if environ.get(name)} | overrides


def _behind_make(environ: Mapping[str, str]) -> dict[str, str]:
    """The NAME=value behind `make`, as they were typed: in the environment `make` has expanded each `$`. In
    MAKEFLAGS they stand behind two dashes, with blanks and backslashes escaped and each `$` doubled."""
    _flags, _dashes, typed = f" {environ.get('MAKEFLAGS', '')}".partition(" -- ")
    words = re.findall(r"(?:[^\s\\]|\\.)+", typed, re.DOTALL)
    plain = [re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL).replace("$$", "$") for word in words]
    return {name: value for name, equals, value in (word.partition("=") for word in plain) if equals}


def settle(environment: Environment, overrides: Mapping[str, str], *, may_ask: bool) -> None:
    """Fill `environment`: what is in `overrides` wins, then what is there, then what somebody answers. An
    empty override takes the setting off.

    Raises `CannotInstall` where an answer is refused, or is needed and nobody can be asked.
    """
    environment.put_all_anew()
    _put_overrides(environment, overrides)
    for name, value in FIXED.items():
        if name not in environment.values():
            environment.put(name, value)
    if not {"SECRET_KEYS", "SECRET_KEYS_FILE"} & environment.values().keys():
        environment.put("SECRET_KEYS", config.new_key())
    for question in PROMPTS:
        _settle_one(question, environment, overrides, may_ask=may_ask)
    if problem := _refusal(environment.values()):
        raise CannotInstall(problem)


def _put_overrides(environment: Environment, overrides: Mapping[str, str]) -> None:
    """Those that nobody is asked for, and take off what is empty; a question may be answered by nothing."""
    may_be_empty = {question.name for question in PROMPTS if not question.needed}
    asked_for = {question.name for question in PROMPTS}
    for name, value in overrides.items():
        if value and name not in asked_for:
            environment.put(name, value)
        elif not value and name.startswith("SECRET_KEYS"):
            raise CannotInstall(f"{name} is never taken off: without it no name can be read again.")
        elif not value and name not in may_be_empty:
            environment.take_off(name)


def _settle_one(
    question: Prompt, environment: Environment, overrides: Mapping[str, str], *, may_ask: bool
) -> None:
    values = environment.values()
    if question.name in overrides and (overrides[question.name] or not question.needed):
        answer = _spelled_out(question, overrides[question.name])
        if problem := _refusal({**values, question.name: answer}, question):
            raise CannotInstall(problem)
        environment.put(question.name, answer)
    elif question.carrier and question.carrier not in values["CARRIERS"].split(","):
        return
    elif question.name not in values:
        environment.put(question.name, _answer(question, values) if may_ask else _default(question))


def _default(question: Prompt) -> str:
    default = _zone_of_this_machine() if question.name == "UNION_TIMEZONE" else question.default
    if question.needed and not default:
        raise CannotInstall(f"{question.name} is needed, and nobody can be asked here: {question.name}=...")
    return default


def _answer(question: Prompt, values: Mapping[str, str]) -> str:
    default = _zone_of_this_machine() if question.name == "UNION_TIMEZONE" else question.default
    prompt = f"  {question.text}{f' [{default}]' if default else ''}: "
    while True:
        typed = getpass.getpass(prompt) if question.secret else input(prompt)
        answer = _spelled_out(question, typed.strip() or default)
        if question.needed and not (typed.strip() or default):
            print("  This one is needed.")
        elif problem := _refusal({**values, question.name: answer}, question):
            print(f"  {problem}")
        else:
            return answer


def _spelled_out(question: Prompt, answer: str) -> str:
    """As `config.py` takes it: an address may be typed without its scheme, and nobody is named by no name."""
    if question.name == "PUBLIC_BASE_URL" and answer and "://" not in answer:
        return f"https://{answer}"
    if question.name == "CARRIERS" and answer.lower() == NO_TEXTS:
        return ""
    return answer.strip()


def _refusal(values: Mapping[str, str], question: Prompt | None = None) -> str:
    """Why `config.load` would not start with these values; with a question, only what its answer is to blame
    for: the others may still be missing."""
    if question and not question.checked:
        return ""
    try:
        config.load(values)
    except config.BadSetting as problem:
        if question is None or str(problem).startswith(question.name):
            return str(problem)
    return ""


def _zone_of_this_machine() -> str:
    zone = os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2]
    return zone if zone.startswith(("America/", "Pacific/")) else "America/Los_Angeles"


class _Recorder(dict[str, str]):
    """An environment that notes which names it is asked for."""

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.setdefault(name, "")
        return super().get(name) or default


def _known_settings() -> list[str]:
    """Every name that `config.load` looks for, and its `_FILE` twin."""
    recorder = _Recorder(MOBILIZE_ENV="test", SECRET_KEYS=config.new_key())
    config.load(recorder)
    return sorted(recorder)
