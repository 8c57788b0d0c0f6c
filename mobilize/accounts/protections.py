"""What protects people here, and whether it is in place: asked before the first action, and now and then."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, text

from mobilize import audit, keys, leases, migrating, observations, settings
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.scope import running_on, today
from mobilize.accounts.sessions import has_second_step
from mobilize.crypto import CannotOpen
from mobilize.database import Model, db, is_postgres
from mobilize.languages import _, say_date, say_time

OLD_KEY = timedelta(days=365)
FORGOT, APPENDONLY, BEAT = "privacy.forgotten", "redis.appendonly", "beat"


class State(StrEnum):
    """In place; to be done; not known, because nobody could look yet."""

    OK = "ok"
    TO_DO = "to_do"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Protection:
    """`is_so` says how it is, `do` what to do about it ("" when nothing), both in the reader's language."""

    name: str
    title: str
    state: State
    is_so: str
    do: str = ""


def protections(now: datetime) -> list[Protection]:
    """All of them, in the order of the list."""
    return [look(now) for look in _LOOKS]


def observe_keys(*, now: datetime) -> None:
    """Remember since when each key is listed, and whether every key that is needed is there."""
    for key in settings().secret_keys:
        observations.observe_first(f"key.{key.id}", "listed", now=now)
    observations.observe("keys.missing", keys.unknown_key() or "", now=now)


def _keys(now: datetime) -> Protection:
    newest, missing = settings().secret_keys[0].id, observations.last_seen("keys.missing")
    title, seen = _("Names and numbers are encrypted"), observations.last_seen(f"key.{newest}")
    if missing and missing.value:
        lost = missing.value
        said = _("Some data is encrypted with the key %(key)s, which is not in SECRET_KEYS.", key=lost)
        return Protection("keys", title, State.TO_DO, said, _("Put this key back into SECRET_KEYS."))
    days = (now - seen.seen_at).days if seen else 0
    said = _("New data is encrypted with the key %(key)s, now %(days)s days old.", key=newest, days=days)
    if seen and now - seen.seen_at > OLD_KEY:
        return Protection("keys", title, State.TO_DO, said, _("Make a new one: flask keys new, then rotate."))
    return Protection("keys", title, State.OK, said)


def _second_admin(now: datetime) -> Protection:
    n = db.session.scalar(
        select(func.count(RoleTerm.person_id.distinct())).where(
            RoleTerm.role == RoleName.ADMIN, running_on(today(now))
        )
    )
    title, said = _("Two people share the office"), _("Admins today: %(n)s.", n=n)
    do = _("Invite a second admin under People: what is dangerous then needs both.")
    return _done("second_admin", title, (n or 0) > 1, said, do)


def _second_steps(now: datetime) -> Protection:
    office = (RoleName.ADMIN, RoleName.ORGANIZER)
    held = select(RoleTerm.person_id).where(RoleTerm.role.in_(office), running_on(today(now)))
    people = db.session.scalars(select(Person).where(Person.id.in_(held)))
    without = sorted(_called(person) for person in people if not has_second_step(person, now=now))
    title = _("Organizers sign in with a passkey or an app")
    if not without:
        return Protection("second_steps", title, State.OK, _("All of them have set one up."))
    said = _("Not set up yet: %(names)s.", names=", ".join(without[:20]))
    return Protection(
        "second_steps", title, State.TO_DO, said, _("They are asked for it when they next sign in.")
    )


def _called(person: Person) -> str:
    try:
        return str(person.name)
    except CannotOpen:  # this page is where the missing key is told about
        return _("somebody whose name cannot be opened")


def _https(_now: datetime) -> Protection:
    title, said = (
        _("All visitors use HTTPS"),
        _("The address is %(url)s.", url=settings().public_base_url),
    )
    do = _("Put a proxy with a certificate in front, and write https:// into PUBLIC_BASE_URL.")
    return _done("https", title, settings().is_secure, said, do)


def _forgetting(now: datetime) -> Protection:
    title, run = _("What is over is forgotten"), observations.last_seen(FORGOT)
    holds = Model.metadata.tables["legal_holds"]
    held = db.session.scalar(select(func.count()).select_from(holds).where(holds.c.released_at.is_(None)))
    kept = _(" Legal holds that stand: %(n)s.", n=held) if held else ""
    do = _("Start the workers (make work): they forget by the clock.")
    if run is None:
        return Protection("forgetting", title, State.UNKNOWN, _("It has not run yet.") + kept, do)
    said = _("It last ran on %(when)s.", when=_moment(run.seen_at)) + kept
    return _done("forgetting", title, now - run.seen_at < timedelta(hours=2), said, do)


