"""Protections, as the page of that name lists them: whether each is in place, and what to do about it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, text

from mobilize import audit, settings
from mobilize.accounts.access.scope import running_on, today
from mobilize.accounts.higher_rooms import higher_rooms
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.sign_in.sessions import has_second_factor
from mobilize.database import db, is_postgres, locks, migration_status
from mobilize.keys import rotation as key_rotation
from mobilize.keys.crypto import CannotOpen
from mobilize.languages import _, say_date, say_time
from mobilize.observability import health_checks
from mobilize.operating import how_to
from mobilize.phones import format_phone
from mobilize.texts.receiving.callbacks import callback_statuses

OLD_KEY = timedelta(days=365)
FORGOT, APPENDONLY, BEAT = "privacy.forgotten", "redis.appendonly", "beat"


class ProtectionState(StrEnum):
    """In place; to be done; not known, because nobody could look yet."""

    OK = "ok"
    TO_DO = "to_do"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Protection:
    """One protection: `is_so` describes its state, `do` what to do about it ("" when nothing)."""

    name: str
    title: str
    state: ProtectionState
    is_so: str
    do: str = ""


def protections(now: datetime) -> list[Protection]:
    """All protections, in the order of the list."""
    return [look(now) for look in _LOOKS]


def observe_keys(*, now: datetime) -> None:
    """Record since when each key is listed, and whether a key that is needed is missing."""
    for key in settings().secret_keys:
        health_checks.record_first(f"key.{key.id}", "listed", now=now)
    health_checks.record("keys.missing", key_rotation.unfit_key() or "", now=now)


def _keys(now: datetime) -> Protection:
    newest, missing = settings().secret_keys[0].id, health_checks.latest("keys.missing")
    title, check = _("Names and numbers are encrypted"), health_checks.latest(f"key.{newest}")
    if missing and missing.value:
        lost = missing.value
        finding = _(
            "Some data cannot be opened: SECRET_KEYS lacks the key %(key)s, or has another one of that name.",
            key=lost,
        )
        return Protection(
            "keys", title, ProtectionState.TO_DO, finding, _("Put this key back into SECRET_KEYS.")
        )
    days = (now - check.seen_at).days if check else 0
    finding = _("New data is encrypted with the key %(key)s, now %(days)s days old.", key=newest, days=days)
    if check and now - check.seen_at > OLD_KEY:
        return Protection(
            "keys",
            title,
            ProtectionState.TO_DO,
            finding,
            _("Make a new one: %(mobilize)s keys new, then keys rotate.", **how_to()),
        )
    return Protection("keys", title, ProtectionState.OK, finding)


def _second_admin(now: datetime) -> Protection:
    n = db.session.scalar(
        select(func.count(RoleTerm.person_id.distinct())).where(
            RoleTerm.role == RoleName.ADMIN, running_on(today(now))
        )
    )
    title, finding = _("Two people share the office"), _("Admins today: %(n)s.", n=n)
    do = _("Invite a second admin under People: what is dangerous then needs both.")
    return _done("second_admin", title, (n or 0) > 1, finding, do)


def _second_factors(now: datetime) -> Protection:
    office = (RoleName.ADMIN, RoleName.ORGANIZER)
    held = select(RoleTerm.person_id).where(RoleTerm.role.in_(office), running_on(today(now)))
    people = db.session.scalars(select(Person).where(Person.id.in_(held)))
    without = sorted(_called(person) for person in people if not has_second_factor(person, now=now))
    title = _("Organizers sign in with a passkey or an app")
    if not without:
        return Protection("second_factors", title, ProtectionState.OK, _("All of them have set one up."))
    finding = _("Not set up yet: %(names)s.", names=", ".join(without[:20]))
    return Protection(
        "second_factors",
        title,
        ProtectionState.TO_DO,
        finding,
        _("They are asked for it when they next sign in."),
    )


def _called(person: Person) -> str:
    try:
        return str(person.name)
    except CannotOpen:  # the page of protections reports the missing key
        return _("somebody whose name cannot be opened")


def _https(_now: datetime) -> Protection:
    title, finding = (
        _("All visitors use HTTPS"),
        _("The address is %(url)s.", url=settings().public_base_url),
    )
    do = _("Put a proxy with a certificate in front, and write https:// into PUBLIC_BASE_URL.")
    return _done("https", title, settings().is_secure, finding, do)


def _forgetting(now: datetime) -> Protection:
    title, run = _("What is over is forgotten"), health_checks.latest(FORGOT)
    held = higher_rooms().running_holds()
    kept = _(" Legal holds that stand: %(n)s.", n=held) if held else ""
    do = _("Start the workers (%(start_workers)s): they forget by the clock.", **how_to())
    if run is None:
        return Protection("forgetting", title, ProtectionState.UNKNOWN, _("It has not run yet.") + kept, do)
    finding = _("It last ran on %(when)s.", when=_moment(run.seen_at)) + kept
    return _done("forgetting", title, now - run.seen_at < timedelta(hours=2), finding, do)


def _employer(_now: datetime) -> Protection:
    title, chosen = _("The employer's e-mail domains and phones are set"), settings()
    is_set = bool(chosen.employer_domains) and bool(chosen.employer_phone_prefixes)
    finding = _(
        "E-mail domains: %(domains)s. Beginnings of desk phones: %(phones)s.",
        domains=", ".join(chosen.employer_domains) or _("none"),
        phones=", ".join(chosen.employer_phone_prefixes) or _("none"),
    )
    do = _("Set EMPLOYER_DOMAINS and EMPLOYER_PHONE_PREFIXES, so that no text goes to the employer's desks.")
    return _done("employer", title, is_set, finding, do)


def _help_number(_now: datetime) -> Protection:
    title, number = _("A help number is printed"), settings().help_number
    finding = _("It is %(number)s.", number=number) if number else _("Posters and pages show no help number.")
    return _done(
        "help_number", title, bool(number), finding, _("Set HELP_NUMBER to a phone somebody answers.")
    )


def _database(_now: datetime) -> Protection:
    title = _("Confirmed check-ins survive a power cut")
    if is_postgres():
        value = str(db.session.scalar(text("SHOW synchronous_commit")))
        finding = _("PostgreSQL, synchronous_commit is %(value)s.", value=value)
        return _done(
            "database", title, value != "off", finding, _("Set synchronous_commit = on in PostgreSQL.")
        )
    value = str(db.session.scalar(text("PRAGMA synchronous")))
    finding = _("SQLite, synchronous is %(value)s (2 is full).", value=value)
    return _done("database", title, value == "2", finding, _("Restart: each connection sets it itself."))


def _redis(_now: datetime) -> Protection:
    title, check = _("Redis saves to disk"), health_checks.latest(APPENDONLY)
    do = _("Set appendonly yes in Redis. Texts are not lost without it, only late.")
    if check is None or check.value not in {"yes", "no"}:
        finding = _("The workers could not check yet, or Redis is away.")
        return Protection("redis", title, ProtectionState.UNKNOWN, finding, do)
    finding = _("appendonly was %(value)s on %(when)s.", value=check.value, when=_moment(check.seen_at))
    return _done("redis", title, check.value == "yes", finding, do)


def _backups(_now: datetime) -> Protection:
    title, is_set = _("Backups are encrypted, and apart from the keys"), settings().backups_encrypted
    finding = _("The operator says so.") if is_set else _("The operator has not said so.")
    do = _(
        "Encrypt every copy of the database, keep SECRET_KEYS elsewhere, try a restore; "
        "then set BACKUPS_ENCRYPTED=yes. We cannot see this from here."
    )
    return _done("backups", title, is_set, finding, do)


def _migrations(_now: datetime) -> Protection:
    current = migration_status.applied()
    title, at = _("The database matches this version"), ", ".join(sorted(current))
    finding = _("They are at %(now)s.", now=at)
    return _done(
        "migrations",
        title,
        not migration_status.is_behind(),
        finding,
        _("Run: %(migrate)s", **how_to()),
    )


def _audit(now: datetime) -> Protection:
    title, check = _("The audit is complete"), health_checks.latest(audit.VERIFIED)
    do = _(
        "Run: %(mobilize)s audit verify. If it names a row, somebody altered the database: "
        "find out who could.",
        **how_to(),
    )
    if check is None:
        finding = _("Not verified yet. The workers do it every hour.")
        return Protection("audit", title, ProtectionState.UNKNOWN, finding, do)
    finding = _("Verified on %(when)s.", when=_moment(check.seen_at))
    return _done("audit", title, check.value == "holds", finding, do)


def _workers(now: datetime) -> Protection:
    title, last_run = _("The workers are at work"), locks.last_run(BEAT)
    do = _("Start them: %(start_workers)s. Without them no text leaves and nothing is forgotten.", **how_to())
    if last_run is None:
        return Protection("workers", title, ProtectionState.TO_DO, _("They have not reported yet."), do)
    finding = _("They last reported on %(when)s.", when=_moment(last_run))
    return _done("workers", title, now - last_run < timedelta(minutes=2), finding, do)


def _texts_reach_us(now: datetime) -> Protection:
    title, statuses = _("Texts reach us, STOPs at once"), callback_statuses(now)
    do = _("Text any word to %(number)s.", number=format_phone(settings().text_number))
    if not statuses:
        return Protection("texts", title, ProtectionState.OK, _("There is no carrier, so nobody texts us."))
    if broken := [one for one in statuses if one.needs_somebody]:
        finding = _(
            "What %(carrier)s tells us is refused or does not come.", carrier=broken[0].carrier.title()
        )
        do = _("Look under “What the workers do”.")
        return Protection("texts", title, ProtectionState.TO_DO, finding, do)
    if waiting := [one for one in statuses if one.first_at is None]:
        finding = _("None has come by %(carrier)s yet.", carrier=waiting[0].carrier.title())
        return Protection("texts", title, ProtectionState.UNKNOWN, finding, do)
    first = min(one.first_at for one in statuses if one.first_at)
    return Protection("texts", title, ProtectionState.OK, _("Since %(when)s.", when=_moment(first)))


def _done(name: str, title: str, is_done: bool, is_so: str, do: str) -> Protection:
    state = ProtectionState.OK if is_done else ProtectionState.TO_DO
    return Protection(name, title, state, is_so, "" if is_done else do)


def _moment(moment: datetime) -> str:
    return f"{say_date(moment)}, {say_time(moment)}"


_LOOKS: tuple[Callable[[datetime], Protection], ...] = (
    _keys,
    _second_admin,
    _second_factors,
    _https,
    _database,
    _backups,
    _forgetting,
    _audit,
    _employer,
    _help_number,
    _texts_reach_us,
    _redis,
    _workers,
    _migrations,
)
