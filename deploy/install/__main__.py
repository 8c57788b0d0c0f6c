"""`make install` and `make uninstall`: the steps in their order, each told as it is done."""

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - whatever Python a system has comes here
    sys.exit("Python 3.11 is needed: Debian 12 or later, Ubuntu 24.04 or later.")

from deploy.install import CannotInstall, answers, archiving, files, release, system
from deploy.install.files import ENVIRONMENT, Files


def main() -> int:
    """Returns the exit code; what cannot be done is one line, and leaves what was done for the next run."""
    parser = argparse.ArgumentParser(prog="make install", description=__doc__)
    parser.add_argument("--no-start", action="store_true", help="lay everything down and start nothing")
    parser.add_argument(
        "--no-proxy", action="store_true", help="no Caddy: a proxy of your own, like deploy/nginx.conf"
    )
    parser.add_argument(
        "--destdir", default=os.environ.get("DESTDIR", ""), help="only write files, below this folder"
    )
    parser.add_argument(
        "--uninstall", action="store_true", help="take all away but settings, database and backups"
    )
    options = parser.parse_args()
    try:
        if options.uninstall:
            uninstall(Files(options.destdir))
        elif options.destdir:
            stage(Files(options.destdir))
        else:
            install(Files(), start=not options.no_start, proxy=not options.no_proxy)
    except CannotInstall as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. What was done stays; run it again to go on.", file=sys.stderr)
        return 1
    return 0


def install(machine: Files, *, start: bool, proxy: bool) -> None:
    system.check(start=start)
    print("What has to be known (Enter takes what stands in brackets)")
    values = write_settings(machine)
    print("The system")
    system.install_packages(proxy=proxy)
    system.make_user(machine)
    print("The files")
    files.write_all(machine, values, proxy=proxy)
    passphrase = archiving.write(machine, values) if archiving.is_possible() else ""
    print("The code")
    folder = release.copy(machine)
    release.build(folder)
    if not start:
        release.switch(machine, folder)
        print("\nNothing was started. Run it again where systemd runs: database, tables and services follow.")
        return
    print("The services")
    system.enable(proxy=proxy)
    system.start_stores(machine)
    if archiving.is_possible():
        archiving.start(values)
    system.make_database()
    system.migrate(folder)
    identity = make_backup_identity(machine, folder)
    release.switch(machine, folder)
    system.start_service(proxy=proxy)
    release.clean_up(machine)
    say_how_to_go_on(values, identity, passphrase)


def stage(machine: Files) -> None:
    """Only what is files, below another folder: to look at, or for a package."""
    values = write_settings(machine)
    files.write_all(machine, values, proxy=True)
    if archiving.is_possible():
        archiving.write(machine, values)
    release.switch(machine, release.copy(machine))


def write_settings(machine: Files) -> dict[str, str]:
    """The settings, asked for where they are not there yet; written before anything else is done."""
    environment = answers.Environment(machine.read(ENVIRONMENT) or answers.HEADING)
    answers.settle(environment, answers.settings_in(os.environ), may_ask=sys.stdin.isatty())
    machine.write(ENVIRONMENT, str(environment), 0o600)
    return environment.values()


def uninstall(machine: Files) -> None:
    if not machine.destdir and os.geteuid() != 0:
        raise CannotInstall("This needs to be root: sudo make uninstall")
    system.remove(machine)


def make_backup_identity(machine: Files, folder: Path) -> str:
    """What opens the backups, once, and to a terminal only; here stays what they are encrypted for."""
    environment = answers.Environment(machine.read(ENVIRONMENT))
    if environment.values().get("BACKUP_RECIPIENTS") or not sys.stdout.isatty():
        return ""
    if "backup" not in system.list_commands(folder):
        return ""
    own = "BACKUP_RECIPIENTS="
    lines = system.mobilize("backup", "new-identity", release=folder).splitlines()
    environment.put(
        "BACKUP_RECIPIENTS", next(line for line in lines if line.startswith(own)).removeprefix(own)
    )
    machine.write(ENVIRONMENT, str(environment), 0o600)
    return next(line for line in lines if line.startswith("AGE-SECRET-KEY-"))


def say_how_to_go_on(values: dict[str, str], identity: str, passphrase: str) -> None:
    print(f"\nMobilize answers at {values['PUBLIC_BASE_URL']}")
    print("Two things belong off this machine, and apart from each other:")
    print(f"  {ENVIRONMENT}: without its SECRET_KEYS no name can be read again")
    print(f"  what opens the backups: {identity or 'see docs/operating.md'}")
    if passphrase and sys.stdout.isatty():
        print(f"  what opens the archive of PostgreSQL's log, to lie with that: {passphrase}")
    commands = system.list_commands()
    if "doctor" in commands:
        print("What does not fit yet, and what to do: sudo mobilize doctor")
    if "setup-link" in commands:
        say_where_to_begin()
    else:
        print('The first admin: sudo mobilize people first-admin --name "..." --phone "..."')


def say_where_to_begin() -> None:
    """The first admin's address goes to a terminal alone, and to nobody once there is an admin."""
    if not sys.stdout.isatty():
        print("The first admin: sudo mobilize setup-link")
        return
    with suppress(CannotInstall):
        print(system.mobilize("setup-link"))


if __name__ == "__main__":
    sys.exit(main())