def _employer(_now: datetime) -> Protection:
    title, chosen = _("The employer's e-mail domains and phones are set"), settings()
    there = bool(chosen.employer_domains) and bool(chosen.employer_phone_prefixes)
    said = _(
        "E-mail domains: %(domains)s. Beginnings of desk phones: %(phones)s.",
        domains=", ".join(chosen.employer_domains) or _("none"),
        phones=", ".join(chosen.employer_phone_prefixes) or _("none"),
    )
    do = _("Set EMPLOYER_DOMAINS and EMPLOYER_PHONE_PREFIXES, so that no text goes to the employer's desks.")
    return _done("employer", title, there, said, do)


def _help_number(_now: datetime) -> Protection:
    title, number = _("A help number is printed"), settings().help_number
    said = _("It is %(number)s.", number=number) if number else _("Posters and pages show no help number.")
    return _done("help_number", title, bool(number), said, _("Set HELP_NUMBER to a phone somebody answers."))


def _database(_now: datetime) -> Protection:
    title = _("Confirmed check-ins survive a power cut")
    if is_postgres():
        value = str(db.session.scalar(text("SHOW synchronous_commit")))
        said = _("PostgreSQL, synchronous_commit is %(value)s.", value=value)
        return _done("database", title, value != "off", said, _("Set synchronous_commit = on in PostgreSQL."))
    value = str(db.session.scalar(text("PRAGMA synchronous")))
    said = _("SQLite, synchronous is %(value)s (2 is full).", value=value)
    return _done("database", title, value == "2", said, _("Restart: each connection sets it itself."))


def _redis(_now: datetime) -> Protection:
    title, seen = _("Redis saves to disk"), observations.last_seen(APPENDONLY)
    do = _("Set appendonly yes in Redis. Texts are not lost without it, only late.")
    if seen is None or seen.value not in {"yes", "no"}:
        said = _("The workers could not look yet, or Redis is away.")
        return Protection("redis", title, State.UNKNOWN, said, do)
    said = _("appendonly was %(value)s on %(when)s.", value=seen.value, when=_moment(seen.seen_at))
    return _done("redis", title, seen.value == "yes", said, do)


def _backups(_now: datetime) -> Protection:
    title, there = _("Backups are encrypted, and apart from the keys"), settings().backups_encrypted
    said = _("The operator says so.") if there else _("The operator has not said so.")
    do = _(
        "Encrypt every copy of the database, keep SECRET_KEYS elsewhere, try a restore; "
        "then set BACKUPS_ENCRYPTED=yes. We cannot see this from here."
    )
    return _done("backups", title, there, said, do)


def _migrations(_now: datetime) -> Protection:
    current = migrating.seen()
    title, at = _("The database matches this version"), ", ".join(sorted(current))
    said = _("They are at %(now)s.", now=at)
    return _done(
        "migrations", title, current == migrating.wanted(), said, _("Run: flask --app wsgi db upgrade")
    )


def _audit(now: datetime) -> Protection:
    title, seen = _("The audit is whole"), observations.last_seen(audit.VERIFIED)
    do = _("Run: flask audit verify. If it names a row, somebody altered the database: find out who could.")
    if seen is None:
        said = _("Nobody has verified it yet. The workers do, every hour.")
        return Protection("audit", title, State.UNKNOWN, said, do)
    said = _("Verified on %(when)s.", when=_moment(seen.seen_at))
    return _done("audit", title, seen.value == "holds", said, do)


def _workers(now: datetime) -> Protection:
    title, heard = _("The workers are at work"), leases.last_run(BEAT)
    do = _("Start them: make work. Without them no text leaves and nothing is forgotten.")
    if heard is None:
        return Protection("workers", title, State.TO_DO, _("They have not reported yet."), do)
    said = _("They last reported on %(when)s.", when=_moment(heard))
    return _done("workers", title, now - heard < timedelta(minutes=2), said, do)


def _done(name: str, title: str, is_done: bool, is_so: str, do: str) -> Protection:
    state = State.OK if is_done else State.TO_DO
    return Protection(name, title, state, is_so, "" if is_done else do)


def _moment(moment: datetime) -> str:
    return f"{say_date(moment)}, {say_time(moment)}"


_LOOKS: tuple[Callable[[datetime], Protection], ...] = (
    _keys,
    _second_admin,
    _second_steps,
    _https,
    _database,
    _backups,
    _forgetting,
    _audit,
    _employer,
    _help_number,
    _redis,
    _workers,
    _migrations,
)
