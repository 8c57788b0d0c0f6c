"""The commands `flask backup` and `flask restore`."""

import json
from pathlib import Path

import click
from flask.cli import with_appcontext

from mobilize import clock, settings
from mobilize.backup import archive, gaps, restoring
from mobilize.commands import Command, Commands
from mobilize.errors import Refused

# Of --identity: it is asked for at the terminal.
TYPED = Path("-")

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
_identity = click.option(
    "--identity",
    type=click.Path(path_type=Path),
    help="The file with what opens backups (AGE-SECRET-KEY-...); - to type it, so that it lies nowhere here.",
)


class BackupCommands(Commands):
    """The group, which makes a backup when it is given no command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_bare = not any(arg in self.commands for arg in args) and "--help" not in args
        return super().parse_args(ctx, ["make", *args] if is_bare else args)


backup = BackupCommands("backup", help="Copies of everything but the keys, encrypted; alone it makes one.")


@backup.command("make")
@_json
def make(as_json: bool) -> None:
    """Make a backup in BACKUP_FOLDER, and delete those beyond BACKUPS_KEPT."""
    manifest = archive.write_backup(now=clock.now())
    if as_json:
        click.echo(json.dumps(vars(manifest)))
    else:
        size = f"{manifest.bytes / 1e6:,.1f} MB"
        click.echo(f"{Path(settings().backup_folder) / manifest.name}: {manifest.rows:,} rows, {size}.")


@backup.command("verify")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@_identity
@_json
def verify(file: Path | None, identity: Path | None, as_json: bool) -> None:
    """Check a backup, the newest unless FILE says another: its bytes, and with the identity also that it
    opens and has every row."""
    key = _identity_of(identity)
    manifest, opened = archive.verify(file or archive.newest_file(), key, now=clock.now())
    if as_json:
        click.echo(json.dumps({"file": manifest.name, "opened": opened, "rows": manifest.rows}))
    elif opened:
        click.echo(f"{manifest.name} opens and has its {manifest.rows:,} rows.")
    else:
        click.echo(f"{manifest.name} is as it was made. Whether it opens is seen with --identity FILE alone.")


@backup.command("list")
@_json
def list_backups(as_json: bool) -> None:
    """The backups in BACKUP_FOLDER, newest first."""
    rows = archive.manifests(Path(settings().backup_folder))
    if as_json:
        click.echo(json.dumps([vars(row) for row in rows]))
    for row in () if as_json else rows:
        click.echo(
            f"{row.taken_at[:16].replace('T', ' ')}Z  {row.rows:>12,} rows  {row.bytes:>14,} B  {row.name}"
        )


@backup.command("new-identity")
def new_identity() -> None:
    """Print what opens backups, and what they are encrypted for. It is stored nowhere."""
    identity, recipient = archive.new_identity()
    click.echo(
        f"# Keep this line off this machine, apart from SECRET_KEYS: without it no backup opens.\n{identity}"
    )
    click.echo(f"# This goes into the settings here:\nBACKUP_RECIPIENTS={recipient}")


@backup.command("restored")
@click.argument("taken_at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]))
def restored(taken_at):  # type: ignore[no-untyped-def]
    """Say that the database was put back by other means (pgBackRest, WAL-G, a file) as of TAKEN_AT, like
    2027-02-10T07:02+00:00. Workers notice most of it themselves."""
    gaps.mark_restored(taken_at)
    click.echo("Noted. Nothing but codes and emergencies leaves until the minutes since are looked up.")


@backup.command("go-on")
@click.option("--without", type=click.Choice(["log", "journal"]), required=True)
@click.confirmation_option(prompt="What it would have said is lost then, for good. Go on without it?")
def go_on(without: str) -> None:
    """Let texts leave after a restore though the carriers' log cannot be read, and what may have left is left
    to a person; or though the journal is lost, and what was taken away since stays given back."""
    restoring.go_on_without(without, by="shell", now=clock.now())
    click.echo("Noted. It goes on within half a minute.")


@click.command("restore", cls=Command)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@_identity
@click.option("--replace", is_flag=True, help="Throw away the database that is there.")
@_json
@with_appcontext
def restore(file: Path | None, identity: Path | None, replace: bool, as_json: bool) -> None:
    """Put a backup back, the newest unless FILE says another. Stop the web and the workers first."""
    key = _identity_of(identity)
    if key is None:
        raise Refused("no_identity", "A backup opens with its identity alone: --identity FILE.")
    done = restoring.restore(file or archive.newest_file(), key, replace=replace, by="shell", now=clock.now())
    if as_json:
        click.echo(
            json.dumps({"file": done.manifest.name, "rows": done.manifest.rows, "gap": str(done.gap_id)})
        )
        return
    click.echo(
        f"{done.manifest.rows:,} rows are back, as of {done.manifest.taken_at[:19].replace('T', ' ')} UTC."
    )
    click.echo(
        "Start the workers: codes leave at once, everything else when the minutes since are looked up."
    )


def _identity_of(path: Path | None) -> str | None:
    named = settings().backup_identity_file
    chosen = path or (Path(named) if named else None)
    if chosen == TYPED:
        typed: str = click.prompt("What opens backups (AGE-SECRET-KEY-..., is not shown)", hide_input=True)
        return typed.strip()
    return archive.read_identity(chosen) if chosen else None
