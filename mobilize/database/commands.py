"""The commands `flask migrate`, for operators, and `flask db`, Alembic's own, for writers of migrations."""

import click
import flask_migrate
from flask.cli import with_appcontext
from flask_migrate import cli

from mobilize.commands import Command, Commands
from mobilize.database import db as database
from mobilize.database import migration_status

_alembic = {"params": cli.db.params, "callback": cli.db.callback, "commands": cli.db.commands}
db = Commands("db", help=cli.db.help, **_alembic)


@click.command("migrate", cls=Command)
@with_appcontext
def migrate() -> None:
    """Bring the tables to this version. Those of a later one stay: this one works with them."""
    later = migration_status.unknown()
    database.session.remove()
    (own,) = migration_status.expected()
    if later:
        click.echo(
            f"The tables are of a later version ({', '.join(sorted(later))}) than this one ({own}), "
            "which works with them: nothing to do."
        )
        return
    flask_migrate.upgrade()
    click.echo(f"The tables are of this version ({own}).")
